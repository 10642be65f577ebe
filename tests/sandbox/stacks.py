"""Stack operations as CloudFormation runs them.

ministack makes one resource after the other and deletes nothing after a failed Create.
Here independent resources go in parallel, a failure makes CloudFormation stop waiting for the others and delete them
concurrently, updates are sent back with swapped properties, and every resource shows its status while it changes.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, provisioners, stacks
from ministack.services.cloudformation.engine import (
    _NO_VALUE,
    _evaluate_conditions,
    _extract_deps,
    _resolve_dynamic_references,
    _resolve_refs,
    _topological_sort,
)

from . import custom_resources
from .world import World

_STACK = "AWS::CloudFormation::Stack"
_world: World | None = None
_running: dict[str, Operation] = {}


def install(world: World) -> None:
    """Take the place of ministack's stack operations wherever they were imported."""
    global _world
    _world = world
    for module in (stacks, handlers, changesets):
        for name, ours in (
            ("_deploy_stack_async", deploy),
            ("_delete_stack_async", delete),
            ("_roll_back_operation", roll_back),
        ):
            if hasattr(module, name):
                setattr(module, name, ours)
    cancel = handlers._ACTION_HANDLERS["CancelUpdateStack"]

    def cancel_update(params: dict) -> tuple:
        response = cancel(params)
        stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
        if response[0] == 200 and (operation := _running.get(stack.get("StackId"))):
            operation.cancelled.set()
        return response

    handlers._ACTION_HANDLERS["CancelUpdateStack"] = cancel_update


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
            self.definitions.get(logical_id), attribute, self.stack["_resources"], self.parameters,
            self.conditions, self.template.get("Mappings", {}), self.name, self.id,
        )

    def tagged(self, kind: str, properties: dict, tags: list, logical_id: str) -> dict:
        return provisioners._with_stack_tags(kind, properties, tags, self.name, self.id, logical_id)


# Create and update.


async def deploy(
    stack_name, stack_id, template, param_values, disable_rollback, tags,
    is_update=False, previous_stack=None, retain_except_on_create=False, imports=None,
):  # noqa: ANN001, ANN201 - the signature is ministack's
    """Bring the stack to the template, or back."""
    stack = cloudformation._stacks[stack_name]
    operation = Operation(
        stack=stack, template=template, parameters=param_values,
        conditions=_evaluate_conditions(template, param_values), is_update=is_update, previous=previous_stack or {},
        tags=stack.get("Tags") or [], previous_tags=(previous_stack or {}).get("Tags") or [],
        retain_except_on_create=retain_except_on_create,
    )
    _running[stack_id] = operation
    try:
        await _deploy(operation, disable_rollback)
    finally:
        operation.finished.set()
        _running.pop(stack_id, None)


