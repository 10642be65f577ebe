"""Launches a layout with Sceptre, and finds who is there in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scenarios.aws import FOLLOWER, LEADER, Place
from scenarios.deployment import Deployment

from . import reading
from .flows import Layout
from .network import Host, World


def deployment(
    sandbox: object,
    aws: Callable,
    directory: Path,
    artifact: Path,
    name: str,
    places: tuple[Place, Place] = (LEADER, FOLLOWER),
    **variables: object,
) -> Deployment:
    """The example's values with these options; the leader is in an account of its own."""
    made = Deployment(sandbox, aws, directory, artifact, name, *places)
    made.variables |= variables
    return made


def layout(made: Deployment, world: World) -> Layout:
    """Who is there, from the outputs of the stacks and the descriptions of what they made."""
    client, variables = made.aws, made.variables
    leader, follower = made.leader, made.follower
    found = Layout(
        leader,
        follower,
        reading.function(client, follower, f"{made.project}-provider"),
        *(reading.domain(client, place, f"{made.project}-{role}", role) for role, place in _sides(made)),
        is_peered=bool(variables["transit_gateway"]),
    )
    if variables["egress"] == "nat-instance":
        found.nat_id = made.outputs("follower/egress")["NatInstanceId"]
        found.nat = reading.instance(world[follower], follower, found.nat_id, "the NAT instance")
    for role, place in _sides(made):
        if variables["network"]:
            found.guests += _guests(made, role, place)
        if variables["dashboards_tunnel"]:
            tunnel = made.outputs(f"{role}/dashboards-tunnel")["InstanceId"]
            found.tunnels.append(reading.instance(world[place], place, tunnel, f"the {role} tunnel"))
    return found


def _sides(made: Deployment) -> tuple[tuple[str, Place], ...]:
    return ("leader", made.leader), ("follower", made.follower)


def _guests(made: Deployment, role: str, place: Place) -> list[Host]:
    outputs = made.outputs(f"{role}/network")
    subnets = tuple(outputs["FunctionSubnetIds"].split(","))
    return [
        Host(f"a {what} beside the {role}", place, subnets, (outputs[f"{what.capitalize()}SecurityGroupId"],))
        for what in ("function", "client")
    ]


def read(made: Deployment) -> World:
    return {place: reading.read(made.aws, place) for place in (made.leader, made.follower)}
