"""Creating and updating a stack as CloudFormation does.

Independent resources go in parallel, a failure makes CloudFormation stop waiting for the others and delete them
concurrently, and every resource shows its status while it changes.
"""

from __future__ import annotations

import asyncio
import copy
from functools import partial

from ministack.core.responses import now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners, stacks
from ministack.services.cloudformation.engine import (
    _NO_VALUE,
    _extract_deps,
    _resolve_dynamic_references,
    _resolve_refs,
    _topological_sort,
)

from . import custom_resources
from .stack_deletion import clean_up
from .stack_operations import STACK, Operation, call, event, fail, running, set_status, shared_world, walk
from .stack_rollback import undo


async def deploy(
    stack_name,
    stack_id,
    template,
    param_values,
    disable_rollback,
    tags,
    is_update=False,
    previous_stack=None,
    retain_except_on_create=False,
    imports=None,
):  # noqa: ANN001, ANN201 - the signature is ministack's
    """Bring the stack to the template, or back."""
    stack = cloudformation._stacks[stack_name]
    operation = Operation(
        stack=stack,
        template=template,
        parameters=param_values,
        conditions=engine._evaluate_conditions(template, param_values),
        is_update=is_update,
        previous=previous_stack or {},
        tags=stack.get("Tags") or [],
        previous_tags=(previous_stack or {}).get("Tags") or [],
        retain_except_on_create=retain_except_on_create,
    )
    running[stack_id] = operation
    try:
        await _deploy(operation, disable_rollback)
    finally:
        operation.finished.set()
        running.pop(stack_id, None)


async def _deploy(operation: Operation, disable_rollback: bool) -> None:
    stack = operation.stack
    for leftover in ("_failed_operation", "_cancel_requested", "_cancel_token"):
        stack.pop(leftover, None)
    if not operation.is_update:
        stack["_resources"] = {}
    try:
        order = _topological_sort(operation.definitions, operation.conditions)
    except ValueError as error:
        set_status(stack, f"{operation.verb}_FAILED", str(error))
        return
    if not stack.get("_disable_validation") and stacks._fail_property_validation(
        stack,
        operation.id,
        operation.name,
        operation.definitions,
        order,
        operation.parameters,
        operation.conditions,
        operation.template.get("Mappings", {}),
        disable_rollback,
        previous_stack=operation.previous if operation.is_update else None,
    ):
        return
    names = set(order)
    needs = {lid: _extract_deps(operation.definitions[lid], names) - {lid} for lid in order}
    removed = [lid for lid in operation.old_resources if lid not in names]
    await walk(order, needs, partial(_apply, operation), operation)
    if operation.cancelled.is_set() and not operation.is_update:
        return
    outputs, exports, reason = [], {}, ""
    if not operation.failures and not operation.cancelled.is_set():
        try:
            surviving = {lid: row for lid, row in stack["_resources"].items() if lid not in removed}
            outputs, exports = stacks._resolve_stack_outputs(
                operation.template.get("Outputs", {}),
                operation.conditions,
                surviving,
                operation.parameters,
                operation.template.get("Mappings", {}),
                operation.name,
                operation.id,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the operation fails with it
            reason = str(error)
            event(stack, operation.name, STACK, f"{operation.verb}_FAILED", reason, operation.id)
    if operation.failures or reason or operation.cancelled.is_set():
        failed = ", ".join(sorted(operation.failures))
        verb = "update" if operation.is_update else "create"
        stack["StackStatusReason"] = reason or f"The following resource(s) failed to {verb}: [{failed}]."
        if disable_rollback:
            set_status(stack, f"{operation.verb}_FAILED", stack["StackStatusReason"])
            stack["_failed_operation"] = {"is_update": operation.is_update, "operation": operation}
        else:
            await undo(operation)
        return
    stack.update(_template=operation.template, _resolved_params=operation.parameters, Outputs=outputs)
    cloudformation._exports.update(exports)
    if operation.is_update:
        set_status(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        await clean_up(operation, removed)
    stack["StackStatusReason"] = ""
    set_status(stack, f"{operation.verb}_COMPLETE")


async def _apply(operation: Operation, logical_id: str) -> bool:
    """Create or update one resource; False when it failed or was cancelled."""
    stack, definition = operation.stack, operation.definitions[logical_id]
    kind = definition.get("Type", "AWS::CloudFormation::CustomResource")
    old = operation.old_resources.get(logical_id)
    row = {
        "LogicalResourceId": logical_id,
        "ResourceType": kind,
        "PhysicalResourceId": "",
        "Properties": {},
        "Attributes": {},
        **copy.deepcopy(old or {}),
        "Timestamp": now_iso(),
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
        event(stack, logical_id, kind, row["ResourceStatus"], "", row["PhysicalResourceId"])

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
        fail(operation, row, verb, f"Resource {'update' if old else 'creation'} cancelled")
        return False
    except Exception as error:  # noqa: BLE001 - every failure of a resource fails the resource
        if not shown:
            show()
        given = getattr(error, "physical_id", None)
        if given and (not old or shared_world().behaviour.failed_update_id == "answer"):
            row["PhysicalResourceId"] = given
        operation.failures[logical_id] = str(error)
        fail(operation, row, verb, str(error), was_sent=not isinstance(error, custom_resources.NotSent))
        return False
    row.update(
        PhysicalResourceId=physical_id, Attributes=attributes, ResourceStatus=f"{verb}_COMPLETE", Timestamp=now_iso()
    )
    event(stack, logical_id, kind, row["ResourceStatus"], "", physical_id)
    return True


def _resolve(operation: Operation, logical_id: str, definition: dict) -> tuple[dict, dict]:
    resolved = _resolve_refs(
        copy.deepcopy(definition.get("Properties", {})),
        operation.stack["_resources"],
        operation.parameters,
        operation.conditions,
        operation.template.get("Mappings", {}),
        operation.name,
        operation.id,
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
        return await custom_resources.send(shared_world(), "Create", logical_id, properties, operation.id, kind)
    made, seed = await call(kind, stacks._provision_keeping_seed, kind, logical_id, properties, operation.name)
    if seed:
        row["_name_seed"] = seed
    return made


async def _update(operation: Operation, row: dict, old: dict, before: dict, wanted: dict) -> tuple[str, dict]:
    kind, logical_id, physical_id = row["ResourceType"], row["LogicalResourceId"], old["PhysicalResourceId"]
    if custom_resources.is_custom(kind):
        if before.get("ServiceToken") != wanted.get("ServiceToken"):
            raise ValueError("Modifying service token is not allowed.")
        return await custom_resources.send(
            shared_world(), "Update", logical_id, wanted, operation.id, kind, physical_id, before
        )
    pending: list = []
    tokens = (
        (
            provisioners._RETAIN_REPLACED,
            operation.policy(logical_id, "UpdateReplacePolicy") in provisioners._RETAINING_POLICIES,
        ),
        (provisioners._DEFERRED_PREDECESSOR_DELETES, pending),
        (provisioners._NAME_SEED, old.get("_name_seed", "")),
    )
    # Set in this task's own context, so nothing has to be put back.
    for variable, value in tokens:
        variable.set(value)
    made, seed = await call(
        kind,
        stacks._update_keeping_seed,
        kind,
        physical_id,
        before,
        wanted,
        operation.name,
        logical_id,
        old.get("Attributes", {}),
    )
    if seed:
        row["_name_seed"] = seed
    if pending:
        operation.replaced[logical_id] = (physical_id, old.get("Properties", {}), pending)
    return made
