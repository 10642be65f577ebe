"""The analysis on a network written by hand: what passes, and the name of each hop that is missing."""

from __future__ import annotations

import copy

import pytest

from .network import Host, Network, Place, Service
from .paths import reaches

HERE, THERE = Place("2", "us-west-2"), Place("1", "us-east-1")
API = Service("es", "us-west-2")


def group(name, ingress=(), egress=()):
    def rules(peers):
        return [
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": peer}] if "/" in peer else [],
                "UserIdGroupPairs": [] if "/" in peer else [{"GroupId": peer}],
            }
            for peer in peers
        ]

    return {"GroupId": name, "IpPermissions": rules(ingress), "IpPermissionsEgress": rules(egress), "VpcId": "vpc"}


def table(name, routes, subnets):
    local = {"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "local", "State": "active"}
    return {
        "RouteTableId": name,
        "VpcId": "vpc",
        "Routes": [local, *({"DestinationCidrBlock": to, "State": "active", **by} for to, by in routes.items())],
        "Associations": [{"SubnetId": subnet} for subnet in subnets],
    }


def subnet(name, cidr, vpc="vpc"):
    return {"SubnetId": name, "CidrBlock": cidr, "VpcId": vpc, "AvailabilityZone": "a"}


def nat_network():
    """A private subnet, a public one with a NAT instance, a domain, an S3 and an EC2 endpoint."""
    return Network(
        subnets=[subnet("private", "10.1.0.0/24"), subnet("public", "10.1.1.0/24"), subnet("data", "10.1.2.0/24")],
        route_tables=[
            table("private", {"0.0.0.0/0": {"NetworkInterfaceId": "eni"}}, ["private"]),
            table("public", {"0.0.0.0/0": {"GatewayId": "igw-1"}}, ["public"]),
            table("data", {}, ["data"]),
        ],
        security_groups=[
            group("function", egress=["0.0.0.0/0"]),
            group("nat", ingress=["function"], egress=["0.0.0.0/0"]),
            group("domain", ingress=["function"]),
            group("endpoint", ingress=["function"]),
        ],
        endpoints=[
            {"ServiceName": "com.amazonaws.us-west-2.s3", "VpcId": "vpc", "VpcEndpointType": "Gateway",
             "RouteTableIds": ["private"],
             "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "s3:PutObject",
                                               "Resource": "arn:aws:s3:::answers-uswest2/*"}]}},
            {"ServiceName": "com.amazonaws.us-west-2.ec2", "VpcId": "vpc", "VpcEndpointType": "Interface",
             "PrivateDnsEnabled": True, "SubnetIds": ["private"], "Groups": [{"GroupId": "endpoint"}]},
        ],
        interfaces=[{"NetworkInterfaceId": "eni", "SubnetId": "public", "VpcId": "vpc", "SourceDestCheck": False,
                     "Groups": [{"GroupId": "nat"}], "Attachment": {"InstanceId": "i"}}],
        instances=[{"InstanceId": "i", "State": {"Name": "running"}, "SubnetId": "public"}],
        internet_gateways=[{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc"}]}],
        addresses=[{"NetworkInterfaceId": "eni"}],
    )  # fmt: skip


FUNCTION = Host("the function", HERE, ("private",), ("function",))
DOMAIN = Host("the domain", HERE, ("data",), ("domain",))


def missing(change, target=API, source=FUNCTION, bucket=""):
    network = nat_network()
    change(network)
    return reaches({HERE: network}, source, target, bucket).missing


def nothing(network):
    pass


@pytest.mark.parametrize(
    ("target", "bucket", "via"),
    [
        (API, "", "the way out"),
        (Service("es", "us-east-1"), "", "the way out"),
        (Service("ec2", "us-west-2"), "", "the interface endpoint of ec2"),
        (Service("ec2", "us-east-1"), "", "the way out"),
        (Service("s3", "us-west-2"), "answers-uswest2", "the gateway endpoint of s3"),
        (DOMAIN, "", "the VPC"),
    ],
)
def test_each_flow_takes_its_way(target, bucket, via):
    verdict = reaches({HERE: nat_network()}, FUNCTION, target, bucket)
    assert (verdict.missing, verdict.via) == (None, via)


@pytest.mark.parametrize(
    ("change", "hop"),
    [
        (lambda n: n.route_tables[0]["Routes"].pop(), "default route of the function's subnet private"),
        (lambda n: n.instances[0].update(State={"Name": "stopped"}), "NAT instance, which is stopped"),
        (lambda n: n.instances[0].update(Ready=False), "NAT instance, which is still booting"),
        (lambda n: n.instances.clear(), "NAT instance behind the default route"),
        (lambda n: n.interfaces[0].update(SourceDestCheck=True), "source/destination check of the NAT instance, which must be off"),
        (lambda n: n.security_groups[1].update(IpPermissions=[]), "ingress rule of the NAT instance's security group from the function"),
        (lambda n: n.security_groups[1].update(IpPermissionsEgress=[]), "egress rule of the NAT instance's security group to the internet"),
        (lambda n: n.security_groups[0].update(IpPermissionsEgress=[]), "egress rule of the function's security group to the internet"),
        (lambda n: n.addresses.clear(), "public address of the NAT instance"),
        (lambda n: n.route_tables[1]["Routes"].pop(), "route of the NAT instance's subnet to an internet gateway"),
        (lambda n: n.internet_gateways[0].update(Attachments=[]), "internet gateway attached to the VPC"),
    ],
)  # fmt: skip
def test_without_a_hop_the_configuration_api_is_out_of_reach_and_the_hop_is_named(change, hop):
    assert missing(change) == hop


def test_a_sleeping_nat_leaves_the_endpoints_and_the_domain():
    def sleep(network):
        network.instances[0]["State"] = {"Name": "stopped"}

    assert missing(sleep, Service("ec2", "us-west-2")) is None
    assert missing(sleep, Service("s3", "us-west-2"), bucket="answers-uswest2") is None
    assert missing(sleep, DOMAIN) is None


def test_a_private_name_without_its_rule_is_out_of_reach_even_with_a_way_out():
    def close(network):
        network.security_groups[3]["IpPermissions"] = []

    hop = missing(close, Service("ec2", "us-west-2"))
    assert hop == "ingress rule of the ec2 endpoint's security group from the function"


def test_the_policy_of_the_s3_endpoint_admits_one_bucket_only():
    hop = missing(nothing, Service("s3", "us-west-2"), bucket="answers-useast1")
    assert hop == "policy of the s3 gateway endpoint for answers-useast1"


def test_a_domain_is_reached_by_its_group_only():
    stranger = Host("a stranger", HERE, ("private",), ("nat",))
    assert missing(nothing, DOMAIN, stranger) == "ingress rule of the domain's security group from a stranger"
    outside = Host("somebody outside", HERE)
    assert missing(nothing, DOMAIN, outside) == "somebody outside is in no VPC, and the domain has no public endpoint"
    assert missing(nothing, API, outside) is None


def test_a_nat_gateway_is_a_way_out_while_it_is_available():
    def replace(state):
        def change(network):
            network.route_tables[0]["Routes"][-1] = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}
            network.nat_gateways.append({"NatGatewayId": "nat-1", "State": state})

        return change

    assert missing(replace("available")) is None
    assert missing(replace("deleting")) == "NAT gateway nat-1"


