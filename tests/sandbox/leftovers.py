"""What exists in every account and Region, to prove that a deletion left nothing.

Reads ministack's stores directly, because a question through the API would need a principal in every account.
"""

from __future__ import annotations

import re
from collections import Counter

from ministack.services import (
    cloudformation,
    cloudwatch,
    cloudwatch_logs,
    ec2,
    iam,
    lambda_svc,
    opensearch,
    s3,
    secretsmanager,
    sns,
    sqs,
    ssm,
)

from .ec2 import documents, peerings, transit_gateways
from .world import World

# kind -> (store, what of the value or key to show)
_STORES = {
    "functions": lambda: lambda_svc._functions,
    "roles": lambda: iam._roles,
    "policies": lambda: iam._policies,
    "buckets": lambda: s3._buckets,
    "queues": lambda: sqs._queues,
    "topics": lambda: sns._topics,
    "secrets": lambda: secretsmanager._secrets,
    "log_groups": lambda: cloudwatch_logs._log_groups,
    "alarms": lambda: cloudwatch._alarms,
    "domains": lambda: opensearch._domains,
    "parameters": lambda: ssm._parameters,
    "vpcs": lambda: ec2._vpcs,
    "subnets": lambda: ec2._subnets,
    "route_tables": lambda: ec2._route_tables,
    "security_groups": lambda: ec2._security_groups,
    "internet_gateways": lambda: ec2._internet_gateways,
    "network_interfaces": lambda: ec2._network_interfaces,
    "addresses": lambda: ec2._addresses,
    "endpoints": lambda: ec2._vpc_endpoints,
    "nat_gateways": lambda: ec2._nat_gateways,
    "launch_templates": lambda: ec2._launch_templates,
    "volumes": lambda: ec2._volumes,
    "flow_logs": lambda: ec2._flow_logs,
    "transit_gateways": lambda: transit_gateways.GATEWAYS,
    "transit_gateway_attachments": lambda: transit_gateways.ATTACHMENTS,
    "transit_gateway_route_tables": lambda: transit_gateways.TABLES,
    "documents": lambda: documents.DOCUMENTS,
    "instance_profiles": lambda: iam._instance_profiles,
    "log_policies": lambda: cloudwatch_logs._resource_policies,
}
# What every account has in every Region from the start: the default VPC and its parts.
_DEFAULT = re.compile(r"^[a-z]+-0000000[1-9]$")


def count(world: World) -> dict:
    """`total`, `counts` by kind, and `items`: one line each, "<account> <region> <kind> <name>"."""
    found: list[tuple[str, str, str, str]] = []
    for kind, store in _STORES.items():
        for key in list(store()._data):
            account, *region, name = key
            if kind == "policies" and (account == "aws" or ":aws:policy/" in str(name)):
                continue
            if kind == "roles" and str(name).startswith("AWSServiceRole"):
                continue
            if _DEFAULT.match(str(name)):
                continue
            if kind == "nat_gateways" and store()._data[key].get("State") == "deleted":
                continue
            found.append((account, region[0] if region else "global", kind, str(name)))
    for (account, region, name), instance in list(ec2._instances._data.items()):
        if instance["State"]["Name"] != "terminated":
            found.append((account, region, "instances", f"{name} {instance['State']['Name']}"))
    for peering in peerings.all_peerings():
        if peering.is_live:
            found.append((*peering.requester[:2], "peerings", f"{peering.id} {peering.state}"))
    for (account, region, _), stack in cloudformation._stacks._data.items():
        if stack.get("StackStatus") != "DELETE_COMPLETE":
            found.append((account, region, "stacks", f"{stack['StackName']} {stack['StackStatus']}"))
    for connection in world.connections.all():
        if connection.status != "DELETED":
            found.append((*connection.local.scope, "connections", f"{connection.alias} {connection.status}"))
    return {
        "total": len(found),
        "counts": dict(sorted(Counter(kind for _, _, kind, _ in found).items())),
        "items": [" ".join(item) for item in sorted(found)],
    }
