"""Elastic IP addresses as resource types; an address on an interface stays when its instance stops.

ministack allocates them by API only, and associates them with instances only.
"""

from __future__ import annotations

from ministack.services import ec2

from . import interfaces
from .types import register
from .xml import new_id, respond, tags_of


def install() -> None:
    """Register the types; answer DescribeAddresses with the interface, which ministack leaves out."""
    register("AWS::EC2::EIP", _allocate, _release)
    register("AWS::EC2::EIPAssociation", _associate, _disassociate, has_tags=False)
    ec2._ACTION_MAP["DescribeAddresses"] = _describe


def public_address(interface: dict) -> str | None:
    """The address the internet sees: an Elastic IP, or the one drawn at launch."""
    for address in ec2._addresses.values():
        if address.get("NetworkInterfaceId") == interface["NetworkInterfaceId"]:
            return address["PublicIp"]
    return interface.get("PublicIp")


def _allocate(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    allocation = new_id("eipalloc")
    address = ec2._random_ip("52.")
    ec2._addresses[allocation] = {
        "AllocationId": allocation,
        "PublicIp": address,
        "Domain": "vpc",
        "AssociationId": None,
        "InstanceId": None,
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    if properties.get("InstanceId"):
        _associate("", {"AllocationId": allocation, "InstanceId": properties["InstanceId"]}, stack_name)
    # Tags are kept by allocation id, but Ref is the address.
    ec2._tags[allocation] = list(properties.get("Tags") or [])
    return address, {"AllocationId": allocation, "PublicIp": address}


def _release(physical_id: str, properties: dict) -> None:
    for allocation, address in ec2._addresses.items():
        if address["PublicIp"] == physical_id:
            if address["AssociationId"] and not properties.get("InstanceId"):
                raise ValueError(f"The address with allocation id [{allocation}] is in use. (InvalidIPAddress.InUse)")
            ec2._addresses.pop(allocation, None)
            ec2._tags.pop(allocation, None)


def _associate(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    address = ec2._addresses.get(properties.get("AllocationId", ""))
    if address is None:
        raise ValueError(f"The allocation ID '{properties.get('AllocationId')}' does not exist")
    interface_id = properties.get("NetworkInterfaceId")
    if not interface_id:
        interface_id = interfaces.attached_to(properties["InstanceId"])[0]["NetworkInterfaceId"]
    interface = ec2._network_interfaces.get(interface_id)
    if interface is None:
        raise ValueError(f"The networkInterface ID '{interface_id}' does not exist")
    if not any(
        attachment["VpcId"] == interface["VpcId"]
        for gateway in ec2._internet_gateways.values()
        for attachment in gateway["Attachments"]
    ):
        raise ValueError(f"Network {interface['VpcId']} is not attached to any internet gateway")
    address.update(
        AssociationId=new_id("eipassoc"),
        NetworkInterfaceId=interface_id,
        InstanceId=(interface["Attachment"] or {}).get("InstanceId"),
        PrivateIpAddress=interface["PrivateIpAddress"],
    )
    return address["AssociationId"], {"Id": address["AssociationId"]}


def _disassociate(physical_id: str, properties: dict) -> None:
    for address in ec2._addresses.values():
        if address["AssociationId"] == physical_id:
            address.update(AssociationId=None, NetworkInterfaceId=None, InstanceId=None, PrivateIpAddress=None)


def _describe(p: dict):  # noqa: ANN202
    wanted = ec2._parse_member_list(p, "AllocationId")
    shown = ("AllocationId", "PublicIp", "Domain", "AssociationId", "InstanceId", "NetworkInterfaceId")
    found = [a for a in ec2._addresses.values() if not wanted or a["AllocationId"] in wanted]
    items = [
        {
            **{name: address.get(name) or None for name in (*shown, "PrivateIpAddress")},
            "InstanceId": _instance_of(address),
            "TagSet": tags_of(allocation),
        }
        for address in found
        for allocation in [address["AllocationId"]]
    ]
    return respond("DescribeAddresses", {"AddressesSet": items})


def _instance_of(address: dict) -> str | None:
    """The instance behind the interface, which may have been attached after the address."""
    interface = ec2._network_interfaces.get(address.get("NetworkInterfaceId") or "") or {}
    return (interface.get("Attachment") or {}).get("InstanceId") or address.get("InstanceId")
