"""Deleting a stack, what an update replaced, and what it no longer declares.

Dependents go first and independent resources in parallel; what is gone stays visible to those who ask by stack id.
"""

from __future__ import annotations

from collections.abc import Callable

from ministack.core.responses import now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks
from ministack.services.cloudformation.engine import _extract_deps

from . import custom_resources
from .stack_operations import Operation, call, event, running, set_status, shared_world, walk


async def clean_up(operation: Operation, removed: list[str]) -> None:
    """Delete what the update replaced or no longer declares; a failure leaves the update complete."""
    stack = operation.stack
    old: dict[str, dict] = {}
    for logical_id, (physical_id, properties, pending) in operation.replaced.items():
        row = operation.old_resources[logical_id]
        if operation.policy(logical_id, "UpdateReplacePolicy") in provisioners._RETAINING_POLICIES:
            event(stack, logical_id, row["ResourceType"], "DELETE_SKIPPED", "", physical_id)
            continue
        for function, args, kwargs in pending:
            function(*args, **kwargs)
        if stack["_resources"][logical_id]["PhysicalResourceId"] != physical_id:
            old[logical_id] = {**row, "PhysicalResourceId": physical_id, "Properties": properties}
    await delete_rows({**stack, "_resources": old}, operation.template, list(old))
    if not removed:
        return
    before = operation.previous.get("_template", {})

    def keeps(logical_id: str, row: dict) -> bool:
        policy = (before.get("Resources", {}).get(logical_id) or {}).get("DeletionPolicy")
        return policy in provisioners._RETAINING_POLICIES

    await delete_rows(stack, before, removed, keeps)


async def delete(stack_name, stack_id, retain_resources=(), force=False):  # noqa: ANN001, ANN201
    """DeleteStack: first stop what runs, then delete everything that can be."""
    stack = cloudformation._stacks.get(stack_name)
    if not stack or stack.get("StackId") != stack_id:
        return
    if operation := running.get(stack_id):
        operation.cancelled.set()
        await operation.finished.wait()
    set_status(stack, "DELETE_IN_PROGRESS", "User Initiated")
    template = stack.get("_template") or {}

    def keeps(logical_id: str, row: dict) -> bool:
        policy = stacks._resource_policy(
            template.get("Resources", {}).get(logical_id),
            "DeletionPolicy",
            stack["_resources"],
            stack.get("_resolved_params", {}),
            stack.get("_conditions", {}),
            template.get("Mappings", {}),
            stack_name,
            stack_id,
        )
        if policy == "RetainExceptOnCreate" or policy == "Retain" or logical_id in retain_resources:
            return bool(row.get("PhysicalResourceId"))
        return force and row.get("ResourceStatus") == "DELETE_FAILED"

    failures = await delete_rows(stack, template, list(stack.get("_resources", {})), keeps)
    if failures:
        reason = f"The following resource(s) failed to delete: [{', '.join(sorted(failures))}]."
        stack["StackStatusReason"] = reason
        set_status(stack, "DELETE_FAILED", reason)
        return
    for output in stack.get("Outputs", []):
        cloudformation._exports.pop(output.get("ExportName"), None)
    stack["DeletionTime"] = now_iso()
    stack["StackStatusReason"] = ""
    set_status(stack, "DELETE_COMPLETE")


async def delete_rows(
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
            event(stack, logical_id, kind, "DELETE_SKIPPED", "", physical_id)
            _archive(stack, logical_id, row, "DELETE_SKIPPED")
            return True
        if row.get("ResourceStatus") == "DELETE_COMPLETE":
            return True
        row.update(ResourceStatus="DELETE_IN_PROGRESS", Timestamp=now_iso())
        row.pop("ResourceStatusReason", None)
        if physical_id:
            event(stack, logical_id, kind, "DELETE_IN_PROGRESS", "", physical_id)
        try:
            if custom_resources.is_custom(kind) and physical_id:
                await custom_resources.send(
                    shared_world(), "Delete", logical_id, row.get("Properties", {}), stack["StackId"], kind, physical_id
                )
            elif physical_id:
                await call(
                    kind,
                    provisioners._delete_resource,
                    kind,
                    physical_id,
                    row.get("Properties", {}),
                    stack["StackName"],
                    logical_id,
                )
        except Exception as error:  # noqa: BLE001 - every failure of a deletion is the resource's
            row.update(ResourceStatus="DELETE_FAILED", ResourceStatusReason=str(error), Timestamp=now_iso())
            event(stack, logical_id, kind, "DELETE_FAILED", str(error), physical_id)
            failures.add(logical_id)
            return False
        event(stack, logical_id, kind, "DELETE_COMPLETE", "", physical_id)
        _archive(stack, logical_id, row, "DELETE_COMPLETE")
        return True

    order = sorted(logical_ids)
    await walk(order, needs, remove)
    return failures


def _archive(stack: dict, logical_id: str, row: dict, status: str) -> None:
    """Keep showing a resource that is gone to those who ask for it by name."""
    stack["_resources"].pop(logical_id, None)
    stack.setdefault("_deleted_resources", {})[logical_id] = {**row, "ResourceStatus": status, "Timestamp": now_iso()}
