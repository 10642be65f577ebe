"""Every flow that a launched layout promises passes, nothing else reaches a domain, and no rule is there for nothing."""

from __future__ import annotations

import re

import pytest
from scenarios.aws import FOLLOWER, LEADER

from . import flows, launching, mutations, reading

# One launch serves them all.
pytestmark = pytest.mark.xdist_group("reachability")
DOMAINS_IN_TWO_ZONES = {"instance_count": 2, "availability_zone_count": 2}


class Launched:
    """A deployment with the state that was read after it was launched."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.world = launching.read(deployment)
        self.layout = launching.layout(deployment, self.world)

    def everybody(self):
        found = [host for place, network in self.world.items() for host in reading.interfaces(network, place)]
        return [*found, self.layout.function, *self.layout.domains, *self.layout.guests]


def launch(sandbox, aws, directory, artifact, name, **options):
    deployment = launching.deployment(sandbox, aws, directory, artifact, name, **options)
    deployment.variables["domain"] |= DOMAINS_IN_TWO_ZONES
    deployment.launch("")
    yield Launched(deployment)
    deployment.delete("")
    left = [item for item in sandbox.control("/leftovers")["items"] if name in item]
    assert not left, left


@pytest.fixture(scope="module")
def full(sandbox, aws, artifact, tmp_path_factory):
    """Two accounts and Regions with all options."""
    yield from launch(
        sandbox, aws, tmp_path_factory.mktemp("full"), artifact, "reach-full",
        network=True, egress="nat-instance", transit_gateway=True, dashboards_tunnel=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def plain(sandbox, aws, artifact, tmp_path_factory):
    """Domains in VPCs, and nothing else: the function is outside."""
    # In accounts of its own: the other layout is there at the same time, and everything in its accounts is looked at.
    places = LEADER._replace(account="333333333333"), FOLLOWER._replace(account="444444444444")
    yield from launch(
        sandbox, aws, tmp_path_factory.mktemp("plain"), artifact, "reach-plain", places=places, network=True
    )


def test_every_promised_flow_of_the_full_layout_passes(full):
    assert flows.broken(full.world, full.layout) == {}
    assert len(flows.promised(full.layout)) > 25


def test_nobody_else_reaches_a_domain_of_the_full_layout(full):
    assert flows.intruders(full.world, full.layout, full.everybody()) == []


def test_every_promised_flow_of_the_plain_layout_passes_and_no_other(plain):
    assert flows.broken(plain.world, plain.layout) == {}
    assert flows.intruders(plain.world, plain.layout, plain.everybody()) == []
    for guest in plain.layout.guests:
        for domain in plain.layout.domains:
            passes = flows.reaches(plain.world, guest, domain).passes
            assert passes == (guest.place == domain.place), (guest.name, domain.name)


# What no flow needs: the parts of the default VPC and those that AWS makes with every VPC, the rules that stand for "nothing", the instances that
# only begin connections, and the public subnets of zones without a NAT instance.
SPARE = re.compile(r" of default |127\.0\.0\.1/32|: instances i-|igw-00000001$|association 1 of route_tables 4$")


def test_breaking_any_rule_route_or_endpoint_is_noticed_and_named(full):
    unnoticed, named = [], {}
    for mutation in mutations.every(full.world):
        missing = flows.broken(mutation.world, full.layout)
        if missing:
            named[mutation.name] = set(missing.values())
        elif not SPARE.search(mutation.name):
            unnoticed.append(mutation.name)
    assert unnoticed == []
    assert len(named) > 55
    spoken = " ".join(sorted({reason for reasons in named.values() for reason in reasons}))
    for hop in (
        "ingress rule of the leader domain's security group from the function",
        "default route of the function's subnet",
        "source/destination check of the NAT instance",
        "public address of the NAT instance",
        "available peering of the transit gateways",
        "association of the attachment of",
        "in the transit gateway route table of",
        "ingress rule of the ec2 endpoint's security group",
        "internet gateway attached to the VPC",
    ):
        assert hop in spoken, hop