async def _deploy(operation: Operation, disable_rollback: bool) -> None:
    stack = operation.stack
    for leftover in ("_failed_operation", "_cancel_requested", "_cancel_token"):
        stack.pop(leftover, None)
    if not operation.is_update:
        stack["_resources"] = {}
    try:
        order = _topological_sort(operation.definitions, operation.conditions)
    except ValueError as error:
        _stack_status(stack, f"{operation.verb}_FAILED", str(error))
        return
    if not stack.get("_disable_validation") and stacks._fail_property_validation(
        stack, operation.id, operation.name, operation.definitions, order, operation.parameters, operation.conditions,
        operation.template.get("Mappings", {}), disable_rollback,
        previous_stack=operation.previous if operation.is_update else None,
    ):
        return
    names = set(order)
    needs = {lid: _extract_deps(operation.definitions[lid], names) - {lid} for lid in order}
    removed = [lid for lid in operation.old_resources if lid not in names]
    await _walk(order, needs, partial(_apply, operation), operation)
    if operation.cancelled.is_set() and not operation.is_update:
        return
    outputs, exports, reason = [], {}, ""
    if not operation.failures and not operation.cancelled.is_set():
        try:
            surviving = {lid: row for lid, row in stack["_resources"].items() if lid not in removed}
            outputs, exports = stacks._resolve_stack_outputs(
                operation.template.get("Outputs", {}), operation.conditions, surviving, operation.parameters,
                operation.template.get("Mappings", {}), operation.name, operation.id,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the operation fails with it
            reason = str(error)
            _event(stack, operation.name, _STACK, f"{operation.verb}_FAILED", reason, operation.id)
    if operation.failures or reason or operation.cancelled.is_set():
        failed = ", ".join(sorted(operation.failures))
        verb = "update" if operation.is_update else "create"
        stack["StackStatusReason"] = reason or f"The following resource(s) failed to {verb}: [{failed}]."
        if disable_rollback:
            _stack_status(stack, f"{operation.verb}_FAILED", stack["StackStatusReason"])
            stack["_failed_operation"] = {"is_update": operation.is_update, "operation": operation}
        else:
            await _roll_back(operation)
        return
    stack.update(_template=operation.template, _resolved_params=operation.parameters, Outputs=outputs)
    cloudformation._exports.update(exports)
    if operation.is_update:
        _stack_status(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        await _clean_up(operation, removed)
    stack["StackStatusReason"] = ""
    _stack_status(stack, f"{operation.verb}_COMPLETE")


async def _walk(
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


async def _apply(operation: Operation, logical_id: str) -> bool:
    """Create or update one resource; False when it failed or was cancelled."""
    stack, definition = operation.stack, operation.definitions[logical_id]
    kind = definition.get("Type", "AWS::CloudFormation::CustomResource")
    old = operation.old_resources.get(logical_id)
    row = {
        "LogicalResourceId": logical_id, "ResourceType": kind, "PhysicalResourceId": "", "Properties": {},
        "Attributes": {}, **copy.deepcopy(old or {}), "Timestamp": now_iso(),
    }
    row.pop("ResourceStatusReason", None)
    verb = "UPDATE" if old else "CREATE"
    operation.begun.append(logical_id)
    shown = False

    def show() -> None:
        nonlocal shown
        shown = True
        row["ResourceStatus"] = f"{verb}_IN_PROGRESS"
        stack["_resources"][logical_id] = row
        _event(stack, logical_id, kind, row["ResourceStatus"], "", row["PhysicalResourceId"])

    try:
        properties, dynamic = _resolve(operation, logical_id, definition)
        row["Properties"] = properties
        if dynamic:
            row["_dynamic"] = dynamic
        wanted = operation.tagged(kind, properties, operation.tags, logical_id)
        if old:
            before = operation.tagged(kind, old.get("Properties", {}), operation.previous_tags, logical_id)
            if before == wanted:
                operation.begun.remove(logical_id)
                stack["_resources"][logical_id] = {**row, "ResourceStatus": old["ResourceStatus"]}
                return True
            show()
            physical_id, attributes = await _update(operation, row, old, before, wanted)
            if physical_id != old["PhysicalResourceId"] and logical_id not in operation.replaced:
                operation.replaced[logical_id] = (old["PhysicalResourceId"], old.get("Properties", {}), [])
        else:
            show()
            physical_id, attributes = await _create(operation, row, wanted)
    except asyncio.CancelledError:
        _fail(operation, row, verb, f"Resource {'update' if old else 'creation'} cancelled")
        return False
    except Exception as error:  # noqa: BLE001 - every failure of a resource fails the resource
        if not shown:
            show()
        given = getattr(error, "physical_id", None)
        if given and (not old or _world.behaviour.failed_update_id == "answer"):
            row["PhysicalResourceId"] = given
        operation.failures[logical_id] = str(error)
        _fail(operation, row, verb, str(error), was_sent=not isinstance(error, custom_resources.NotSent))
        return False
    row.update(PhysicalResourceId=physical_id, Attributes=attributes, ResourceStatus=f"{verb}_COMPLETE", Timestamp=now_iso())
    _event(stack, logical_id, kind, row["ResourceStatus"], "", physical_id)
    return True


def _fail(operation: Operation, row: dict, verb: str, reason: str, was_sent: bool = True) -> None:
    if custom_resources.is_custom(row["ResourceType"]) and was_sent and not row["PhysicalResourceId"]:
        row["PhysicalResourceId"] = custom_resources.invented_id(operation.name, row["LogicalResourceId"])
    row.update(ResourceStatus=f"{verb}_FAILED", ResourceStatusReason=reason, Timestamp=now_iso())
    _event(operation.stack, row["LogicalResourceId"], row["ResourceType"], f"{verb}_FAILED", reason, row["PhysicalResourceId"])


def _resolve(operation: Operation, logical_id: str, definition: dict) -> tuple[dict, dict]:
    resolved = _resolve_refs(
        copy.deepcopy(definition.get("Properties", {})), operation.stack["_resources"], operation.parameters,
        operation.conditions, operation.template.get("Mappings", {}), operation.name, operation.id,
    )
    resolved = {name: value for name, value in resolved.items() if value is not _NO_VALUE}
    previous = operation.previous
    return _resolve_dynamic_references(
        resolved,
        (operation.old_resources.get(logical_id) or {}).get("_dynamic"),
        reuse_ssm=bool(
            operation.is_update
            and operation.template == previous.get("_template")
            and operation.parameters == previous.get("_resolved_params")
        ),
        reuse_secrets=(previous.get("_template", {}).get("Resources", {}).get(logical_id) == definition),
    )


async def _create(operation: Operation, row: dict, properties: dict) -> tuple[str, dict]:
    kind, logical_id = row["ResourceType"], row["LogicalResourceId"]
    if custom_resources.is_custom(kind):
        return await custom_resources.send(_world, "Create", logical_id, properties, operation.id, kind)
    made, seed = await _call(kind, stacks._provision_keeping_seed, kind, logical_id, properties, operation.name)
    if seed:
        row["_name_seed"] = seed
    return made


async def _update(operation: Operation, row: dict, old: dict, before: dict, wanted: dict) -> tuple[str, dict]:
    kind, logical_id, physical_id = row["ResourceType"], row["LogicalResourceId"], old["PhysicalResourceId"]
    if custom_resources.is_custom(kind):
        if before.get("ServiceToken") != wanted.get("ServiceToken"):
            raise ValueError("Modifying service token is not allowed.")
        return await custom_resources.send(_world, "Update", logical_id, wanted, operation.id, kind, physical_id, before)
    pending: list = []
    tokens = (
        (provisioners._RETAIN_REPLACED, operation.policy(logical_id, "UpdateReplacePolicy") in provisioners._RETAINING_POLICIES),
        (provisioners._DEFERRED_PREDECESSOR_DELETES, pending),
        (provisioners._NAME_SEED, old.get("_name_seed", "")),
    )
    # Set in this task's own context, so nothing has to be put back.
    for variable, value in tokens:
        variable.set(value)
    made, seed = await _call(
        kind, stacks._update_keeping_seed, kind, physical_id, before, wanted, operation.name, logical_id,
        old.get("Attributes", {}),
    )
    if seed:
        row["_name_seed"] = seed
    if pending:
        operation.replaced[logical_id] = (physical_id, old.get("Properties", {}), pending)
    return made


async def _call(kind: str, function: Callable, *args: object) -> object:
    if stacks._runs_on_worker_thread(kind):
        return await run_reentrant(function, *args)
    return function(*args)


# Rollback.


async def roll_back(stack_name, stack_id, stack, operation, reason_override=""):  # noqa: ANN001, ANN201
    """RollbackStack on a stack that failed with rollback disabled."""
    await _roll_back(operation["operation"], reason_override)


async def _roll_back(operation: Operation, reason: str = "") -> None:
    stack = operation.stack
    stack.pop("_failed_operation", None)
    # The same operation may be rolled back long after it was cancelled.
    operation.cancelled = asyncio.Event()
    status = "UPDATE_ROLLBACK_IN_PROGRESS" if operation.is_update else "ROLLBACK_IN_PROGRESS"
    reason = reason or f"{stack.get('StackStatusReason', '')} Rollback requested by user.".strip()
    _stack_status(stack, status, reason)
    if operation.is_update:
        await _roll_back_update(operation)
    else:
        await _roll_back_create(operation)


async def _roll_back_create(operation: Operation) -> None:
    stack = operation.stack

    def keeps(logical_id: str, row: dict) -> bool:
        if not row.get("PhysicalResourceId"):
            return False
        return operation.policy(logical_id, "DeletionPolicy") == "Retain" and not operation.retain_except_on_create

    failures = await _delete_rows(stack, operation.template, list(stack["_resources"]), keeps)
    if failures:
        reason = f"The following resource(s) failed to delete: [{', '.join(sorted(failures))}]."
        stack["StackStatusReason"] = reason
        _stack_status(stack, "ROLLBACK_FAILED", reason)
        return
    _stack_status(stack, "ROLLBACK_COMPLETE")


async def _roll_back_update(operation: Operation) -> None:
    stack, rows, old_rows = operation.stack, operation.stack["_resources"], operation.old_resources
    changed = [lid for lid in operation.begun if lid in old_rows]
    doomed: dict[str, dict] = {}
    failed: dict[str, dict] = {}

    async def revert(logical_id: str) -> bool:
        row, old = rows[logical_id], old_rows[logical_id]
        kind = row["ResourceType"]
        applied = operation.tagged(kind, row["Properties"], operation.tags, logical_id)
        before = operation.tagged(kind, old.get("Properties", {}), operation.previous_tags, logical_id)
        is_custom = custom_resources.is_custom(kind)
        if "service token" in row.get("ResourceStatusReason", ""):
            is_custom, applied = False, before
        current, restored = row["PhysicalResourceId"], dict(old)
        replaced = logical_id in operation.replaced and not is_custom
        if replaced:
            doomed[logical_id] = row
        elif applied != before and (is_custom or row["ResourceStatus"] == "UPDATE_COMPLETE"):
            row.update(ResourceStatus="UPDATE_IN_PROGRESS", Timestamp=now_iso())
            _event(stack, logical_id, kind, "UPDATE_IN_PROGRESS", "", current)
            try:
                if is_custom:
                    restored["PhysicalResourceId"], restored["Attributes"] = await custom_resources.send(
                        _world, "Update", logical_id, before, operation.id, kind, current, applied
                    )
                    if restored["PhysicalResourceId"] != current:
                        doomed[logical_id] = row
                else:
                    restored["PhysicalResourceId"], attributes = await _call(
                        kind, provisioners._update_resource, kind, current, applied, before, operation.name, logical_id,
                        row.get("Attributes", {}),
                    )
                    restored["Attributes"] = {**old.get("Attributes", {}), **(attributes or {})}
            except Exception as error:  # noqa: BLE001 - kept for ContinueUpdateRollback
                _fail(operation, row, "UPDATE", str(error))
                failed[logical_id] = {
                    "PhysicalResourceId": current, "ResourceType": kind, "RevertFrom": applied, "RevertTo": before,
                    "Attributes": row.get("Attributes", {}),
                }
                old_rows[logical_id] = {**old, "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": str(error)}
                return False
        restored.update(ResourceStatus="UPDATE_COMPLETE", Timestamp=now_iso())
        restored.pop("ResourceStatusReason", None)
        old_rows[logical_id] = restored
        if logical_id not in doomed:
            rows[logical_id] = restored
        _event(stack, logical_id, kind, "UPDATE_COMPLETE", "", restored["PhysicalResourceId"])
        return True

    names = set(changed)
    needs = {lid: _extract_deps(operation.definitions.get(lid, {}), names) - {lid} for lid in changed}
    await _walk(changed, needs, revert)
    if not failed:
        _stack_status(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    made = {lid: rows[lid] for lid in operation.begun if lid not in old_rows and lid in rows}
    stack["_resources"] = {**old_rows, **made}
    stack.setdefault("_deleted_resources", {})
    await _delete_rows({**stack, "_resources": {**made, **doomed}}, operation.template, [*made, *doomed])
    previous = operation.previous
    for name in ("_template", "_resolved_params", "_template_body", "Parameters", "Tags", "Outputs", "_conditions"):
        if name in previous:
            stack[name] = previous[name]
    stack["_resources"] = old_rows
    if failed:
        stack["_rollback_failed"] = failed
        stack["StackStatusReason"] = stacks._rollback_failure_reason(failed)
        _stack_status(stack, "UPDATE_ROLLBACK_FAILED", stack["StackStatusReason"])
        return
    _stack_status(stack, "UPDATE_ROLLBACK_COMPLETE")


# Deletion.


async def _clean_up(operation: Operation, removed: list[str]) -> None:
    """Delete what the update replaced or no longer declares; a failure leaves the update complete."""
    stack = operation.stack
    old: dict[str, dict] = {}
    for logical_id, (physical_id, properties, pending) in operation.replaced.items():
        row = operation.old_resources[logical_id]
        if operation.policy(logical_id, "UpdateReplacePolicy") in provisioners._RETAINING_POLICIES:
            _event(stack, logical_id, row["ResourceType"], "DELETE_SKIPPED", "", physical_id)
            continue
        for function, args, kwargs in pending:
            function(*args, **kwargs)
        if stack["_resources"][logical_id]["PhysicalResourceId"] != physical_id:
            old[logical_id] = {**row, "PhysicalResourceId": physical_id, "Properties": properties}
    await _delete_rows({**stack, "_resources": old}, operation.template, list(old))
    if not removed:
        return
    before = operation.previous.get("_template", {})

    def keeps(logical_id: str, row: dict) -> bool:
        policy = (before.get("Resources", {}).get(logical_id) or {}).get("DeletionPolicy")
        return policy in provisioners._RETAINING_POLICIES

    await _delete_rows(stack, before, removed, keeps)


async def delete(stack_name, stack_id, retain_resources=(), force=False):  # noqa: ANN001, ANN201
    """DeleteStack: first stop what runs, then delete everything that can be."""
    stack = cloudformation._stacks.get(stack_name)
    if not stack or stack.get("StackId") != stack_id:
        return
    if operation := _running.get(stack_id):
        operation.cancelled.set()
        await operation.finished.wait()
    _stack_status(stack, "DELETE_IN_PROGRESS", "User Initiated")
    template = stack.get("_template") or {}

    def keeps(logical_id: str, row: dict) -> bool:
        policy = stacks._resource_policy(
            template.get("Resources", {}).get(logical_id), "DeletionPolicy", stack["_resources"],
            stack.get("_resolved_params", {}), stack.get("_conditions", {}), template.get("Mappings", {}), stack_name,
            stack_id,
        )
        if policy == "RetainExceptOnCreate" or policy == "Retain" or logical_id in retain_resources:
            return bool(row.get("PhysicalResourceId"))
        return force and row.get("ResourceStatus") == "DELETE_FAILED"

    failures = await _delete_rows(stack, template, list(stack.get("_resources", {})), keeps)
    if failures:
        reason = f"The following resource(s) failed to delete: [{', '.join(sorted(failures))}]."
        stack["StackStatusReason"] = reason
        _stack_status(stack, "DELETE_FAILED", reason)
        return
    for output in stack.get("Outputs", []):
        cloudformation._exports.pop(output.get("ExportName"), None)
    stack["DeletionTime"] = now_iso()
    stack["StackStatusReason"] = ""
    _stack_status(stack, "DELETE_COMPLETE")


async def _delete_rows(
    stack: dict, template: dict, logical_ids: list[str], keeps: Callable[[str, dict], bool] = lambda _lid, _row: False
) -> set[str]:
    """Delete rows, dependents first, in parallel; answers what failed. What a failure needs is left alone."""
    rows, names, failures = stack["_resources"], set(logical_ids), set()
    needs: dict[str, set[str]] = {lid: set() for lid in logical_ids}
    for logical_id in logical_ids:
        for dependency in _extract_deps(template.get("Resources", {}).get(logical_id, {}), names) - {logical_id}:
            needs[dependency].add(logical_id)

    async def remove(logical_id: str) -> bool:
        row = rows[logical_id]
        kind, physical_id = row["ResourceType"], row.get("PhysicalResourceId", "")
        if keeps(logical_id, row):
            _event(stack, logical_id, kind, "DELETE_SKIPPED", "", physical_id)
            _archive(stack, logical_id, row, "DELETE_SKIPPED")
            return True
        if row.get("ResourceStatus") == "DELETE_COMPLETE":
            return True
        row.update(ResourceStatus="DELETE_IN_PROGRESS", Timestamp=now_iso())
        row.pop("ResourceStatusReason", None)
        if physical_id:
            _event(stack, logical_id, kind, "DELETE_IN_PROGRESS", "", physical_id)
        try:
            if custom_resources.is_custom(kind) and physical_id:
                await custom_resources.send(
                    _world, "Delete", logical_id, row.get("Properties", {}), stack["StackId"], kind, physical_id
                )
            elif physical_id:
                await _call(
                    kind, provisioners._delete_resource, kind, physical_id, row.get("Properties", {}),
                    stack["StackName"], logical_id,
                )
        except Exception as error:  # noqa: BLE001 - every failure of a deletion is the resource's
            row.update(ResourceStatus="DELETE_FAILED", ResourceStatusReason=str(error), Timestamp=now_iso())
            _event(stack, logical_id, kind, "DELETE_FAILED", str(error), physical_id)
            failures.add(logical_id)
            return False
        _event(stack, logical_id, kind, "DELETE_COMPLETE", "", physical_id)
        _archive(stack, logical_id, row, "DELETE_COMPLETE")
        return True

    order = sorted(logical_ids)
    await _walk(order, needs, remove)
    return failures


def _archive(stack: dict, logical_id: str, row: dict, status: str) -> None:
    """Keep showing a resource that is gone to those who ask for it by name."""
    stack["_resources"].pop(logical_id, None)
    stack.setdefault("_deleted_resources", {})[logical_id] = {**row, "ResourceStatus": status, "Timestamp": now_iso()}


def _event(stack: dict, logical_id: str, kind: str, status: str, reason: str = "", physical_id: str = "") -> None:
    stacks._add_event(stack["StackId"], stack["StackName"], logical_id, kind, status, reason, physical_id)


def _stack_status(stack: dict, status: str, reason: str = "") -> None:
    stack["StackStatus"] = status
    if reason:
        stack["StackStatusReason"] = reason
    _event(stack, stack["StackName"], _STACK, status, reason, stack["StackId"])
