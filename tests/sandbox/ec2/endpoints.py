"""VPC endpoints with what decides who reaches them: groups, interfaces, private names, policy.

ministack keeps most of it but makes no interfaces and shows none of it.
"""

from __future__ import annotations

import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from . import interfaces
from .types import is_true
from .xml import render

# Services that have an interface endpoint; `es` has none, which is why there is a NAT at all.
_INTERFACE = (
    "ec2", "sts", "ssm", "ssmmessages", "ec2messages", "lambda", "secretsmanager", "logs", "monitoring", "kms", "sqs",
    "sns", "events", "s3", "cloudformation",
)  # fmt: skip
_GATEWAY = ("s3", "dynamodb")


def install() -> None:
    """Wrap the type's handlers and the description."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::EC2::VPCEndpoint"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def create_endpoint(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
        _check(properties)
        physical_id, _ = create(logical_id, properties, stack_name)
        return physical_id, _settle(physical_id, properties)

    def update_endpoint(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple[str, dict]:
        _check(new)
        replaced = any(old.get(n) != new.get(n) for n in ("ServiceName", "VpcId", "VpcEndpointType"))
        if replaced:
            made = create_endpoint("", new, stack_name)
            provisioners._delete_predecessor(delete_endpoint, physical_id, old)
            return made
        update(physical_id, old, new, stack_name)
        _remove_interfaces(physical_id)
        return physical_id, _settle(physical_id, new)

    def delete_endpoint(physical_id: str, properties: dict) -> None:
        _remove_interfaces(physical_id)
        delete(physical_id, properties)

    handler.update(create=create_endpoint, update=update_endpoint, delete=delete_endpoint)
    shown = ec2._vpce_fields_xml

    def fields(endpoint: dict, tag: str = "item") -> str:
        policy = endpoint.get("PolicyDocument")
        more = {
            "GroupSet": interfaces.named(endpoint.get("SecurityGroupIds") or []),
            "PrivateDnsEnabled": is_true(endpoint.get("PrivateDnsEnabled", False)),
            "NetworkInterfaceIdSet": endpoint.get("NetworkInterfaceIds") or [],
            "PolicyDocument": json.dumps(policy) if isinstance(policy, dict) else policy,
        }
        return shown(endpoint, tag).removesuffix(f"</{tag}>") + render(more) + f"</{tag}>"

    ec2._vpce_fields_xml = fields


def _check(properties: dict) -> None:
    prefix, name = f"com.amazonaws.{get_region()}.", str(properties.get("ServiceName", ""))
    kind, service = properties.get("VpcEndpointType", "Gateway"), name.removeprefix(prefix)
    if not name.startswith(prefix) or service not in (_GATEWAY if kind == "Gateway" else _INTERFACE):
        raise ValueError(f"The Vpc Endpoint Service '{name}' does not exist (Error Code: InvalidServiceName)")
    vpc = ec2._vpcs.get(properties.get("VpcId", ""))
    if vpc is None:
        raise ValueError(f"The Vpc ID '{properties.get('VpcId')}' does not exist")
    private = kind == "Interface" and is_true(properties.get("PrivateDnsEnabled", False))
    if private and not (vpc.get("EnableDnsSupport", True) and vpc.get("EnableDnsHostnames", False)):
        raise ValueError(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true"
        )
    for endpoint in ec2._vpc_endpoints.values():
        taken = (endpoint["VpcId"], endpoint["ServiceName"], endpoint["VpcEndpointType"])
        if private and taken == (properties["VpcId"], name, "Interface") and endpoint.get("PrivateDnsEnabled"):
            raise ValueError(f"private-dns-enabled cannot be set because there is already a conflicting DNS domain "
                             f"for {service}.{get_region()}.amazonaws.com in the VPC {properties['VpcId']}")  # fmt: skip


def _settle(physical_id: str, properties: dict) -> dict:
    endpoint = ec2._vpc_endpoints[physical_id]
    service = endpoint["ServiceName"].rpartition(".")[2]
    endpoint["PrivateDnsEnabled"] = is_true(properties.get("PrivateDnsEnabled", False))
    endpoint["NetworkInterfaceIds"] = []
    if endpoint["VpcEndpointType"] == "Interface":
        for subnet_id in endpoint["SubnetIds"]:
            made = interfaces.make(
                subnet_id,
                list(endpoint["SecurityGroupIds"]),
                f"VPC Endpoint Interface {physical_id}",
                "vpc_endpoint",
                Status="in-use",
            )
            endpoint["NetworkInterfaceIds"].append(made["NetworkInterfaceId"])
        if not endpoint["SecurityGroupIds"]:
            endpoint["SecurityGroupIds"] = [ec2._vpcs[endpoint["VpcId"]]["DefaultSecurityGroupId"]]
    else:
        for table_id in endpoint["RouteTableIds"]:
            if table_id not in ec2._route_tables:
                raise ValueError(f"The routeTable ID '{table_id}' does not exist")
    endpoint["OwnerId"] = get_account_id()
    host = f"{physical_id}.{service}.{get_region()}.vpce.amazonaws.com"
    return {**provisioners._ec2_vpc_endpoint_attributes(endpoint), "DnsEntries": [f"Z1SANDBOX:{host}"]}


def _remove_interfaces(physical_id: str) -> None:
    for interface_id in (ec2._vpc_endpoints.get(physical_id) or {}).get("NetworkInterfaceIds") or []:
        ec2._network_interfaces.pop(interface_id, None)