def peered():
    """Two VPCs over two gateways, with routes there and back."""
    worlds = {}
    for place, own, other, name in ((HERE, "10.1", "10.2", "west"), (THERE, "10.2", "10.1", "east")):
        routes = {f"{other}.0.0/16": {"TransitGatewayId": f"tgw-{name}"}}
        made = table(f"rtb-{name}", routes, [f"subnet-{name}"])
        made["Routes"][0]["DestinationCidrBlock"] = f"{own}.0.0/16"
        worlds[place] = Network(
            subnets=[subnet(f"subnet-{name}", f"{own}.0.0/24", f"vpc-{name}")],
            route_tables=[made],
            security_groups=[
                group(f"client-{name}", egress=[f"{other}.0.0/16"]),
                group(f"domain-{name}", ingress=[f"{other}.0.0/16"]),
            ],
            vpc_attachments=[{"TransitGatewayId": f"tgw-{name}", "VpcId": f"vpc-{name}", "State": "available",
                              "SubnetIds": [f"subnet-{name}"], "TransitGatewayAttachmentId": f"vpc-attach-{name}"}],
            peerings=[{"TransitGatewayAttachmentId": "peering", "State": "available"}],
            transit_tables=[{
                "Associations": [{"TransitGatewayAttachmentId": f"vpc-attach-{name}"},
                                 {"TransitGatewayAttachmentId": "peering"}],
                "Routes": [
                    transit_route(f"{own}.0.0/16", f"vpc-attach-{name}", "vpc", f"vpc-{name}"),
                    transit_route(f"{other}.0.0/16", "peering", "peering", "tgw"),
                ]}],
        )  # fmt: skip
    return worlds


