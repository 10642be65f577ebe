"""The state of EC2 in one account and Region, in the shapes that boto3 answers, and the questions put to it.

Knows nothing of how it was read, so that a test can write it by hand and break it anywhere.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import NamedTuple

PORT = 443


class Place(NamedTuple):
    """An account and a Region."""

    account: str
    region: str


@dataclass
class Network:
    """Everything read from one place; each list holds what the Describe operation of that name answers."""

    vpcs: list[dict] = field(default_factory=list)
    subnets: list[dict] = field(default_factory=list)
    route_tables: list[dict] = field(default_factory=list)
    security_groups: list[dict] = field(default_factory=list)
    endpoints: list[dict] = field(default_factory=list)
    interfaces: list[dict] = field(default_factory=list)
    instances: list[dict] = field(default_factory=list)
    internet_gateways: list[dict] = field(default_factory=list)
    nat_gateways: list[dict] = field(default_factory=list)
    addresses: list[dict] = field(default_factory=list)
    # Of the transit gateway: attachments of VPCs, peering attachments, and route tables, each of these with
    # `Associations`, and `Routes` as the search answers them.
    vpc_attachments: list[dict] = field(default_factory=list)
    peerings: list[dict] = field(default_factory=list)
    transit_tables: list[dict] = field(default_factory=list)


World = dict[Place, Network]


class Host(NamedTuple):
    """Somebody with interfaces in subnets: a function, a domain, an instance. Without subnets it is outside any VPC."""

    name: str
    place: Place
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    # Whether the internet can answer it directly.
    is_public: bool = False


class Service(NamedTuple):
    """An AWS API in a Region, by the name its endpoints have: `es`, `sts`, `s3`."""

    name: str
    region: str


def find(rows: list[dict], **equal: str) -> dict | None:
    """The first row whose fields have these values."""
    return next((row for row in rows if all(row.get(name) == value for name, value in equal.items())), None)


def vpc_of(network: Network, host: Host) -> str | None:
    subnet = find(network.subnets, SubnetId=host.subnets[0]) if host.subnets else None
    return subnet["VpcId"] if subnet else None


def cidr_of(network: Network, subnet_id: str) -> str:
    subnet = find(network.subnets, SubnetId=subnet_id)
    return subnet["CidrBlock"] if subnet else "0.0.0.0/32"


def table_of(network: Network, subnet_id: str) -> dict | None:
    """The route table of a subnet: its own, else the VPC's main one."""
    vpc = (find(network.subnets, SubnetId=subnet_id) or {}).get("VpcId")
    main = None
    for table in network.route_tables:
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet_id:
                return table
            if association.get("Main") and table["VpcId"] == vpc:
                main = table
    return main


def route_to(table: dict, cidr: str) -> dict | None:
    """The most specific active route that covers the range; a blackhole covers nothing."""
    wanted, best, length = ipaddress.ip_network(cidr), None, -1
    for route in table["Routes"]:
        destination = route.get("DestinationCidrBlock")
        if not destination:
            continue
        network = ipaddress.ip_network(destination)
        if wanted.subnet_of(network) and network.prefixlen > length:
            best, length = route, network.prefixlen
    return best if best and best.get("State", "active") == "active" else None


def allows(network: Network, groups: tuple[str, ...], side: str, other_groups: tuple[str, ...], cidr: str) -> bool:
    """Whether one of the groups has a rule for port 443 towards (or from) those groups or that range."""
    for group_id in groups:
        group = find(network.security_groups, GroupId=group_id) or {}
        for rule in group.get("IpPermissions" if side == "ingress" else "IpPermissionsEgress", []):
            if not covers_port(rule):
                continue
            if any(pair.get("GroupId") in other_groups for pair in rule.get("UserIdGroupPairs", [])):
                return True
            ranges = [ipaddress.ip_network(r["CidrIp"]) for r in rule.get("IpRanges", [])]
            if any(ipaddress.ip_network(cidr).subnet_of(r) for r in ranges):
                return True
    return False


def covers_port(rule: dict) -> bool:
    if rule["IpProtocol"] == "-1":
        return True
    return rule["IpProtocol"] == "tcp" and rule.get("FromPort", 0) <= PORT <= rule.get("ToPort", 65535)
