"""Small types that ministack has no CloudFormation handler for, or only an API: documents, policies, flow logs.

They are kept so that a template deploys and deletes; nothing acts on a document or writes a flow log.
"""

from __future__ import annotations

import json

from ministack.core.responses import AccountRegionScopedDict, get_account_id
from ministack.services import cloudwatch_logs, ec2
from ministack.services.cloudformation import provisioners

from .types import register
from .xml import new_id

DOCUMENTS = AccountRegionScopedDict()


def install() -> None:
    """Register them where ministack has none."""
    register("AWS::SSM::Document", _create_document, lambda name, _: DOCUMENTS.pop(name, None))
    register("AWS::EC2::FlowLog", _create_flow_log, lambda log, _: ec2._flow_logs.pop(log, None))
    register(
        "AWS::EC2::EgressOnlyInternetGateway", _create_egress_only, lambda pid, _: ec2._egress_igws.pop(pid, None)
    )
    if "AWS::Logs::ResourcePolicy" not in provisioners._RESOURCE_HANDLERS:
        register("AWS::Logs::ResourcePolicy", _put_policy, _delete_policy, _update_policy, has_tags=False)


def _create_document(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    name = properties.get("Name") or f"{stack_name}-{logical_id}-{new_id('d')[2:12]}"
    if name in DOCUMENTS:
        raise ValueError(f"Document with same name {name} already exists (DocumentAlreadyExists)")
    if not isinstance(properties.get("Content"), (dict, str)):
        raise ValueError("Document content is missing (InvalidDocumentContent)")
    DOCUMENTS[name] = dict(properties)
    return name, {}


def _create_flow_log(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    resource = properties.get("ResourceId", "")
    if resource not in ec2._vpcs and resource not in ec2._subnets and resource not in ec2._network_interfaces:
        raise ValueError(f"The resource '{resource}' does not exist")
    flow_log = new_id("fl")
    ec2._flow_logs[flow_log] = {
        "FlowLogId": flow_log,
        "ResourceId": resource,
        "ResourceType": properties.get("ResourceType", "VPC"),
        "TrafficType": properties.get("TrafficType", "ALL"),
        "LogDestinationType": properties.get("LogDestinationType", "cloud-watch-logs"),
        "LogDestination": properties.get("LogDestination") or properties.get("LogGroupName", ""),
        "FlowLogStatus": "ACTIVE",
        "CreationTime": ec2._now_ts(),
    }
    return flow_log, {"Id": flow_log}


def _create_egress_only(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    gateway = new_id("eigw")
    ec2._egress_igws[gateway] = {
        "EgressOnlyInternetGatewayId": gateway,
        "VpcId": properties.get("VpcId", ""),
        "State": "attached",
        "Tags": [],
        "OwnerId": get_account_id(),
    }
    return gateway, {"Id": gateway}


def _put_policy(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    document = properties.get("PolicyDocument")
    body = {
        "policyName": properties["PolicyName"],
        "policyDocument": document if isinstance(document, str) else json.dumps(document),
    }
    status, _, answer = cloudwatch_logs._put_resource_policy(body)
    if status >= 400:
        raise ValueError(f"AWS::Logs::ResourcePolicy: {answer!r}")
    return properties["PolicyName"], {}


def _update_policy(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple[str, dict]:
    made = _put_policy("", new, stack_name)
    if made[0] != physical_id:
        provisioners._delete_predecessor(_delete_policy, physical_id, old)
    return made


def _delete_policy(physical_id: str, properties: dict) -> None:
    cloudwatch_logs._resource_policies.pop(physical_id, None)
