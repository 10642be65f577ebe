"""Requests to custom resources: the event, the signed ResponseURL, and what CloudFormation makes of the answer.

ministack waits in a thread, accepts any PUT, and forgets the id of a FAILED answer.
Here a request is a future on the event loop, so CloudFormation can stop waiting while the function still runs.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from ministack.core.responses import get_region, new_uuid
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

from . import egress, functions
from .wire import Response
from .world import World

PREFIX = "/_sandbox/response/"
MAX_BODY = 4096
MAX_PHYSICAL_ID = 1024

_pending: dict[str, Request] = {}
_loop: asyncio.AbstractEventLoop | None = None


class Failed(Exception):
    """The operation failed; `physical_id` is the FAILED answer's id, None when there was no usable answer."""

    def __init__(self, reason: str, physical_id: str | None = None):
        super().__init__(reason)
        self.physical_id = physical_id


class NotSent(Failed):
    """There was nobody to send the event to, so there is nothing to take back."""


class Answer(NamedTuple):
    physical_id: str
    data: dict


@dataclass
class Request:
    """One event on its way and the answer to it."""

    event: dict
    raw_path: str
    query: str
    future: asyncio.Future
    function: dict
    is_over: bool = False
    delivered: list[dict] = field(default_factory=list)


def is_custom(resource_type: str) -> bool:
    return resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource"


def install(world: World) -> None:
    """Send what still goes through ministack's own function (nested stacks) through this one."""

    def invoke(kind, logical_id, props, stack_name, stack_id, resource_type, physical_id=None, old_props=None):
        coroutine = send(world, kind, logical_id, props, stack_id, resource_type, physical_id, old_props)
        return tuple(asyncio.run_coroutine_threadsafe(coroutine, _loop).result())

    custom_resource.invoke_custom_resource = invoke


def started(loop: asyncio.AbstractEventLoop) -> None:
    """Remember the event loop, for requests that come from a thread."""
    global _loop
    _loop = loop


def invented_id(stack_name: str, logical_id: str) -> str:
    """The id CloudFormation makes up for a resource that never gave one."""
    return f"{stack_name}-{logical_id}-" + "".join(
        secrets.choice(string.ascii_uppercase + string.digits) for _ in range(13)
    )


async def send(
    world: World,
    kind: str,
    logical_id: str,
    properties: dict,
    stack_id: str,
    resource_type: str,
    physical_id: str | None = None,
    old_properties: dict | None = None,
) -> Answer:
    """Invoke the function asynchronously and wait for its answer, for ServiceTimeout seconds at most."""
    function = _function(properties.get("ServiceToken", ""))
    request = _request(
        world, function, kind, logical_id, properties, stack_id, resource_type, physical_id, old_properties
    )
    for _ in range(_copies(world, request.event)):
        deliver(world, request)
    try:
        timeout = float(properties.get("ServiceTimeout") or 3600)
        answer = await asyncio.wait_for(asyncio.shield(request.future), timeout)
    except TimeoutError:
        raise Failed(
            "CloudFormation did not receive a response from your Custom Resource. "
            f"Please check your logs for requestId [{request.event['RequestId']}]. If you are using the Python "
            "cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach "
            "the updated version."
        ) from None
    finally:
        request.is_over = True
    return _judge(kind, answer, request.event, physical_id)


def deliver(world: World, request: Request) -> None:
    """Hand the event to Lambda once; Lambda itself may deliver it again."""
    event = {name: value for name, value in request.event.items() if name != "ResponseURL"}
    entry = world.journal.add(
        "event",
        request_type=event["RequestType"],
        stack_id=event["StackId"],
        stack=event["StackId"].split("/")[1],
        logical_id=event["LogicalResourceId"],
        physical_id=event.get("PhysicalResourceId"),
        request_id=event["RequestId"],
        function=(request.function.get("config") or {}).get("FunctionName"),
        event=event,
    )
    request.delivered.append(entry)
    functions.invoke_asynchronously(world, request.function, copy.deepcopy(request.event))


def redeliver(world: World, request_id: str) -> bool:
    """Deliver a recorded event again, exactly as it was, however late."""
    for request in _pending.values():
        if request.event["RequestId"] == request_id:
            deliver(world, request)
            return True
    return False


