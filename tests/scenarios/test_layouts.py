"""Layouts launched and deleted with one command each: the connection works, and nothing is left in either account.

A few layouts in which every two options meet; `TANDEM_ALL_LAYOUTS=1` launches one of each set of stacks, which takes a
quarter of an hour, and with `TANDEM_LAYOUT_TIMES=file` a line per layout says how long.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from templates import layouts

from .aws import FOLLOWER, LEADER, create_domain
from .deployment import Deployment
from .stacks import TEMPLATES, Stack, template

NAMES = layouts.different() if os.environ.get("TANDEM_ALL_LAYOUTS") else layouts.covering()


@pytest.fixture
def make(deploy):
    """A deployment of a layout in accounts of its own, where nothing else is: `make("a layout", 7)`."""

    def made(layout: str, number: int) -> Deployment:
        accounts, regions, *_ = layout.split(", ")
        follower = FOLLOWER._replace(account=f"{number:03}000000002")
        leader = LEADER._replace(account=follower.account if accounts == "one account" else f"{number:03}000000001")
        if regions == "one Region":
            leader = leader._replace(region=follower.region)
        found = deploy(f"layout-{number}", leader, follower)
        change(found, layout)
        return found

    return made


def change(deployment: Deployment, layout: str) -> None:
    """Set the options of a layout; whose accounts and Regions these are is the deployment's."""
    for path, value in layouts.LAYOUTS[layout].items():
        group, _, key = path.rpartition("__")
        if group not in ("leader", "follower"):
            (deployment.variables[group] if group else deployment.variables)[key] = value


@contextmanager
def what_exists_already(deployment: Deployment) -> Iterator[None]:
    """The domains and the VPC that a layout takes for granted, made by hand, and taken away afterwards."""
    with domains(deployment), way_out(deployment):
        yield


@contextmanager
def domains(deployment: Deployment) -> Iterator[None]:
    sides = (deployment.leader, "leader"), (deployment.follower, "follower")
    made = sides if deployment.variables.get("existing_domains") else ()
    for place, role in made:
        create_domain(deployment.aws, place, deployment.variables[role]["domain_name"])
    yield
    for place, role in made:
        deployment.aws("opensearch", place).delete_domain(DomainName=deployment.variables[role]["domain_name"])


@contextmanager
def way_out(deployment: Deployment) -> Iterator[None]:
    if deployment.variables["egress"] != "existing":
        yield
        return
    client = deployment.aws("cloudformation", deployment.follower)
    parameters = {"VpcCidr": "172.16.0.0/20", "PublicSubnets": "true"}
    network = Stack(client, "own-network", template(TEMPLATES / "network.yaml"), parameters)
    assert network.create() == "CREATE_COMPLETE"
    found = network.outputs
    ec2 = deployment.aws("ec2", deployment.follower)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=found["FirstPublicSubnetId"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    route = {"RouteTableId": found["FunctionRouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.create_route(**route, NatGatewayId=gateway)
    deployment.variables["follower"] |= {
        "function_subnet_ids": found["FunctionSubnetIds"],
        "function_security_group_ids": found["FunctionSecurityGroupId"],
    }
    yield
    ec2.delete_route(**route)
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    ec2.release_address(AllocationId=address)
    assert network.delete() == "DELETE_COMPLETE"


def left_of(sandbox, deployment: Deployment) -> list[str]:
    accounts = (deployment.leader.account, deployment.follower.account)
    return [item for item in sandbox.control("/leftovers")["items"] if item.startswith(accounts)]


def status_of_the_connection(sandbox, deployment: Deployment) -> str:
    made = deployment.outputs("follower/connection")["ConnectionId"]
    return next(row["status"] for row in sandbox.control("/connections")["connections"] if row["id"] == made)


def peerings(sandbox, deployment: Deployment) -> list[str]:
    rows = sandbox.control("/peerings")["peerings"]
    mine = [row["state"] for row in rows if row["requester"]["account"] == deployment.follower.account]
    return [state for state in mine if state != "deleted"]


def stacks_of(deployment: Deployment) -> set[str]:
    """What is there, as Sceptre names it."""
    found = set()
    for place in {deployment.leader, deployment.follower}:
        for stack in deployment.aws("cloudformation", place).describe_stacks()["Stacks"]:
            if stack["StackStatus"] != "DELETE_COMPLETE":
                found.add(stack["StackName"].removeprefix(f"{deployment.project}-").replace("-", "/", 1))
    return found


@pytest.mark.parametrize("layout", NAMES)
def test_a_layout_connects_and_leaves_nothing(make, sandbox, layout):
    number = 600 + list(layouts.LAYOUTS).index(layout)
    deployment = make(layout, number)
    with what_exists_already(deployment):
        before = left_of(sandbox, deployment)
        began = time.monotonic()
        try:
            deployment.launch("")
            launched = time.monotonic()
            assert status_of_the_connection(sandbox, deployment) == "ACTIVE"
            peered = deployment.variables["transit_gateway"]
            assert peerings(sandbox, deployment) == (["available"] if peered else [])
        finally:
            going = time.monotonic()
            deployment.delete("")
        assert left_of(sandbox, deployment) == before
        note(layout, launched - began, time.monotonic() - going)
    assert left_of(sandbox, deployment) == []


def note(layout: str, launch: float, delete: float) -> None:
    if path := os.environ.get("TANDEM_LAYOUT_TIMES"):
        with Path(path).open("a") as times:
            fcntl.flock(times, fcntl.LOCK_EX)
            print(f"{launch:6.1f} s launch, {delete:6.1f} s delete: {layout}", file=times)


def test_an_option_that_is_switched_off_again_leaves_nothing_of_it(make, sandbox):
    deployment = make("two accounts, two Regions, NAT instance, peered VPCs and tunnels", 700)
    try:
        deployment.launch("")
        # As vars/example.yaml says: the function has to be able to take the peering down, so that goes first.
        deployment.variables["transit_gateway"] = False
        deployment.must("prune", "-y")
        deployment.launch("")
        assert peerings(sandbox, deployment) == []
        assert not [item for item in left_of(sandbox, deployment) if "transit_gateway" in item]
        # And the NAT instance has to leave the public subnets before they can go.
        deployment.variables |= {"egress": "none", "dashboards_tunnel": False}
        deployment.must("prune", "-y")
        deployment.launch("")
        gone = ("instances", "addresses", "network_interfaces", "internet_gateways", "documents", "launch_templates")
        assert not [item for item in left_of(sandbox, deployment) if item.split()[2] in gone]
        sides = {f"{side}/{stack}" for side in ("leader", "follower") for stack in ("network", "domain")}
        always = {"follower/artifacts", "follower/provider", "follower/connection", "leader/accepter-role"}
        assert stacks_of(deployment) == sides | always
        assert status_of_the_connection(sandbox, deployment) == "ACTIVE"
    finally:
        deployment.delete("")
    assert left_of(sandbox, deployment) == []