def transit_route(cidr, attachment, kind, resource):
    towards = {"TransitGatewayAttachmentId": attachment, "ResourceType": kind, "ResourceId": resource}
    return {"DestinationCidrBlock": cidr, "State": "active", "TransitGatewayAttachments": [towards]}


CLIENT = Host("a client", HERE, ("subnet-west",), ("client-west",))
LEADER = Host("the leader", THERE, ("subnet-east",), ("domain-east",))


def test_a_client_reaches_the_other_region_over_peered_gateways():
    assert reaches(peered(), CLIENT, LEADER) == (None, "the transit gateways")


@pytest.mark.parametrize(
    ("place", "change", "hop"),
    [
        (HERE, lambda n: n.security_groups[0].update(IpPermissionsEgress=[]), "egress rule of a client's security group to the leader"),
        (THERE, lambda n: n.security_groups[1].update(IpPermissions=[]), "ingress rule of the leader's security group from a client"),
        (HERE, lambda n: n.route_tables[0]["Routes"].pop(), "route of a client's subnet subnet-west to the leader over the transit gateway"),
        (THERE, lambda n: n.route_tables[0]["Routes"].pop(), "route of the leader's subnet subnet-east to a client over the transit gateway"),
        (HERE, lambda n: n.vpc_attachments.clear(), "attachment of a client's VPC to its transit gateway"),
        (HERE, lambda n: n.transit_tables[0]["Associations"].pop(0), "association of the attachment of a client's VPC with a transit gateway route table"),
        (THERE, lambda n: n.transit_tables[0]["Associations"].pop(1), "association of the attachment of the peering on the leader's side with a transit gateway route table"),
        (HERE, lambda n: n.transit_tables[0]["Routes"].pop(1), "route to 10.2.0.0/24 in the transit gateway route table of a client's VPC"),
        (THERE, lambda n: n.transit_tables[0]["Routes"].pop(0), "route to 10.2.0.0/24 in the transit gateway route table of the peering on the leader's side"),
        (HERE, lambda n: n.peerings[0].update(State="pendingAcceptance"), "available peering of the transit gateways"),
        (THERE, lambda n: n.peerings.clear(), "peering of the transit gateways on the leader's side"),
        (HERE, lambda n: n.vpc_attachments[0].update(SubnetIds=[]), "subnet of the transit gateway attachment in the zone of a client's subnet subnet-west"),
    ],
)  # fmt: skip
def test_without_a_hop_the_other_region_is_out_of_reach_and_the_hop_is_named(place, change, hop):
    worlds = copy.deepcopy(peered())
    change(worlds[place])
    assert reaches(worlds, CLIENT, LEADER).missing == hop