def receive(world: World, method: str, raw_path: str, query: str, headers: dict, body: bytes) -> Response | None:
    """The PUT to the ResponseURL, as S3 takes it; None closes the connection without an answer."""
    token = raw_path.rpartition("%7C")[2]
    request = _pending.get(token)
    problem: tuple[int, str, str] | None = None
    if world.response_bucket == "reset":
        problem = (0, "Reset", "connection closed without an answer")
    elif world.response_bucket == "unavailable":
        problem = (503, "SlowDown", "Please reduce your request rate.")
    elif request is None or raw_path != request.raw_path or query != request.query or method != "PUT":
        problem = (403, "SignatureDoesNotMatch", "The request signature does not match the signature you provided.")
    elif headers.get("content-type"):
        problem = (403, "SignatureDoesNotMatch", "The signed content-type is empty; the request carries one.")
    elif "content-length" not in headers:
        problem = (411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    elif request.is_over or request.future.done():
        problem = (403, "AccessDenied", "Request has expired")
        if world.behaviour.late_answer == "accepted":
            problem = (200, "Ignored", "the request was over")
    answer = _parse(body)
    world.journal.add(
        "answer",
        status=answer.get("Status"),
        reason=answer.get("Reason"),
        physical_id=answer.get("PhysicalResourceId"),
        stack_id=answer.get("StackId"),
        request_id=answer.get("RequestId"),
        logical_id=answer.get("LogicalResourceId"),
        request_type=request.event["RequestType"] if request else None,
        data=sorted(answer["Data"]) if isinstance(answer.get("Data"), dict) else None,
        length=len(body),
        content_type=headers.get("content-type"),
        http_status=problem[0] if problem else 200,
        problem=problem[2] if problem else None,
    )
    if problem:
        status, code, message = problem
        if status == 0:
            return None
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return (status, {"Content-Type": "application/xml"}, text.encode()) if status != 200 else (200, {}, b"")
    request.future.set_result(body)
    return 200, {}, b""


def _function(service_token: object) -> dict:
    token = str(service_token)
    if token.startswith("arn:") and token.split(":")[3:4] != [get_region()]:
        raise NotSent(f"Custom resource ServiceToken {token} must be in the stack's Region {get_region()}.")
    record, config, _ = lambda_svc._get_func_record_for_ref(token)
    if record is None or config is None:
        raise NotSent(f"Lambda function not found: {token}")
    return lambda_svc._execution_record_for_config(record, config)


def _request(world, function, kind, logical_id, properties, stack_id, resource_type, physical_id, old) -> Request:
    token, region = new_uuid(), get_region()
    # The path and the query look like those of a presigned S3 URL, percent-encoding included.
    raw_path = f"{PREFIX}{quote(stack_id, safe='')}%7C{quote(logical_id)}%7C{token}"
    signature = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
    signed_at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={signed_at}&X-Amz-SignedHeaders=host&X-Amz-Expires=7200"
        f"&X-Amz-Credential=AKIASANDBOX%2F{signed_at[:8]}%2F{region}%2Fs3%2Faws4_request&X-Amz-Signature={signature}"
    )
    event = {
        "RequestType": kind,
        "ServiceToken": properties.get("ServiceToken", ""),
        "ResponseURL": f"{egress.address(world, function.get('config') or function)}{raw_path}?{query}",
        "StackId": stack_id,
        "RequestId": new_uuid(),
        "LogicalResourceId": logical_id,
        "ResourceType": resource_type,
        "ResourceProperties": as_strings(properties),
    }
    if physical_id is not None:
        event["PhysicalResourceId"] = physical_id
    if old is not None:
        event["OldResourceProperties"] = as_strings(old)
    request = Request(event, raw_path, query, asyncio.get_running_loop().create_future(), function)
    _pending[token] = request
    return request


def as_strings(value: object) -> object:
    """Properties as they arrive at a function: every scalar is a string."""
    if isinstance(value, dict):
        return {name: as_strings(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_strings(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _copies(world: World, event: dict) -> int:
    stack = event["StackId"].split("/")[1]
    for rule in world.duplicates:
        if (
            rule.get("stack") in (None, stack, event["StackId"])
            and rule.get("logical_id") in (None, event["LogicalResourceId"])
            and rule.get("request_type") in (None, event["RequestType"])
        ):
            return int(rule.get("copies", 2))
    return 1


def _parse(body: bytes) -> dict:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _judge(kind: str, body: bytes, event: dict, previous_id: str | None) -> Answer:
    """Success with its id and data, or Failed with the reason the stack event shows."""
    if len(body) > MAX_BODY:
        raise Failed("Response object is too long.", previous_id)
    answer = _parse(body)
    if not answer:
        raise Failed("Invalid response: the body is not a JSON object.", previous_id)
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        if answer.get(name) != event[name]:
            raise Failed(f"Invalid response: {name} is not the one of the request.", previous_id)
    physical_id = answer.get("PhysicalResourceId")
    usable = isinstance(physical_id, str) and 0 < len(physical_id.encode()) <= MAX_PHYSICAL_ID
    if answer.get("Status") == "FAILED":
        reason = answer.get("Reason")
        if not usable:
            # AWS then complains about the id and the reason is lost.
            raise Failed("Invalid PhysicalResourceId", previous_id)
        if not reason:
            raise Failed("Invalid response: Reason is required when Status is FAILED.", physical_id)
        raise Failed(
            f"Received response status [FAILED] from custom resource. Message returned: {reason} "
            f"(RequestId: {event['RequestId']})",
            physical_id,
        )
    if answer.get("Status") != "SUCCESS":
        raise Failed("Invalid response: Status must be SUCCESS or FAILED.", previous_id)
    if not usable and kind != "Delete":
        raise Failed("Invalid PhysicalResourceId", previous_id)
    data = answer.get("Data") or {}
    if not isinstance(data, dict):
        raise Failed("Invalid response: Data is not an object.", physical_id)
    return Answer(physical_id or previous_id or "", data)
