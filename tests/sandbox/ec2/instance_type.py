"""AWS::EC2::Instance: launched, waited for until it runs, waited for until it signals, terminated.

ministack has no such type. User data is not run; the first boot only reports what it would report.
"""

from __future__ import annotations

from ministack.core.responses import get_region
from ministack.services import ec2
from ministack.services.cloudformation import provisioners, wait_conditions

from ..world import World
from . import addresses, images, instances, interfaces
from .types import is_true, register, wait_until

_IN_PLACE = ("Tags", "SourceDestCheck", "SecurityGroupIds", "DisableApiTermination", "Monitoring", "MetadataOptions")
# These are changed while the instance is stopped.
_STOPPED = ("InstanceType", "UserData", "EbsOptimized", "InstanceInitiatedShutdownBehavior")


def install(world: World) -> None:
    """Register the type."""
    register("AWS::EC2::Instance", _create, _delete, _update, is_slow=True)


def _create(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
    properties = {**_launch_template(properties.get("LaunchTemplate")), **properties}
    kind = properties.get("InstanceType", "m1.small")
    image = images.check(properties.get("ImageId", ""), kind)
    profile = properties.get("IamInstanceProfile") or ""
    found, error = ec2._resolve_iam_instance_profile(iam_name=profile)
    if error:
        raise ValueError(f"Value ({profile}) for parameter iamInstanceProfile.name is invalid.")
    given = sorted(properties.get("NetworkInterfaces") or [], key=lambda item: int(item.get("DeviceIndex", 0)))
    primary = _primary(properties, given)
    (instance,) = ec2._launch_instances_internal(
        image, kind, primary["SubnetId"], 1, properties.get("KeyName", ""), properties.get("UserData", ""),
        [group["GroupId"] for group in primary["Groups"]], primary["PrivateIpAddress"], found,
    )  # fmt: skip
    instance_id = instance["InstanceId"]
    instance.update(
        Architecture=images.architecture_of(kind),
        Placement={"AvailabilityZone": primary["AvailabilityZone"], "Tenancy": "default"},
        SourceDestCheck=primary["SourceDestCheck"],
        MetadataOptions=properties.get("MetadataOptions"),
    )
    _settle_volumes(instance, properties)
    goes = not (given and given[0].get("NetworkInterfaceId"))
    interfaces.attach(primary["NetworkInterfaceId"], instance_id, 0, goes)
    for item in given[1:]:
        interfaces.attach(item["NetworkInterfaceId"], instance_id, int(item["DeviceIndex"]))
    # Tags are there from the first moment on.
    provisioners._ec2_apply_tags(instance_id, properties)
    instances.enter(instance, "pending")
    _wait_for(instance, logical_id, stack_name)
    return instance_id, _attributes(instance_id)


def _primary(properties: dict, given: list[dict]) -> dict:
    """The interface with index 0: one that exists, or a new one."""
    first = given[0] if given else {}
    if first.get("NetworkInterfaceId"):
        if properties.get("SubnetId") or properties.get("SecurityGroupIds"):
            raise ValueError("Network interfaces and an instance-level subnet ID may not be specified on one request")
        return ec2._network_interfaces[first["NetworkInterfaceId"]]
    subnet_id = first.get("SubnetId") or properties.get("SubnetId") or ""
    made = interfaces.make(
        subnet_id,
        list(first.get("GroupSet") or properties.get("SecurityGroupIds") or []),
        SourceDestCheck=is_true(properties.get("SourceDestCheck", True)),
    )
    subnet = ec2._subnets[subnet_id]
    if is_true(first.get("AssociatePublicIpAddress", subnet.get("MapPublicIpOnLaunch", False))):
        made["PublicIp"] = ec2._random_ip("54.")
    return made


def _settle_volumes(instance: dict, properties: dict) -> None:
    for mapping in properties.get("BlockDeviceMappings") or []:
        settings = mapping.get("Ebs") or {}
        volume = ec2._volumes.get(instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"])
        if volume:
            volume.update(
                Size=int(settings.get("VolumeSize", 8)),
                Encrypted=is_true(settings.get("Encrypted", False)),
                VolumeType=settings.get("VolumeType", "gp3"),
                AvailabilityZone=instance["Placement"]["AvailabilityZone"],
            )


def _launch_template(reference: dict | None) -> dict:
    if not reference:
        return {}
    template = ec2._launch_templates.get(reference.get("LaunchTemplateId", ""))
    if template is None:
        raise ValueError("The specified launch template does not exist.")
    wanted = str(reference.get("Version", "$Default"))
    for version in template.get("Versions", []):
        if wanted in (str(version["VersionNumber"]), "$Latest", "$Default"):
            return dict(version.get("LaunchTemplateData") or {})
    return {}


def _wait_for(instance: dict, logical_id: str, stack_name: str) -> None:
    """Until it runs; with a CreationPolicy until the signals have come."""
    definition = provisioners._cfn_wait_condition_definition(stack_name, logical_id)
    signal = (definition.get("CreationPolicy") or {}).get("ResourceSignal")
    if signal is not None:
        stack_id = provisioners._cr_stack_id(stack_name)
        count = wait_conditions.validate_count(signal.get("Count"), logical_id)
        seconds = wait_conditions.validate_resource_signal_timeout(signal.get("Timeout"), logical_id)
        try:
            wait_conditions.wait_for(
                wait_conditions.register_slot(stack_id), stack_id, stack_name, logical_id, "AWS::EC2::Instance",
                count, seconds,
            )  # fmt: skip
        except TimeoutError:
            raise ValueError(
                f"Failed to receive {count} resource signal(s) within the specified duration"
            ) from None
        except RuntimeError:
            raise ValueError(f"Received 1 FAILURE signal(s) out of {count}.") from None
        return
    wait_until(lambda: instance["State"]["Name"] != "pending", instance["InstanceId"])


def _attributes(instance_id: str) -> dict:
    instance, own = ec2._instances[instance_id], interfaces.attached_to(instance_id)
    return {
        "InstanceId": instance_id,
        "PrivateIp": instance["PrivateIpAddress"],
        "PublicIp": (addresses.public_address(own[0]) if own else None) or "",
        "PrivateDnsName": f"ip-{instance['PrivateIpAddress'].replace('.', '-')}.{get_region()}.compute.internal",
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "VpcId": instance["VpcId"],
        "State.Name": instance["State"]["Name"],
    }


def _update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple[str, dict]:
    """What AWS does: in place, stop and start, or a new instance."""
    instance = ec2._instances.get(physical_id)
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    if instance is None or changed - {*_IN_PLACE, *_STOPPED}:
        made = _create("", new, stack_name)
        provisioners._delete_predecessor(_delete, physical_id, old)
        return made
    if changed & set(_STOPPED):
        was_running = instance["State"]["Name"] == "running"
        if was_running:
            instances.stop(instance)
        wait_until(lambda: instance["State"]["Name"] == "stopped", physical_id)
        instance.update(InstanceType=new.get("InstanceType", "m1.small"), UserData=new.get("UserData", ""))
        if was_running:
            instances.start(instance)
            wait_until(lambda: instance["State"]["Name"] == "running", physical_id)
    own = interfaces.attached_to(physical_id)
    if own and "SourceDestCheck" in changed:
        own[0]["SourceDestCheck"] = instance["SourceDestCheck"] = is_true(new.get("SourceDestCheck", True))
    if own and "SecurityGroupIds" in changed:
        own[0]["Groups"] = instance["SecurityGroups"] = interfaces.named(list(new.get("SecurityGroupIds") or []))
    provisioners._ec2_apply_tags(physical_id, new, old)
    return physical_id, _attributes(physical_id)


def _delete(physical_id: str, properties: dict) -> None:
    instance = ec2._instances.get(physical_id)
    if instance is None:
        return
    instances.terminate(instance)
    wait_until(lambda: instance["State"]["Name"] == "terminated", physical_id)
