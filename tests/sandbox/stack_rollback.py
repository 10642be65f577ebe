"""Taking a failed create or update back.

What was created is deleted, FAILED and abandoned custom resources included; what was updated gets an update with
swapped properties, and an id that only the failed update knew is deleted afterwards.
"""

from __future__ import annotations

import asyncio

from ministack.core.responses import now_iso
from ministack.services.cloudformation import provisioners, stacks
from ministack.services.cloudformation.engine import _extract_deps

from . import custom_resources
from .stack_deletion import delete_rows
from .stack_operations import Operation, call, event, fail, set_status, shared_world, walk


async def roll_back(stack_name, stack_id, stack, operation, reason_override=""):  # noqa: ANN001, ANN201
    """RollbackStack on a stack that failed with rollback disabled."""
    await undo(operation["operation"], reason_override)


async def undo(operation: Operation, reason: str = "") -> None:
    stack = operation.stack
    stack.pop("_failed_operation", None)
    # The same operation may be rolled back long after it was cancelled.
    operation.cancelled = asyncio.Event()
    status = "UPDATE_ROLLBACK_IN_PROGRESS" if operation.is_update else "ROLLBACK_IN_PROGRESS"
    reason = reason or f"{stack.get('StackStatusReason', '')} Rollback requested by user.".strip()
    set_status(stack, status, reason)
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

    failures = await delete_rows(stack, operation.template, list(stack["_resources"]), keeps)
    if failures:
        reason = f"The following resource(s) failed to delete: [{', '.join(sorted(failures))}]."
        stack["StackStatusReason"] = reason
        set_status(stack, "ROLLBACK_FAILED", reason)
        return
    set_status(stack, "ROLLBACK_COMPLETE")


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
            event(stack, logical_id, kind, "UPDATE_IN_PROGRESS", "", current)
            try:
                if is_custom:
                    restored["PhysicalResourceId"], restored["Attributes"] = await custom_resources.send(
                        shared_world(), "Update", logical_id, before, operation.id, kind, current, applied
                    )
                    if restored["PhysicalResourceId"] != current:
                        doomed[logical_id] = row
                else:
                    restored["PhysicalResourceId"], attributes = await call(
                        kind,
                        provisioners._update_resource,
                        kind,
                        current,
                        applied,
                        before,
                        operation.name,
                        logical_id,
                        row.get("Attributes", {}),
                    )
                    restored["Attributes"] = {**old.get("Attributes", {}), **(attributes or {})}
            except Exception as error:  # noqa: BLE001 - kept for ContinueUpdateRollback
                fail(operation, row, "UPDATE", str(error))
                failed[logical_id] = {
                    "PhysicalResourceId": current,
                    "ResourceType": kind,
                    "RevertFrom": applied,
                    "RevertTo": before,
                    "Attributes": row.get("Attributes", {}),
                }
                old_rows[logical_id] = {**old, "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": str(error)}
                return False
        restored.update(ResourceStatus="UPDATE_COMPLETE", Timestamp=now_iso())
        restored.pop("ResourceStatusReason", None)
        old_rows[logical_id] = restored
        if logical_id not in doomed:
            rows[logical_id] = restored
        event(stack, logical_id, kind, "UPDATE_COMPLETE", "", restored["PhysicalResourceId"])
        return True

    names = set(changed)
    needs = {lid: _extract_deps(operation.definitions.get(lid, {}), names) - {lid} for lid in changed}
    await walk(changed, needs, revert)
    if not failed:
        set_status(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    made = {lid: rows[lid] for lid in operation.begun if lid not in old_rows and lid in rows}
    stack["_resources"] = {**old_rows, **made}
    stack.setdefault("_deleted_resources", {})
    await delete_rows({**stack, "_resources": {**made, **doomed}}, operation.template, [*made, *doomed])
    previous = operation.previous
    for name in ("_template", "_resolved_params", "_template_body", "Parameters", "Tags", "Outputs", "_conditions"):
        if name in previous:
            stack[name] = previous[name]
    stack["_resources"] = old_rows
    if failed:
        stack["_rollback_failed"] = failed
        stack["StackStatusReason"] = stacks._rollback_failure_reason(failed)
        set_status(stack, "UPDATE_ROLLBACK_FAILED", stack["StackStatusReason"])
        return
    set_status(stack, "UPDATE_ROLLBACK_COMPLETE")
