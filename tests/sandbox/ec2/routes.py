"""Routes that must lead somewhere when they are made, and are a blackhole when they lead there no more.

ministack takes any target and calls every route active.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from . import transit_gateways

_TARGETS = ("GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId", "TransitGatewayId")


def install() -> None:
    """Check routes on creation; work out their state before they are shown."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::EC2::Route"]
    for name in ("create", "update"):
        handler[name] = _checking(handler[name], properties_at=1 if name == "create" else 2)
    for action in ("DescribeRouteTables",):
        ec2._ACTION_MAP[action] = _refreshing(ec2._ACTION_MAP[action])
    association = provisioners._RESOURCE_HANDLERS["AWS::EC2::SubnetRouteTableAssociation"]
    original = association["create"]

    def associate(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
        subnet_id = properties.get("SubnetId", "")
        for table in ec2._route_tables.values():
            if any(a.get("SubnetId") == subnet_id for a in table["Associations"]):
                raise ValueError(
                    f"the specified association for route table {properties.get('RouteTableId')} conflicts with an "
                    "existing association (Error Code: Resource.AlreadyAssociated)"
                )
        physical_id, _ = original(logical_id, properties, stack_name)
        return physical_id, {"Id": physical_id}

    association["create"] = associate


def refresh(table: dict) -> None:
    """`active`, or `blackhole` where the target is gone or asleep."""
    for route in table["Routes"]:
        route["State"] = "active" if _is_alive(route, table["VpcId"]) else "blackhole"


def _is_alive(route: dict, vpc_id: str) -> bool:
    if interface_id := route.get("NetworkInterfaceId"):
        attachment = (ec2._network_interfaces.get(interface_id) or {}).get("Attachment") or {}
        instance = ec2._instances.get(attachment.get("InstanceId", ""))
        return bool(instance) and instance["State"]["Name"] in ("running", "pending")
    if gateway_id := route.get("TransitGatewayId"):
        return transit_gateways.attached(gateway_id, vpc_id) is not None
    if (nat_id := route.get("NatGatewayId")) is not None:
        return nat_id in ec2._nat_gateways
    gateway_id = route.get("GatewayId", "local")
    if gateway_id.startswith("igw-"):
        gateway = ec2._internet_gateways.get(gateway_id) or {}
        return any(a.get("VpcId") == vpc_id for a in gateway.get("Attachments", []))
    return True


def _checking(original: Callable, properties_at: int) -> Callable:
    def checked(*arguments: object) -> tuple[str, dict]:
        properties = arguments[properties_at]
        table = ec2._route_tables.get(properties.get("RouteTableId", ""))
        if table is None:
            raise ValueError(f"The routeTable ID '{properties.get('RouteTableId')}' does not exist")
        wanted = provisioners._ec2_route_destination(properties)
        _check_target(properties, table)
        if wanted[0] == "DestinationCidrBlock":
            ipaddress.ip_network(wanted[1])
        if properties_at == 1 and any(route.get(wanted[0]) == wanted[1] for route in table["Routes"]):
            raise ValueError(
                f"The route identified by {wanted[1]} already exists. (Error Code: RouteAlreadyExists)"
            )
        physical_id, _ = original(*arguments)
        return physical_id, {"CidrBlock": wanted[1]}

    return checked


def _check_target(properties: dict, table: dict) -> None:
    vpc_id = table["VpcId"]
    if not any(properties.get(name) for name in provisioners._EC2_ROUTE_TARGETS):
        raise ValueError("A route needs a target.")
    gateway_id = properties.get("GatewayId", "")
    if gateway_id.startswith("igw-") and not _is_alive({"GatewayId": gateway_id}, vpc_id):
        raise ValueError(
            f"route table {table['RouteTableId']} and network gateway {gateway_id} belong to different networks "
            "(Error Code: InvalidParameterValue)"
        )
    if (transit := properties.get("TransitGatewayId")) and transit_gateways.attached(transit, vpc_id) is None:
        raise ValueError(
            f"The transitGateway ID '{transit}' does not exist. (Error Code: InvalidTransitGatewayID.NotFound)"
        )
    if interface_id := properties.get("NetworkInterfaceId"):
        interface = ec2._network_interfaces.get(interface_id)
        if interface is None or interface["VpcId"] != vpc_id:
            raise ValueError(f"The networkInterface ID '{interface_id}' does not exist")


def _refreshing(original: Callable) -> Callable:
    def described(p: dict):  # noqa: ANN202
        for table in ec2._route_tables.values():
            refresh(table)
        return original(p)

    return described
