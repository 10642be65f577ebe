"""The analysis: follow a TCP connection hop by hop, and say by name which hop is missing.

Pure. Every interface of the source must get through to every interface of the target, since nobody chooses.
"""

from __future__ import annotations

import fnmatch
import json
from itertools import product
from typing import NamedTuple

from . import transit
from .network import Host, Network, Service, World, allows, cidr_of, find, route_to, table_of, vpc_of

ANYWHERE = "0.0.0.0/0"


class Verdict(NamedTuple):
    """`missing` names the hop that is not there; None if the flow passes, by the way that `via` tells."""

    missing: str | None
    via: str = ""

    @property
    def passes(self) -> bool:
        return self.missing is None


def reaches(world: World, source: Host, target: Host | Service, bucket: str = "") -> Verdict:
    """Whether a connection to port 443 gets there, and its answer back; `bucket` is the one asked of S3."""
    if isinstance(target, Service):
        return _to_service(world, source, target, bucket)
    if not target.subnets:
        return Verdict(None, "its public endpoint")
    if not source.subnets:
        return Verdict(f"{source.name} is in no VPC, and {target.name} has no public endpoint")
    if source.place == target.place and vpc_of(world[source.place], source) == vpc_of(world[source.place], target):
        return _within(world[source.place], source, target)
    return _verdict(transit.missing(world, source, target), "the transit gateways")


def _within(network: Network, source: Host, target: Host) -> Verdict:
    for ours, theirs in product(source.subnets, target.subnets):
        table = table_of(network, ours)
        if table is None or route_to(table, cidr_of(network, theirs)) is None:
            return Verdict(f"route of {source.name}'s subnet {ours} to {cidr_of(network, theirs)}")
        if not allows(network, source.groups, "egress", target.groups, cidr_of(network, theirs)):
            return Verdict(f"egress rule of {source.name}'s security group to {target.name}")
        if not allows(network, target.groups, "ingress", source.groups, cidr_of(network, ours)):
            return Verdict(f"ingress rule of {target.name}'s security group from {source.name}")
    return Verdict(None, "the VPC")


def _to_service(world: World, source: Host, service: Service, bucket: str) -> Verdict:
    if not source.subnets:
        return Verdict(None, "the internet")
    network, here = world[source.place], source.place.region
    vpc = vpc_of(network, source)
    if vpc is None:
        return Verdict(f"subnet {source.subnets[0]} of {source.name}")
    if service.region == here:
        name = f"com.amazonaws.{here}.{service.name}"
        own = [e for e in network.endpoints if e["ServiceName"] == name and e["VpcId"] == vpc]
        for endpoint in own:
            # A private name leads to the interface wherever in the VPC one asks, so there is no second way.
            if endpoint["VpcEndpointType"] == "Interface" and endpoint.get("PrivateDnsEnabled"):
                groups = tuple(group["GroupId"] for group in endpoint.get("Groups", []))
                inner = Host(f"the {service.name} endpoint", source.place, tuple(endpoint["SubnetIds"]), groups)
                return _verdict(_within(network, source, inner).missing, f"the interface endpoint of {service.name}")
        gateways = [e for e in own if e["VpcEndpointType"] == "Gateway"]
        tables = [table_of(network, subnet) for subnet in source.subnets]
        if gateways and all(t and t["RouteTableId"] in gateways[0]["RouteTableIds"] for t in tables):
            return _through_gateway(network, source, service, gateways[0], bucket)
    return _verdict(_way_out(network, source, vpc), "the way out")


def _through_gateway(network: Network, source: Host, service: Service, endpoint: dict, bucket: str) -> Verdict:
    if not allows(network, source.groups, "egress", (), ANYWHERE):
        return Verdict(f"egress rule of {source.name}'s security group to {service.name}")
    if not _admits(endpoint.get("PolicyDocument"), bucket):
        return Verdict(f"policy of the {service.name} gateway endpoint for {bucket}")
    return Verdict(None, f"the gateway endpoint of {service.name}")


def _admits(policy: str | dict | None, bucket: str) -> bool:
    """Whether the endpoint's policy lets anybody put an object into the bucket."""
    if not policy or not bucket:
        return True
    document = json.loads(policy) if isinstance(policy, str) else policy
    for statement in document["Statement"]:
        actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        if statement["Effect"] == "Allow" and any(fnmatch.fnmatchcase("s3:PutObject", a) for a in actions):
            if any(fnmatch.fnmatchcase(f"arn:aws:s3:::{bucket}/answer", resource) for resource in resources):
                return True
    return False


def _listed(value: object) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def _way_out(network: Network, source: Host, vpc: str) -> str | None:
    """What is missing on the way to the internet, for every subnet of the source."""
    if not allows(network, source.groups, "egress", (), ANYWHERE):
        return f"egress rule of {source.name}'s security group to the internet"
    for subnet in source.subnets:
        table = table_of(network, subnet)
        default = next((r for r in (table or {"Routes": []})["Routes"] if r.get("DestinationCidrBlock") == ANYWHERE), None)
        if default is None:
            return f"default route of {source.name}'s subnet {subnet}"
        if gateway := default.get("NatGatewayId"):
            nat = find(network.nat_gateways, NatGatewayId=gateway)
            if nat is None or nat.get("State") != "available":
                return f"NAT gateway {gateway}"
        elif interface := default.get("NetworkInterfaceId"):
            if missing := _nat_instance(network, source, interface, subnet):
                return missing
        elif not source.is_public:
            # Without one nothing comes back through an internet gateway.
            return f"public address of {source.name}"
        elif missing := _gateway(network, default, vpc):
            return missing
    return None


def _nat_instance(network: Network, source: Host, interface_id: str, subnet: str) -> str | None:
    interface = find(network.interfaces, NetworkInterfaceId=interface_id)
    attachment = (interface or {}).get("Attachment") or {}
    instance = find(network.instances, InstanceId=attachment.get("InstanceId"))
    if interface is None or instance is None:
        return "NAT instance behind the default route"
    if instance["State"]["Name"] != "running":
        return f"NAT instance, which is {instance['State']['Name']}"
    # Only the sandbox knows it; EC2 would not say.
    if not instance.get("Ready", True):
        return "NAT instance, which is still booting"
    if interface.get("SourceDestCheck", True):
        return "source/destination check of the NAT instance, which must be off"
    groups = tuple(group["GroupId"] for group in interface["Groups"])
    if not allows(network, groups, "ingress", source.groups, cidr_of(network, subnet)):
        return f"ingress rule of the NAT instance's security group from {source.name}"
    if not allows(network, groups, "egress", (), ANYWHERE):
        return "egress rule of the NAT instance's security group to the internet"
    if not (find(network.addresses, NetworkInterfaceId=interface_id) or instance.get("PublicIpAddress")):
        return "public address of the NAT instance"
    table = table_of(network, interface["SubnetId"])
    out = route_to(table, ANYWHERE) if table else None
    if not (out or {}).get("GatewayId", "").startswith("igw-"):
        return "route of the NAT instance's subnet to an internet gateway"
    return _gateway(network, out, interface["VpcId"])


def _gateway(network: Network, route: dict, vpc: str) -> str | None:
    gateway = find(network.internet_gateways, InternetGatewayId=route.get("GatewayId")) or {"Attachments": []}
    return None if any(a["VpcId"] == vpc for a in gateway["Attachments"]) else "internet gateway attached to the VPC"


def _verdict(missing: str | None, via: str) -> Verdict:
    return Verdict(missing, via if missing is None else "")
