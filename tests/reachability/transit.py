"""The way between two VPCs over peered transit gateways: there, and back, because an answer needs routes too.

Security groups are asked by address range, since a group of another Region cannot be named.
"""

from __future__ import annotations

from itertools import product

from .network import Host, Network, World, allows, cidr_of, find, route_to, table_of, vpc_of


def missing(world: World, source: Host, target: Host) -> str | None:
    """The first hop that is not there, or None."""
    for ours, theirs in product(source.subnets, target.subnets):
        there = cidr_of(world[target.place], theirs)
        back = cidr_of(world[source.place], ours)
        if not allows(world[source.place], source.groups, "egress", (), there):
            return f"egress rule of {source.name}'s security group to {target.name}"
        if not allows(world[target.place], target.groups, "ingress", (), back):
            return f"ingress rule of {target.name}'s security group from {source.name}"
        for start, end, start_subnet, cidr in ((source, target, ours, there), (target, source, theirs, back)):
            if hop := _one_way(world, start, end, start_subnet, cidr):
                return hop
    return None


def _one_way(world: World, start: Host, end: Host, subnet: str, cidr: str) -> str | None:
    near, far = world[start.place], world[end.place]
    table = table_of(near, subnet)
    route = route_to(table, cidr) if table else None
    gateway = (route or {}).get("TransitGatewayId")
    if not gateway:
        return f"route of {start.name}'s subnet {subnet} to {end.name} over the transit gateway"
    attachment = find(near.vpc_attachments, TransitGatewayId=gateway, VpcId=vpc_of(near, start), State="available")
    if attachment is None:
        return f"attachment of {start.name}'s VPC to its transit gateway"
    # An attachment serves the zones that it has a subnet in.
    zones = {(find(near.subnets, SubnetId=s) or {}).get("AvailabilityZone") for s in attachment["SubnetIds"]}
    if (find(near.subnets, SubnetId=subnet) or {}).get("AvailabilityZone") not in zones:
        return f"subnet of the transit gateway attachment in the zone of {start.name}'s subnet {subnet}"
    onward = _forward(near, attachment["TransitGatewayAttachmentId"], cidr, f"{start.name}'s VPC")
    if isinstance(onward, str):
        return onward
    towards = onward["TransitGatewayAttachmentId"]
    if onward["ResourceType"] == "vpc":
        return None if onward["ResourceId"] == vpc_of(far, end) else f"route to {end.name} in the transit gateway"
    if not find(near.peerings, TransitGatewayAttachmentId=towards, State="available"):
        return "available peering of the transit gateways"
    if not find(far.peerings, TransitGatewayAttachmentId=towards, State="available"):
        return f"peering of the transit gateways on {end.name}'s side"
    arrived = _forward(far, towards, cidr, f"the peering on {end.name}'s side")
    if isinstance(arrived, str):
        return arrived
    if arrived["ResourceType"] != "vpc" or arrived["ResourceId"] != vpc_of(far, end):
        return f"route to {end.name}'s VPC in its transit gateway"
    return None


def _forward(network: Network, attachment: str, cidr: str, whose: str) -> dict | str:
    """Where the transit gateway sends what came in by this attachment."""
    table = next(
        (
            table
            for table in network.transit_tables
            if find(table["Associations"], TransitGatewayAttachmentId=attachment)
        ),
        None,
    )
    if table is None:
        return f"association of the attachment of {whose} with a transit gateway route table"
    route = route_to(table, cidr)
    if route is None or not route["TransitGatewayAttachments"]:
        return f"route to {cidr} in the transit gateway route table of {whose}"
    return route["TransitGatewayAttachments"][0]
