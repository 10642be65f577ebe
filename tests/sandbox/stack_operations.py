"""What deploying, rolling back and deleting a stack share: the operation, the walk over resources, the events.

ministack makes one resource after the other; the walk here does all at once that do not need each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import now_iso
from ministack.services.cloudformation import provisioners, stacks

from . import custom_resources
from .world import World

STACK = "AWS::CloudFormation::Stack"
# Stack id -> the deployment that is under way.
running: dict[str, Operation] = {}
_shared: list[World] = []


def share(world: World) -> None:
    """Remember the sandbox's state; ministack's signatures have no room for it."""
    _shared[:] = [world]


def shared_world() -> World:
    return _shared[0]


@dataclass
class Operation:
    """One deployment, running or failed, with all a rollback needs."""

    stack: dict
    template: dict
    parameters: dict
    conditions: dict
    is_update: bool
    previous: dict
    tags: list
    previous_tags: list
    retain_except_on_create: bool = False
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    # Logical ids in the order they were begun, and those that failed with the reason.
    begun: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    # What an update replaced: logical id -> (old physical id, old properties, deletes its handler queued).
    replaced: dict[str, tuple[str, dict, list]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.stack["StackName"]

    @property
    def id(self) -> str:
        return self.stack["StackId"]

    @property
    def verb(self) -> str:
        return "UPDATE" if self.is_update else "CREATE"

    @property
    def definitions(self) -> dict:
        return self.template.get("Resources", {})

    @property
    def old_resources(self) -> dict:
        return self.previous.get("_resources", {})

    def policy(self, logical_id: str, attribute: str) -> str:
        return stacks._resource_policy(
            self.definitions.get(logical_id),
            attribute,
            self.stack["_resources"],
            self.parameters,
            self.conditions,
            self.template.get("Mappings", {}),
            self.name,
            self.id,
        )

    def tagged(self, kind: str, properties: dict, tags: list, logical_id: str) -> dict:
        return provisioners._with_stack_tags(kind, properties, tags, self.name, self.id, logical_id)


async def walk(
    order: Iterable[str],
    needs: dict[str, set[str]],
    act: Callable[[str], Awaitable[bool]],
    operation: Operation | None = None,
) -> set[str]:
    """Act on every item whose needs are done, all that can at once. Answers what was done.

    `act` answers whether it succeeded; what needs a failure stays undone.
    With an operation, its first failure or its cancelling ends everything that still runs.
    """
    waiting, done, tasks = list(order), set(), {}
    cancel = asyncio.create_task(operation.cancelled.wait()) if operation else None

    def must_stop() -> bool:
        return operation is not None and (bool(operation.failures) or operation.cancelled.is_set())

    while True:
        if not must_stop():
            for item in [i for i in waiting if needs.get(i, set()) <= done]:
                waiting.remove(item)
                tasks[asyncio.create_task(act(item))] = item
        if not tasks:
            break
        if must_stop():
            for task in tasks:
                task.cancel()
            cancel_now = []
        else:
            cancel_now = [cancel] if cancel else []
        finished, _ = await asyncio.wait([*tasks, *cancel_now], return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            item = tasks.pop(task, None)
            if item is not None and not task.cancelled() and task.result():
                done.add(item)
    if cancel:
        cancel.cancel()
    return done


async def call(kind: str, function: Callable, *args: object) -> object:
    if stacks._runs_on_worker_thread(kind):
        return await run_reentrant(function, *args)
    return function(*args)


def fail(operation: Operation, row: dict, verb: str, reason: str, was_sent: bool = True) -> None:
    if custom_resources.is_custom(row["ResourceType"]) and was_sent and not row["PhysicalResourceId"]:
        row["PhysicalResourceId"] = custom_resources.invented_id(operation.name, row["LogicalResourceId"])
    row.update(ResourceStatus=f"{verb}_FAILED", ResourceStatusReason=reason, Timestamp=now_iso())
    event(
        operation.stack,
        row["LogicalResourceId"],
        row["ResourceType"],
        f"{verb}_FAILED",
        reason,
        row["PhysicalResourceId"],
    )


def event(stack: dict, logical_id: str, kind: str, status: str, reason: str = "", physical_id: str = "") -> None:
    stacks._add_event(stack["StackId"], stack["StackName"], logical_id, kind, status, reason, physical_id)


def set_status(stack: dict, status: str, reason: str = "") -> None:
    stack["StackStatus"] = status
    if reason:
        stack["StackStatusReason"] = reason
    event(stack, stack["StackName"], STACK, status, reason, stack["StackId"])
