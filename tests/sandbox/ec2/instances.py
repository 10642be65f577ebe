"""Instances that take time: pending, running, stopping, stopped, shutting-down, terminated.

A start while `stopping` is refused, a running instance does its work only some time later, and it may halt itself.
ministack starts and stops at once and never refuses.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ec2
from ministack.services.cloudformation import wait_conditions

from ..wire import Response
from ..world import World
from . import interfaces
from .addresses import public_address
from .xml import EC2Error, render, tags_of

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_world: list[World] = []


def install(world: World) -> None:
    """Replace the actions, and show interfaces and addresses as they are."""
    _world[:] = [world]
    ec2._ACTION_MAP.update(
        StartInstances=lambda p: _change(p, "StartInstances", start),
        StopInstances=lambda p: _change(p, "StopInstances", stop),
        TerminateInstances=lambda p: _change(p, "TerminateInstances", terminate),
        CreateTags=_noting(ec2._ACTION_MAP["CreateTags"], "tagged"),
        DeleteTags=_noting(ec2._ACTION_MAP["DeleteTags"], "untagged"),
    )
    original = ec2._instance_xml

    def instance_xml(instance: dict) -> str:
        own = interfaces.attached_to(instance["InstanceId"])
        public = public_address(own[0]) if own and instance["State"]["Name"] in ("pending", "running") else ""
        instance["PublicIpAddress"] = public or ""
        if not public:
            instance["PublicDnsName"] = ""
        shown = re.sub(r"<(ipAddress|dnsName|keyName)></\1>", "", original(instance))
        more = render(
            {
                "NetworkInterfaceSet": [
                    {name: eni[name] for name in ("NetworkInterfaceId", "SubnetId", "VpcId", "PrivateIpAddress")}
                    for eni in own
                ],
                "MetadataOptions": instance.get("MetadataOptions"),
                "Reason": instance.get("_reason") or None,
            }
        )
        return shown.removesuffix("</item>") + more + "</item>"

    ec2._instance_xml = instance_xml


def enter(instance: dict, state: str, reason: str = "") -> None:
    """Put an instance into a state, write it down, and let time do the rest."""
    world = _world[0]
    instance.update(State={"Code": CODES[state], "Name": state}, _ready=False, _reason=reason)
    instance["_turn"] = turn = instance.get("_turn", 0) + 1
    note(instance, state)
    if state == "pending":
        _later(instance, turn, world.draw("pending"), lambda: enter(instance, "running"))
    elif state == "running":
        instance["_reason"] = ""
        _later(instance, turn, world.draw("booting"), lambda: _boot(instance))
    elif state == "stopping":
        _later(instance, turn, world.draw("stopping"), lambda: enter(instance, "stopped", reason))
    elif state == "shutting-down":
        _later(instance, turn, world.draw("stopping"), lambda: _terminated(instance, reason))


def note(instance: dict, what: str) -> None:
    _world[0].journal.add(
        "instance",
        instance=instance["InstanceId"],
        state=what,
        account=get_account_id(),
        region=get_region(),
        # Those that people and functions wrote, not CloudFormation's.
        tags={t["Key"]: t["Value"] for t in tags_of(instance["InstanceId"]) if not t["Key"].startswith("aws:")},
    )


def start(instance: dict) -> None:
    state = instance["State"]["Name"]
    if state == "stopped":
        # The time of the last start, whatever the name says.
        instance["LaunchTime"] = ec2._now_ts()
        enter(instance, "pending")
    elif state not in ("pending", "running"):
        raise _wrong_state(instance, "started")


def stop(instance: dict) -> None:
    state = instance["State"]["Name"]
    if state == "running":
        enter(instance, "stopping", "User initiated")
    elif state not in ("stopping", "stopped"):
        raise _wrong_state(instance, "stopped")


def terminate(instance: dict) -> None:
    if instance["State"]["Name"] not in ("shutting-down", "terminated"):
        enter(instance, "shutting-down", "User initiated")


def halt(instance: dict) -> None:
    """The operating system powers the machine off, as the idle timer of a NAT instance does."""
    if instance["State"]["Name"] != "running":
        raise ValueError(f"{instance['InstanceId']} is {instance['State']['Name']}, not running")
    note(instance, "halts itself")
    enter(instance, "stopping", "Server.InstanceInitiatedShutdown: Instance initiated shutdown")


def is_ready(instance: dict) -> bool:
    """Whether it has booted, so that what it was made for works."""
    return bool(instance.get("_ready"))


def find(instance_id: str) -> tuple[str, str, dict]:
    """The account, the Region and the record, wherever it is."""
    for (account, region, key), instance in list(ec2._instances._data.items()):
        if key == instance_id:
            return account, region, instance
    raise ValueError(f"no instance {instance_id!r}")


def _boot(instance: dict) -> None:
    instance["_ready"] = True
    note(instance, "ready")
    if not instance.get("_signalled"):
        instance["_signalled"] = True
        _signal(instance)


def _terminated(instance: dict, reason: str) -> None:
    interfaces.detach_from(instance["InstanceId"])
    for volume_id, volume in ec2._volumes.items():
        if any(a.get("InstanceId") == instance["InstanceId"] for a in volume.get("Attachments", [])):
            ec2._volumes.pop(volume_id, None)
    enter(instance, "terminated", reason)
    instance["_terminated_at"] = ec2.time.time()


def _signal(instance: dict) -> None:
    """What the first boot reports, if its user data reports anything: to a handle's URL, or by cfn-signal."""
    outcome = _world[0].behaviour.instance_boot
    if outcome == "silent":
        return
    status = "SUCCESS" if outcome == "success" else "FAILURE"
    data = base64.b64decode(instance.get("UserData") or "").decode(errors="replace")
    payload = {"Status": status, "UniqueId": instance["InstanceId"], "Reason": "the first boot", "Data": ""}
    for token in set(re.findall(re.escape(wait_conditions.SIGNAL_PATH) + r"([\w-]+)", data)):
        wait_conditions.deliver_signal(token, payload)
    for stack_id, logical_id in list(wait_conditions._waiting):
        if re.search(rf"--resource[ =]['\"]?{re.escape(logical_id)}\b", data) and stack_id.split("/")[1] in data:
            wait_conditions.signal_resource(stack_id, logical_id, instance["InstanceId"], status)


