"""Every single way to break a network: one rule, route, endpoint, association or attachment taken away.

A flow that is promised must notice, and name it; what nobody notices should not be there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .network import Network, World


class Mutation(NamedTuple):
    """A name for what was taken away, and the world without it."""

    name: str
    world: World


def every(world: World) -> Iterator[Mutation]:
    """One world per thing that can be missing."""
    for place, network in world.items():
        for group in range(len(network.security_groups)):
            for side in ("IpPermissions", "IpPermissionsEgress"):
                rules = network.security_groups[group][side]
                for rule in range(len(rules)):
                    name = f"{side} {rule} of {network.security_groups[group]['GroupName']} {_peer(rules[rule])}"
                    yield _without(world, place, name, lambda n, g=group, s=side, r=rule: n.security_groups[g][s].pop(r))
        for kind in ("route_tables", "transit_tables"):
            for index, table in enumerate(getattr(network, kind)):
                for route, found in enumerate(table["Routes"]):
                    if found.get("GatewayId") != "local":
                        name = f"route {found['DestinationCidrBlock']} of {kind} {index}"
                        yield _without(world, place, name, lambda n, k=kind, i=index, r=route: getattr(n, k)[i]["Routes"].pop(r))
                for association, found in enumerate(table["Associations"]):
                    if not found.get("Main"):
                        name = f"association {association} of {kind} {index}"
                        yield _without(world, place, name,
                                       lambda n, k=kind, i=index, a=association: getattr(n, k)[i]["Associations"].pop(a))
        for index, found in enumerate(network.addresses):
            yield _without(world, place, f"address {found['PublicIp']}", lambda n, i=index: _release(n, i))
        for kind in ("endpoints", "internet_gateways", "vpc_attachments", "peerings", "instances"):
            for index, found in enumerate(getattr(network, kind)):
                what = found.get("ServiceName") or found.get("InstanceId") or found.get("InternetGatewayId") or index
                yield _without(world, place, f"{kind} {what}", lambda n, k=kind, i=index: getattr(n, k).pop(i))
        for index, found in enumerate(network.interfaces):
            if not found["SourceDestCheck"]:
                yield _without(world, place, f"no check on interface {index}",
                               lambda n, i=index: n.interfaces[i].update(SourceDestCheck=True))  # fmt: skip


def _release(network: Network, index: int) -> None:
    """An instance's address is its interface's."""
    address = network.addresses.pop(index)
    for instance in network.instances:
        if instance["InstanceId"] == address.get("InstanceId"):
            instance.pop("PublicIpAddress", None)


def _without(world: World, place: object, name: str, take_away: Callable) -> Mutation:
    changed = {**world, place: copy.deepcopy(world[place])}
    take_away(changed[place])
    return Mutation(f"{place.region}: {name}", changed)


def _peer(rule: dict) -> str:
    peers = [r["CidrIp"] for r in rule.get("IpRanges", [])] + [p["GroupId"] for p in rule.get("UserIdGroupPairs", [])]
    return f"{rule['IpProtocol']} {' '.join(peers)}"
