"""The transit gateway's resource types for CloudFormation, each of which takes a moment to become available."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..world import World
from . import transit_gateways as transit
from .types import register
from .xml import EC2Error

_world: list[World] = []


def install(world: World) -> None:
    """Register the types."""
    _world[:] = [world]
    slow = {"is_slow": True}
    register("AWS::EC2::TransitGateway", _gateway, _quiet(transit.delete_gateway), attributes=_gateway_of, **slow)
    for kind in ("AWS::EC2::TransitGatewayAttachment", "AWS::EC2::TransitGatewayVpcAttachment"):
        register(kind, _attachment, _quiet(transit.delete_attachment), attributes=lambda pid: {"Id": pid}, **slow)
    register(
        "AWS::EC2::TransitGatewayRouteTable",
        _table,
        _quiet(transit.delete_table),
        attributes=lambda pid: {"TransitGatewayRouteTableId": pid},
    )
    register("AWS::EC2::TransitGatewayRouteTableAssociation", _association, _disassociate, has_tags=False)
    register("AWS::EC2::TransitGatewayRouteTablePropagation", _propagation, _stop_propagation, has_tags=False)
    register("AWS::EC2::TransitGatewayRoute", _route, _delete_route, has_tags=False)


def _take_a_moment() -> None:
    time.sleep(_world[0].draw("transit_gateway"))


def _gateway(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    made = transit.create_gateway(properties)
    _take_a_moment()
    return made["TransitGatewayId"], _gateway_of(made["TransitGatewayId"])


def _gateway_of(gateway_id: str) -> dict:
    return {"Id": gateway_id, "TransitGatewayArn": transit.GATEWAYS[gateway_id]["TransitGatewayArn"]}


def _attachment(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    made = transit.create_attachment(
        properties.get("TransitGatewayId", ""),
        properties.get("VpcId", ""),
        list(properties.get("SubnetIds") or []),
        dict(properties.get("Options") or {}),
    )
    _take_a_moment()
    return made["TransitGatewayAttachmentId"], {"Id": made["TransitGatewayAttachmentId"]}


def _table(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    made = transit.create_table(properties.get("TransitGatewayId", ""))["TransitGatewayRouteTableId"]
    return made, {"TransitGatewayRouteTableId": made}


def _pair(properties: dict) -> tuple[str, str]:
    return properties.get("TransitGatewayRouteTableId", ""), properties.get("TransitGatewayAttachmentId", "")


def _association(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    transit.associate(*_pair(properties))
    return "_".join(_pair(properties)), {}


def _disassociate(physical_id: str, properties: dict) -> None:
    try:
        transit.disassociate(*_pair(properties))
    except EC2Error:
        # An attachment that is gone took its association with it.
        return


def _propagation(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    transit.propagate(*_pair(properties))
    return "_".join(_pair(properties)), {}


def _stop_propagation(physical_id: str, properties: dict) -> None:
    transit.stop_propagation(*_pair(properties))


def _route(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    table_id, attachment_id = _pair(properties)
    cidr = properties.get("DestinationCidrBlock", "")
    transit.create_route(table_id, cidr, None if str(properties.get("Blackhole")) == "true" else attachment_id)
    return f"{table_id}_{cidr}", {}


def _delete_route(physical_id: str, properties: dict) -> None:
    table_id, _ = _pair(properties)
    try:
        transit.delete_route(table_id, properties.get("DestinationCidrBlock", ""))
    except EC2Error:
        return


def _quiet(delete: Callable[[str], None]) -> Callable[[str, dict], None]:
    """What is gone already is deleted; what is in the way is waited for a little, as CloudFormation does."""

    def act(physical_id: str, properties: dict) -> None:
        try:
            delete(physical_id)
        except EC2Error as error:
            if not error.code.endswith(".NotFound"):
                raise ValueError(f"{error.message} (Error Code: {error.code})") from None

    return act