def _later(instance: dict, turn: int, seconds: float, act: Callable[[], None]) -> None:
    """Act after a while, unless something else happened to the instance meanwhile."""
    account, region = get_account_id(), get_region()

    def run() -> None:
        with request_scope(account, region):
            if instance["_turn"] == turn and instance["InstanceId"] in ec2._instances:
                act()

    timer = threading.Timer(seconds, run)
    timer.daemon = True
    timer.start()


def _noting(original: Callable[[dict], Response], what: str) -> Callable[[dict], Response]:
    """Write down how the tags of an instance change, because leases are tags."""

    def act(p: dict) -> Response:
        response = original(p)
        for resource_id in ec2._parse_member_list(p, "ResourceId"):
            if response[0] == 200 and resource_id in ec2._instances:
                note(ec2._instances[resource_id], what)
        return response

    return act


def _wrong_state(instance: dict, verb: str) -> EC2Error:
    return EC2Error(
        "IncorrectInstanceState",
        f"The instance '{instance['InstanceId']}' is not in a state from which it can be {verb}.",
    )


def _change(p: dict, action: str, act: Callable[[dict], None]) -> Response:
    ids, items = ec2._parse_member_list(p, "InstanceId"), []
    for instance_id in ids:
        if not ec2._INSTANCE_ID_RE.match(instance_id):
            return ec2._error("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"', 400)
        if instance_id not in ec2._instances:
            return ec2._error(
                "InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist", 400
            )
    for instance_id in ids:
        instance = ec2._instances[instance_id]
        before = dict(instance["State"])
        try:
            act(instance)
        except EC2Error as error:
            return ec2._error(error.code, error.message, error.status)
        items.append({"InstanceId": instance_id, "PreviousState": before, "CurrentState": dict(instance["State"])})
    return ec2._xml(200, f"{action}Response", render({"InstancesSet": items}))
