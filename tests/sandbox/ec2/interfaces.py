"""Network interfaces: addresses out of their subnet, groups, attachments, the source/destination check.

ministack draws addresses from anywhere and has no CloudFormation type for an interface.
"""

from __future__ import annotations

import ipaddress
import random

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from .types import is_true, register
from .xml import EC2Error, new_id


def install() -> None:
    """Register the types, and refuse to delete an interface that is in use."""
    register(
        "AWS::EC2::NetworkInterface", _create, lambda physical_id, _: delete(physical_id), _update, _attributes
    )
    register("AWS::EC2::NetworkInterfaceAttachment", _attach, _detach, has_tags=False)

    def delete_action(p: dict):  # noqa: ANN202
        try:
            delete(ec2._p(p, "NetworkInterfaceId"), missing_ok=False)
        except EC2Error as error:
            return ec2._error(error.code, error.message, error.status)
        return ec2._xml(200, "DeleteNetworkInterfaceResponse", "<return>true</return>")

    ec2._ACTION_MAP["DeleteNetworkInterface"] = delete_action


def make(subnet_id: str, groups: list[str], description: str = "", kind: str = "interface", **more: object) -> dict:
    """A new interface in a subnet, with the next free address of it."""
    subnet = ec2._subnets.get(subnet_id)
    if subnet is None:
        raise ValueError(f"The subnet ID '{subnet_id}' does not exist (Error Code: InvalidSubnetID.NotFound)")
    for group in groups:
        if group not in ec2._security_groups:
            raise ValueError(f"The security group '{group}' does not exist (Error Code: InvalidGroup.NotFound)")
        if ec2._security_groups[group]["VpcId"] != subnet["VpcId"]:
            raise ValueError(f"Security group {group} and subnet {subnet_id} belong to different networks.")
    groups = groups or [ec2._vpcs[subnet["VpcId"]]["DefaultSecurityGroupId"]]
    interface_id = new_id("eni")
    ec2._network_interfaces[interface_id] = {
        "NetworkInterfaceId": interface_id,
        "SubnetId": subnet_id,
        "VpcId": subnet["VpcId"],
        "AvailabilityZone": subnet.get("AvailabilityZone", f"{get_region()}a"),
        "Description": description,
        "OwnerId": get_account_id(),
        "Status": "available",
        "PrivateIpAddress": more.pop("address", None) or free_address(subnet),
        "InterfaceType": kind,
        "SourceDestCheck": True,
        "MacAddress": "02:" + ":".join(f"{random.randint(0, 255):02x}" for _ in range(5)),
        "Groups": named(groups),
        "Attachment": None,
        **more,
    }
    return ec2._network_interfaces[interface_id]


def named(groups: list[str]) -> list[dict]:
    return [
        {"GroupId": group, "GroupName": (ec2._security_groups.get(group) or {}).get("GroupName", group)}
        for group in groups
    ]


def free_address(subnet: dict) -> str:
    """The first address nobody has; AWS keeps the first four and the last."""
    network = ipaddress.ip_network(subnet["CidrBlock"])
    taken = {eni["PrivateIpAddress"] for eni in ec2._network_interfaces.values()}
    for offset in range(4, network.num_addresses - 1):
        if (address := str(network[offset])) not in taken:
            return address
    raise ValueError(f"Subnet {subnet['SubnetId']} has no free addresses (InsufficientFreeAddressesInSubnet)")


def attach(interface_id: str, instance_id: str, index: int, delete_on_termination: bool = False) -> str:
    interface = ec2._network_interfaces.get(interface_id)
    if interface is None:
        raise ValueError(f"The network interface '{interface_id}' does not exist.")
    if interface["Attachment"]:
        raise ValueError(f"Interface: [{interface_id}] in use. (Error Code: InvalidNetworkInterface.InUse)")
    interface["Status"] = "in-use"
    interface["Attachment"] = {
        "AttachmentId": new_id("eni-attach"),
        "InstanceId": instance_id,
        "DeviceIndex": index,
        "Status": "attached",
        "AttachTime": ec2._now_ts(),
        "DeleteOnTermination": delete_on_termination,
    }
    return interface["Attachment"]["AttachmentId"]


def detach_from(instance_id: str) -> None:
    """What a termination does: detach every interface, delete those made with the instance."""
    for interface in attached_to(instance_id):
        goes = interface["Attachment"]["DeleteOnTermination"]
        interface.update(Status="available", Attachment=None)
        if goes:
            ec2._network_interfaces.pop(interface["NetworkInterfaceId"], None)


def attached_to(instance_id: str) -> list[dict]:
    """The interfaces of an instance, the primary one first."""
    found = [
        eni
        for eni in ec2._network_interfaces.values()
        if (eni.get("Attachment") or {}).get("InstanceId") == instance_id
    ]
    return sorted(found, key=lambda eni: eni["Attachment"]["DeviceIndex"])


def delete(interface_id: str, missing_ok: bool = True) -> None:
    interface = ec2._network_interfaces.get(interface_id)
    if interface is None:
        if missing_ok:
            return
        raise EC2Error("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{interface_id}' does not exist")
    if interface["Attachment"]:
        raise EC2Error(
            "InvalidParameterValue", f"Network interface '{interface_id}' is currently in use."
        )
    ec2._network_interfaces.pop(interface_id, None)


def _attributes(interface_id: str) -> dict:
    interface = ec2._network_interfaces[interface_id]
    return {
        "Id": interface_id,
        "PrimaryPrivateIpAddress": interface["PrivateIpAddress"],
        "VpcId": interface["VpcId"],
    }


def _create(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    interface = make(
        properties.get("SubnetId", ""),
        list(properties.get("GroupSet") or []),
        properties.get("Description", ""),
        address=properties.get("PrivateIpAddress"),
        SourceDestCheck=is_true(properties.get("SourceDestCheck", True)),
    )
    return interface["NetworkInterfaceId"], _attributes(interface["NetworkInterfaceId"])


def _update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple[str, dict]:
    """Groups, description, check and tags change in place; a new subnet or address is a new interface."""
    from ministack.services.cloudformation import provisioners

    if any(old.get(name) != new.get(name) for name in ("SubnetId", "PrivateIpAddress", "InterfaceType")):
        made = _create("", new, stack_name)
        provisioners._ec2_apply_tags(made[0], new)
        provisioners._delete_predecessor(lambda pid, _props: delete(pid), physical_id, old)
        return made
    ec2._network_interfaces[physical_id].update(
        Description=new.get("Description", ""),
        SourceDestCheck=is_true(new.get("SourceDestCheck", True)),
        Groups=named(list(new.get("GroupSet") or [])),
    )
    provisioners._ec2_apply_tags(physical_id, new, old)
    return physical_id, _attributes(physical_id)


def _attach(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    attachment = attach(
        properties["NetworkInterfaceId"],
        properties["InstanceId"],
        int(properties["DeviceIndex"]),
        is_true(properties.get("DeleteOnTermination", False)),
    )
    return attachment, {"AttachmentId": attachment}


def _detach(physical_id: str, properties: dict) -> None:
    for interface in ec2._network_interfaces.values():
        if (interface.get("Attachment") or {}).get("AttachmentId") == physical_id:
            interface.update(Status="available", Attachment=None)
