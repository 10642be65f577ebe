"""VPCs and subnets with the attributes AWS gives them, and ranges that must fit.

ministack answers half of the attributes, and takes a subnet outside its VPC or on top of another.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from ministack.services import ec2
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Wrap the handlers of both types."""
    for kind, more in (("AWS::EC2::VPC", _of_vpc), ("AWS::EC2::Subnet", _of_subnet)):
        handler = provisioners._RESOURCE_HANDLERS[kind]
        for name in ("create", "update"):
            handler[name] = _adding(handler[name], more, check=kind == "AWS::EC2::Subnet" and name == "create")


def _of_vpc(vpc_id: str) -> dict:
    return {"CidrBlock": ec2._vpcs[vpc_id]["CidrBlock"], "Ipv6CidrBlocks": []}


def _of_subnet(subnet_id: str) -> dict:
    subnet = ec2._subnets[subnet_id]
    return {name: subnet[name] for name in ("CidrBlock", "VpcId", "AvailabilityZoneId")}


def _adding(original: Callable, more: Callable[[str], dict], check: bool) -> Callable:
    def act(*arguments: object, **named: object) -> tuple[str, dict]:
        if check:
            _check_subnet(arguments[1])
        physical_id, attributes = original(*arguments, **named)
        return physical_id, {**attributes, **more(physical_id)}

    return act


def _check_subnet(properties: dict) -> None:
    vpc = ec2._vpcs.get(properties.get("VpcId", ""))
    if vpc is None:
        raise ValueError(f"The vpc ID '{properties.get('VpcId')}' does not exist")
    wanted = ipaddress.ip_network(properties.get("CidrBlock", ""))
    if not wanted.subnet_of(ipaddress.ip_network(vpc["CidrBlock"])):
        raise ValueError(f"The CIDR '{wanted}' is invalid. (Error Code: InvalidSubnet.Range)")
    for subnet in ec2._subnets.values():
        if subnet["VpcId"] == vpc["VpcId"] and wanted.overlaps(ipaddress.ip_network(subnet["CidrBlock"])):
            raise ValueError(f"The CIDR '{wanted}' conflicts with another subnet (InvalidSubnet.Conflict)")
