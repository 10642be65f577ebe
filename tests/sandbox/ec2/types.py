"""Resource types for CloudFormation: how one is registered, tagged, updated and waited for.

A type without an update of its own takes new tags in place and is replaced for anything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ministack.services import ec2
from ministack.services.cloudformation import provisioners, stacks

Made = tuple[str, dict]
_slow: set[str] = set()


def install_slow_types() -> None:
    """Types that wait run on a thread of their own, so that the event loop goes on."""
    if not _slow:
        original = stacks._runs_on_worker_thread
        stacks._runs_on_worker_thread = lambda kind: kind in _slow or original(kind)


def register(
    kind: str,
    create: Callable[[str, dict, str], Made],
    delete: Callable[[str, dict], None],
    update: Callable[[str, dict, dict, str], Made] | None = None,
    attributes: Callable[[str], dict] = lambda _id: {},
    is_slow: bool = False,
    has_tags: bool = True,
) -> None:
    """Add a type; `update(physical_id, old, new, stack_name)` is only needed for more than tags."""
    if is_slow:
        install_slow_types()
        _slow.add(kind)

    def replace_or_tag(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str = "") -> Made:
        if _without_tags(old) != _without_tags(new):
            made = create(logical_id or physical_id, new, stack_name)
            provisioners._delete_predecessor(delete, physical_id, old)
            return made
        provisioners._ec2_apply_tags(physical_id, new, old)
        return physical_id, attributes(physical_id)

    def create_tagged(logical_id: str, properties: dict, stack_name: str) -> Made:
        physical_id, made = create(logical_id, properties, stack_name)
        if has_tags:
            provisioners._ec2_apply_tags(physical_id, properties)
        return physical_id, made

    def delete_tagged(physical_id: str, properties: dict) -> None:
        delete(physical_id, properties)
        ec2._tags.pop(physical_id, None)

    handler = {"create": create_tagged, "delete": delete_tagged}
    if update:
        handler["update"] = update
    else:
        handler.update(update=replace_or_tag, update_with_logical_id=True)
    provisioners._RESOURCE_HANDLERS[kind] = handler
    if has_tags:
        provisioners._STACK_TAG_PROPERTY.setdefault(kind, ("Tags", "list"))


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 600) -> None:
    """CloudFormation's own waiting; only for types that run on a thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ValueError(f"{what} did not stabilize.")
        time.sleep(0.02)


def is_true(value: object) -> bool:
    return str(value).lower() == "true"


def _without_tags(properties: dict) -> dict:
    return {name: value for name, value in properties.items() if name != "Tags"}
