"""The table: what a deployment promises can pass, and that nothing else reaches a domain.

One row per flow. What a layout does not have, it does not promise.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import NamedTuple

from .network import Host, Place, Service, World
from .paths import Verdict, reaches


class Flow(NamedTuple):
    """Somebody who must get somewhere, on port 443."""

    source: Host
    target: Host | Service
    bucket: str = ""

    @property
    def name(self) -> str:
        if isinstance(self.target, Host):
            return f"{self.source.name} -> {self.target.name}"
        what = "the response bucket" if self.bucket else _APIS.get(self.target.name, self.target.name)
        return f"{self.source.name} -> {what} of {self.target.region}"


_APIS = {
    "es": "the configuration API",
    "sts": "STS",
    "ec2": "EC2",
    "lambda": "Lambda",
    "ssm": "Systems Manager",
    "ssmmessages": "Session Manager",
    "cloudformation": "CloudFormation",
}


@dataclass
class Layout:
    """Who is there in one deployment; a `guest` is a function or client that somebody may put beside a domain."""

    leader: Place
    follower: Place
    function: Host
    leader_domain: Host
    follower_domain: Host
    nat: Host | None = None
    nat_id: str = ""
    is_peered: bool = False
    guests: list[Host] = field(default_factory=list)
    tunnels: list[Host] = field(default_factory=list)

    @property
    def domains(self) -> tuple[Host, Host]:
        return self.leader_domain, self.follower_domain


def promised(layout: Layout) -> list[Flow]:
    """What must pass while the NAT, if there is one, is awake."""
    here, there, function = layout.follower.region, layout.leader.region, layout.function
    rows = [Flow(function, Service("es", region)) for region in (here, there)]
    rows += [Flow(function, Service(name, here)) for name in ("sts", "ssm", "lambda", "cloudformation")]
    if layout.is_peered:
        rows += [Flow(function, Service("ec2", region)) for region in (here, there)]
    if layout.nat:
        rows += [Flow(layout.nat, Service(name, here)) for name in ("ssm", "ssmmessages")]
    return list(dict.fromkeys(rows + promised_asleep(layout)))


def promised_asleep(layout: Layout) -> list[Flow]:
    """What must pass even while the NAT is stopped, or there is none."""
    here, function = layout.follower.region, layout.function
    rows = [Flow(function, Service("s3", here), _bucket(here))]
    if layout.nat:
        # The call that wakes it cannot go through it.
        rows.append(Flow(function, Service("ec2", here)))
    for domain in layout.domains:
        for source in (function, *layout.guests):
            is_near = source.place == domain.place
            if domain.subnets and source.subnets and (is_near or layout.is_peered):
                rows.append(Flow(source, domain))
        rows += [Flow(tunnel, domain) for tunnel in layout.tunnels if tunnel.place == domain.place]
    rows += [Flow(t, Service(name, t.place.region)) for t in layout.tunnels for name in ("ssm", "ssmmessages")]
    callers = [guest for guest in layout.guests if guest.name.startswith("a function")]
    rows += [Flow(g, Service("s3", g.place.region), _bucket(g.place.region)) for g in callers]
    # Where Systems Manager has an endpoint, its name leads there for everybody in the VPC, so it must let them in.
    return rows + [Flow(g, Service("ssm", g.place.region)) for g in callers if layout.tunnels]


def _bucket(region: str) -> str:
    return f"cloudformation-custom-resource-response-{region.replace('-', '')}"


def table(world: World, flows: list[Flow]) -> list[tuple[Flow, Verdict]]:
    return [(flow, reaches(world, flow.source, flow.target, flow.bucket)) for flow in flows]


def broken(world: World, layout: Layout) -> dict[str, str]:
    """The promised flows that do not pass, each with the missing hop."""
    found = {f"{flow.name}, NAT asleep": verdict for flow, verdict in table(asleep(world, layout), promised_asleep(layout))}
    found |= {flow.name: verdict for flow, verdict in table(awake(world, layout), promised(layout))}
    return {name: verdict.missing for name, verdict in found.items() if not verdict.passes}


def asleep(world: World, layout: Layout) -> World:
    """The same world with the NAT instance stopped, and the route to it a blackhole."""
    return _with_nat(world, layout, "stopped", "blackhole")


def awake(world: World, layout: Layout) -> World:
    """The same world with the NAT instance running."""
    return _with_nat(world, layout, "running", "active")


def _with_nat(world: World, layout: Layout, state: str, route_state: str) -> World:
    if not layout.nat:
        return world
    changed = copy.copy(world[layout.follower])
    changed.instances = [
        {**i, "State": {"Name": state}} if i["InstanceId"] == layout.nat_id else i for i in changed.instances
    ]
    nat = next((e["NetworkInterfaceId"] for e in changed.interfaces if _belongs(e, layout.nat_id)), None)
    changed.route_tables = [
        {**t, "Routes": [{**r, "State": route_state} if nat and r.get("NetworkInterfaceId") == nat else r for r in t["Routes"]]}
        for t in changed.route_tables
    ]
    return {**world, layout.follower: changed}


def _belongs(interface: dict, instance_id: str) -> bool:
    return (interface.get("Attachment") or {}).get("InstanceId") == instance_id


def intruders(world: World, layout: Layout, hosts: list[Host]) -> list[str]:
    """Whoever reaches a domain in a VPC without a row in the table: each given host, and any group one could wear there."""
    rows = promised(layout)
    known = {(flow.target, group) for flow in rows for group in flow.source.groups if isinstance(flow.target, Host)}
    found = []
    for domain in layout.domains:
        if not domain.subnets:
            continue
        strangers = [host for host in hosts if not any((domain, group) in known for group in host.groups)]
        for candidate in [*strangers, *_anybody(world, domain, known)]:
            if candidate.groups != domain.groups and reaches(world, candidate, domain).passes:
                found.append(f"{candidate.name} reaches {domain.name}")
    return found


def _anybody(world: World, domain: Host, known: set) -> list[Host]:
    """A host in any subnet of the domain's VPC that wears any one group of it, as if somebody put one there."""
    network = world[domain.place]
    vpc = next(s["VpcId"] for s in network.subnets if s["SubnetId"] == domain.subnets[0])
    return [
        Host(f"whoever wears {group['GroupId']}", domain.place, (subnet["SubnetId"],), (group["GroupId"],))
        for group in network.security_groups
        for subnet in network.subnets
        if group["VpcId"] == subnet["VpcId"] == vpc and (domain, group["GroupId"]) not in known
    ]
