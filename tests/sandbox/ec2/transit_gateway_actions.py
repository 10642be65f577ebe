"""The transit gateway actions of EC2's API; ministack has none of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from ..wire import Response
from ..world import World
from . import peerings
from . import transit_gateways as transit
from .xml import EC2Error, respond, tags_of

_world: list[World] = []


def install(world: World) -> None:
    """Add the actions."""
    _world[:] = [world]
    peerings.install(world)
    for function in _ACTIONS:
        name = "".join(word.capitalize() for word in function.__name__.split("_"))
        ec2._ACTION_MAP[name] = _action(name, function)


def _action(name: str, function: Callable[[dict], dict]) -> Callable[[dict], Response]:
    def act(p: dict) -> Response:
        try:
            return respond(name, function(p))
        except EC2Error as error:
            return ec2._error(error.code, error.message, error.status)

    return act


def create_transit_gateway_peering_attachment(p: dict) -> dict:
    requester = peerings.Side(get_account_id(), get_region(), ec2._p(p, "TransitGatewayId"))
    accepter = peerings.Side(ec2._p(p, "PeerAccountId"), ec2._p(p, "PeerRegion"), ec2._p(p, "PeerTransitGatewayId"))
    made = peerings.create(requester, accepter)
    ec2._parse_tag_specs(p, "transit-gateway-attachment", made.id)
    return {"TransitGatewayPeeringAttachment": _peering(made, made.requester)}


def describe_transit_gateway_peering_attachments(p: dict) -> dict:
    here, filters = (get_account_id(), get_region()), ec2._parse_filters(p)
    # The list is flattened under both names, depending on the SDK.
    wanted = ec2._parse_member_list(p, "TransitGatewayAttachmentIds") or ec2._parse_member_list(
        p, "TransitGatewayAttachmentId"
    )
    visible = {}
    for peering in peerings.all_peerings():
        for attachment_id, side in peering.sides_at(*here):
            if peering.seen(side, _world[0].clock()):
                visible[attachment_id] = _peering(peering, side)
    for attachment_id in wanted:
        if attachment_id not in visible:
            raise _no_attachment(attachment_id)
    rows = [row for key, row in visible.items() if not wanted or key in wanted]
    return {"TransitGatewayPeeringAttachments": [row for row in rows if _matches_peering(row, filters)]}


def accept_transit_gateway_peering_attachment(p: dict) -> dict:
    return _on_peering(p, peerings.accept)


def reject_transit_gateway_peering_attachment(p: dict) -> dict:
    return _on_peering(p, peerings.reject)


def delete_transit_gateway_peering_attachment(p: dict) -> dict:
    return _on_peering(p, peerings.delete)


def describe_transit_gateways(p: dict) -> dict:
    rows = _chosen(p, "TransitGatewayIds", transit.GATEWAYS, transit.gateway)
    return {"TransitGatewaySet": [{**row, "TagSet": tags_of(row["TransitGatewayId"])} for row in rows]}


def describe_transit_gateway_route_tables(p: dict) -> dict:
    rows = _chosen(p, "TransitGatewayRouteTableIds", transit.TABLES, transit.table)
    wanted = ec2._parse_filters(p).get("transit-gateway-id")
    return {
        "TransitGatewayRouteTables": [
            {**_public(row), "TagSet": tags_of(row["TransitGatewayRouteTableId"])}
            for row in rows
            if not wanted or row["TransitGatewayId"] in wanted
        ]
    }


def describe_transit_gateway_vpc_attachments(p: dict) -> dict:
    rows = _chosen(p, "TransitGatewayAttachmentIds", transit.ATTACHMENTS, _attachment)
    filters = ec2._parse_filters(p)
    keys = {"vpc-id": "VpcId", "transit-gateway-id": "TransitGatewayId", "state": "State"}
    return {
        "TransitGatewayVpcAttachments": [
            {**row, "TagSet": tags_of(row["TransitGatewayAttachmentId"])}
            for row in rows
            if all(row[keys[name]] in values for name, values in filters.items() if name in keys)
        ]
    }


def describe_transit_gateway_attachments(p: dict) -> dict:
    wanted, here = ec2._parse_member_list(p, "TransitGatewayAttachmentIds"), (get_account_id(), get_region())
    known = [*transit.ATTACHMENTS, *(id_ for q in peerings.all_peerings() for id_, _ in q.sides_at(*here))]
    rows = []
    for attachment_id in wanted or known:
        found = transit.describe(attachment_id)
        if found is None:
            raise _no_attachment(attachment_id)
        associated = transit.association_of(attachment_id)
        rows.append(
            {
                "TransitGatewayAttachmentId": attachment_id,
                "TransitGatewayId": found["gateway"],
                "TransitGatewayOwnerId": here[0],
                "ResourceType": found["kind"],
                "ResourceId": found["resource"],
                "State": found["state"],
                "Association": {"TransitGatewayRouteTableId": associated, "State": "associated"} if associated else None,
                "TagSet": tags_of(attachment_id),
            }
        )
    return {"TransitGatewayAttachments": rows}


def associate_transit_gateway_route_table(p: dict) -> dict:
    table_id, attachment_id = _pair(p)
    transit.associate(table_id, attachment_id)
    return {"Association": _association(table_id, attachment_id, "associating")}


def disassociate_transit_gateway_route_table(p: dict) -> dict:
    table_id, attachment_id = _pair(p)
    transit.disassociate(table_id, attachment_id)
    return {"Association": _association(table_id, attachment_id, "disassociating")}


def get_transit_gateway_route_table_associations(p: dict) -> dict:
    table_id, filters = ec2._p(p, "TransitGatewayRouteTableId"), ec2._parse_filters(p)
    wanted = filters.get("transit-gateway-attachment-id")
    ids = [i for i in transit.table(table_id)["_associations"] if not wanted or i in wanted]
    return {"Associations": [_association(table_id, attachment_id, "associated") for attachment_id in ids]}


def get_transit_gateway_route_table_propagations(p: dict) -> dict:
    table_id = ec2._p(p, "TransitGatewayRouteTableId")
    ids = transit.table(table_id)["_propagations"]
    rows = [_association(table_id, attachment_id, "enabled") for attachment_id in ids]
    return {"TransitGatewayRouteTablePropagations": rows}


def create_transit_gateway_route(p: dict) -> dict:
    cidr = str(ipaddress.ip_network(ec2._p(p, "DestinationCidrBlock")))
    blackhole = ec2._p(p, "Blackhole") == "true"
    attachment_id = None if blackhole else ec2._p(p, "TransitGatewayAttachmentId")
    return {"Route": transit.create_route(ec2._p(p, "TransitGatewayRouteTableId"), cidr, attachment_id)}


def delete_transit_gateway_route(p: dict) -> dict:
    table_id, cidr = ec2._p(p, "TransitGatewayRouteTableId"), ec2._p(p, "DestinationCidrBlock")
    before = [route for route in transit.routes(table_id) if route["DestinationCidrBlock"] == cidr]
    transit.delete_route(table_id, cidr)
    return {"Route": {**before[0], "State": "deleted"}}


def search_transit_gateway_routes(p: dict) -> dict:
    filters = ec2._parse_filters(p)
    found = transit.routes(ec2._p(p, "TransitGatewayRouteTableId"))
    return {"RouteSet": [r for r in found if _matches_route(r, filters)], "AdditionalRoutesAvailable": False}


_ACTIONS = (
    create_transit_gateway_peering_attachment,
    describe_transit_gateway_peering_attachments,
    accept_transit_gateway_peering_attachment,
    reject_transit_gateway_peering_attachment,
    delete_transit_gateway_peering_attachment,
    describe_transit_gateways,
    describe_transit_gateway_route_tables,
    describe_transit_gateway_vpc_attachments,
    describe_transit_gateway_attachments,
    associate_transit_gateway_route_table,
    disassociate_transit_gateway_route_table,
    get_transit_gateway_route_table_associations,
    get_transit_gateway_route_table_propagations,
    create_transit_gateway_route,
    delete_transit_gateway_route,
    search_transit_gateway_routes,
)


def _peering(peering: peerings.Peering, side: peerings.Side) -> dict:
    state, message = peering.seen(side, _world[0].clock())
    return {
        "TransitGatewayAttachmentId": peering.id_of(side),
        "AccepterTransitGatewayAttachmentId": peering.far_id,
        **{
            f"{name}TgwInfo": {"TransitGatewayId": s.gateway, "OwnerId": s.account, "Region": s.region}
            for name, s in (("Requester", peering.requester), ("Accepter", peering.accepter))
        },
        "Status": {"Code": state, "Message": message},
        "State": state,
        "CreationTime": peering.created,
        "TagSet": tags_of(peering.id_of(side)),
    }


def _on_peering(p: dict, act: Callable[[peerings.Peering, peerings.Side], None]) -> dict:
    attachment_id, now = ec2._p(p, "TransitGatewayAttachmentId"), _world[0].clock()
    peering = peerings.find(attachment_id)
    side = peering and peering.side_of(attachment_id, get_account_id(), get_region())
    seen = side and peering.seen(side, now)
    if not seen or peering.state == "deleted":
        raise _no_attachment(attachment_id)
    act(peering, side)
    return {"TransitGatewayPeeringAttachment": _peering(peering, side)}


def _no_attachment(attachment_id: str) -> EC2Error:
    return EC2Error(
        "InvalidTransitGatewayAttachmentID.NotFound",
        f"Transit Gateway Attachment {attachment_id} was deleted or does not exist.",
    )


def _attachment(attachment_id: str) -> dict:
    if attachment_id not in transit.ATTACHMENTS:
        raise _no_attachment(attachment_id)
    return transit.ATTACHMENTS[attachment_id]


def _chosen(p: dict, prefix: str, store: object, find: Callable[[str], dict]) -> list[dict]:
    wanted = ec2._parse_member_list(p, prefix)
    return [find(key) for key in wanted] if wanted else list(store.values())


def _public(row: dict) -> dict:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _pair(p: dict) -> tuple[str, str]:
    return ec2._p(p, "TransitGatewayRouteTableId"), ec2._p(p, "TransitGatewayAttachmentId")


def _association(table_id: str, attachment_id: str, state: str) -> dict:
    found = transit.describe(attachment_id) or {}
    return {
        "TransitGatewayRouteTableId": table_id,
        "TransitGatewayAttachmentId": attachment_id,
        "ResourceId": found.get("resource"),
        "ResourceType": found.get("kind"),
        "State": state,
    }


def _matches_peering(row: dict, filters: dict) -> bool:
    found = {
        "transit-gateway-attachment-id": [row["TransitGatewayAttachmentId"]],
        "state": [row["State"]],
        "transit-gateway-id": [row["RequesterTgwInfo"]["TransitGatewayId"], row["AccepterTgwInfo"]["TransitGatewayId"]],
        "local-owner-id": [get_account_id()],
        "remote-owner-id": [row["RequesterTgwInfo"]["OwnerId"], row["AccepterTgwInfo"]["OwnerId"]],
    }
    if not ec2._resource_matches_tag_filters(row["TransitGatewayAttachmentId"], filters):
        return False
    return all(set(found[name]) & set(values) for name, values in filters.items() if name in found)


def _matches_route(route: dict, filters: dict) -> bool:
    towards = route["TransitGatewayAttachments"]
    found = {
        "route-search.exact-match": [route["DestinationCidrBlock"]],
        "type": [route["Type"]],
        "state": [route["State"]],
        "attachment.transit-gateway-attachment-id": [a["TransitGatewayAttachmentId"] for a in towards],
        "attachment.resource-id": [a["ResourceId"] for a in towards],
        "attachment.resource-type": [a["ResourceType"] for a in towards],
    }
    return all(set(found[name]) & set(values) for name, values in filters.items() if name in found)
