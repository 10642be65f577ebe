"""What is in use cannot be deleted: groups, subnets, route tables, attached gateways.

ministack's CloudFormation drops them whatever wears or uses them, so a wrong order of deletion would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, lambda_svc, opensearch
from ministack.services.cloudformation import provisioners

from . import addresses, transit_gateways


def install() -> None:
    """Ask before each deletion, by CloudFormation and by API."""
    for kind, users, action, field in (
        ("AWS::EC2::SecurityGroup", users_of_group, "DeleteSecurityGroup", "GroupId"),
        ("AWS::EC2::Subnet", users_of_subnet, "DeleteSubnet", "SubnetId"),
        ("AWS::EC2::RouteTable", users_of_table, "DeleteRouteTable", "RouteTableId"),
    ):
        handler = provisioners._RESOURCE_HANDLERS[kind]
        handler["delete"] = _guarded(handler["delete"], users)
        ec2._ACTION_MAP[action] = _guarded_action(ec2._ACTION_MAP[action], users, field)
    attachment = provisioners._RESOURCE_HANDLERS["AWS::EC2::VPCGatewayAttachment"]
    original = attachment["delete"]

    def detach(physical_id: str, properties: dict) -> None:
        vpc_id = properties.get("VpcId", "")
        for interface in ec2._network_interfaces.values():
            if interface["VpcId"] == vpc_id and addresses.public_address(interface):
                raise ValueError(
                    f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) "
                    "before detaching the gateway. (Error Code: DependencyViolation)"
                )
        original(physical_id, properties)

    attachment["delete"] = detach


def users_of_group(group_id: str) -> list[str]:
    """Whatever wears a group, and the groups that name it."""
    found = [
        eni["NetworkInterfaceId"]
        for eni in ec2._network_interfaces.values()
        if any(group["GroupId"] == group_id for group in eni["Groups"])
    ]
    found += [name for name, config in _vpc_configs() if group_id in (config.get("SecurityGroupIds") or [])]
    for other_id, other in ec2._security_groups.items():
        rules = [*other.get("IpPermissions", []), *other.get("IpPermissionsEgress", [])]
        if other_id != group_id and any(
            pair.get("GroupId") == group_id for rule in rules for pair in rule.get("UserIdGroupPairs", [])
        ):
            found.append(other_id)
    return found


def users_of_subnet(subnet_id: str) -> list[str]:
    found = [eni["NetworkInterfaceId"] for eni in ec2._network_interfaces.values() if eni["SubnetId"] == subnet_id]
    found += [name for name, config in _vpc_configs() if subnet_id in (config.get("SubnetIds") or [])]
    found += [
        a["TransitGatewayAttachmentId"]
        for a in transit_gateways.ATTACHMENTS.values()
        if subnet_id in a["SubnetIds"]
    ]
    return found + [nat["NatGatewayId"] for nat in ec2._nat_gateways.values()
                    if nat.get("SubnetId") == subnet_id and nat.get("State") != "deleted"]  # fmt: skip


def users_of_table(table_id: str) -> list[str]:
    table = ec2._route_tables.get(table_id) or {"Associations": []}
    return [a["RouteTableAssociationId"] for a in table["Associations"] if not a.get("Main")]


def _vpc_configs() -> Iterable[tuple[str, dict]]:
    for name, function in lambda_svc._functions.items():
        yield name, (function.get("config") or {}).get("VpcConfig") or {}
    for (account, region, name), domain in list(opensearch._domains._data.items()):
        if (account, region) == (get_account_id(), get_region()):
            yield name, domain.get("VPCOptions") or {}


def _guarded(delete: Callable[[str, dict], None], users: Callable[[str], list[str]]) -> Callable[[str, dict], None]:
    def act(physical_id: str, properties: dict) -> None:
        if found := users(physical_id):
            raise ValueError(
                f"resource {physical_id} has a dependent object: {', '.join(found)} (Error Code: DependencyViolation)"
            )
        delete(physical_id, properties)

    return act


def _guarded_action(original: Callable, users: Callable[[str], list[str]], field: str) -> Callable:
    def act(p: dict):  # noqa: ANN202
        resource_id = ec2._p(p, field)
        if users(resource_id):
            return ec2._error("DependencyViolation", f"resource {resource_id} has a dependent object", 400)
        return original(p)

    return act


