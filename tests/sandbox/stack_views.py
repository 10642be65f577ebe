"""What the Describe operations of CloudFormation show that ministack does not.

Deleted stacks and resources stay addressable by stack id, NotificationARNs are reported, a TemplateURL may be
virtual-hosted, and a stack that was rolled back must be deleted before its name is free.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlparse

from ministack.services import cloudformation, s3
from ministack.services.cloudformation import changesets, handlers, helpers

from .wire import Response

_VIRTUAL_HOST = re.compile(r"^(?P<bucket>[a-z0-9.-]+)\.s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com$")


def install() -> None:
    """Change the handlers in place."""
    _resolve_by_id_only()
    _show_deleted_resources()
    _keep_notification_arns()
    _read_virtual_hosted_templates()


def _resolve_by_id_only() -> None:
    """A deleted stack answers to its id alone; the record survives a new stack of the same name."""
    actions = handlers._ACTION_HANDLERS
    original, create = handlers._resolve_stack, actions["CreateStack"]

    def resolve(stack_name: str) -> dict | None:
        stack = original(stack_name)
        if stack and stack.get("StackStatus") == "DELETE_COMPLETE" and stack["StackId"] != stack_name:
            return None
        return stack

    def create_stack(params: dict) -> Response:
        name = helpers._p(params, "StackName")
        existing = cloudformation._stacks.get(name)
        if existing and existing.get("StackStatus") == "ROLLBACK_COMPLETE":
            return helpers._error("AlreadyExistsException", f"Stack [{name}] already exists")
        response = create(params)
        if existing and response[0] == 200:
            cloudformation._stacks[existing["StackId"]] = existing
        return response

    handlers._resolve_stack = resolve
    actions["CreateStack"] = create_stack


def _show_deleted_resources() -> None:
    """DescribeStackResource(s) and ListStackResources also show what is gone."""

    def with_deleted(action: Callable[[dict], Response], whole: bool) -> Callable[[dict], Response]:
        def act(params: dict) -> Response:
            stack = handlers._resolve_stack(helpers._p(params, "StackName"))
            gone = (stack or {}).get("_deleted_resources")
            if not gone or (whole and stack.get("StackStatus") != "DELETE_COMPLETE"):
                return action(params)
            rows = stack["_resources"]
            # The handlers run without a pause, so nobody sees the merged rows.
            stack["_resources"] = {**gone, **rows}
            try:
                return action(params)
            finally:
                stack["_resources"] = rows

        return act

    for name, whole in (
        ("DescribeStackResource", False),
        ("DescribeStackResources", True),
        ("ListStackResources", True),
    ):
        handlers._ACTION_HANDLERS[name] = with_deleted(handlers._ACTION_HANDLERS[name], whole)


def _keep_notification_arns() -> None:
    """Store NotificationARNs with the stack and show them in DescribeStacks."""
    actions = handlers._ACTION_HANDLERS

    def storing(action: Callable[[dict], Response]) -> Callable[[dict], Response]:
        def act(params: dict) -> Response:
            given = helpers._extract_string_members(params, "NotificationARNs")
            response = action(params)
            stack = handlers._resolve_stack(helpers._p(params, "StackName"))
            if response[0] == 200 and stack and (given or "NotificationARNs" in params):
                stack["NotificationARNs"] = given
            return response

        return act

    for name in ("CreateStack", "UpdateStack", "CreateChangeSet"):
        actions[name] = storing(actions[name])

    describe = actions["DescribeStacks"]

    def describe_stacks(params: dict) -> Response:
        status, headers, body = describe(params)
        if status != 200:
            return status, headers, body
        text = body.decode()
        by_id = {stack["StackId"]: stack for stack in cloudformation._stacks.values()}

        def insert(match: re.Match) -> str:
            arns = by_id.get(match.group(1), {}).get("NotificationARNs") or []
            members = "".join(f"<member>{arn}</member>" for arn in arns)
            return f"{match.group(0)}<NotificationARNs>{members}</NotificationARNs>"

        return status, headers, re.sub(r"<StackId>([^<]+)</StackId>", insert, text).encode()

    actions["DescribeStacks"] = describe_stacks


def _read_virtual_hosted_templates() -> None:
    """`https://bucket.s3.region.amazonaws.com/key` as well as the path style."""
    original = helpers._resolve_document

    def resolve(params: dict, body_key: str, url_key: str, label: str) -> tuple:
        url = helpers._p(params, url_key)
        host = _VIRTUAL_HOST.match(urlparse(url).hostname or "") if url else None
        if not host or helpers._p(params, body_key):
            return original(params, body_key, url_key, label)
        data = s3._get_object_data(host["bucket"], urlparse(url).path.lstrip("/"))
        if data is None:
            return None, helpers._error("ValidationError", f"{label} not found at {url}")
        return data.decode(), None

    helpers._resolve_document = resolve
    for module in (handlers, changesets):
        if hasattr(module, "_resolve_document"):
            module._resolve_document = resolve
