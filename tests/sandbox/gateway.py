"""The door: every request passes here before ministack sees it.

Serves the control API and the ResponseURL, injects faults, and writes down every AWS call.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Awaitable, Callable

from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region

from . import control, custom_resources, egress
from .faults import Call
from .wire import Response, answer, error
from .world import World

_LEAVE = {"type": "sandbox.leave"}
_PROBED = "/_probed"
# The path before `_let_out` shortened it, which is what the caller signed.
_sent_path: contextvars.ContextVar[str] = contextvars.ContextVar("sent_path", default="")


class Leave(Exception):
    """Close the connection without an answer."""


def install(world: World, when_started: Callable[[], None]) -> None:
    """Wrap ministack's application and its dispatcher."""
    _teach_hypercorn_to_leave()
    _check_signatures_of_the_path_as_sent()
    inner, dispatch = app.app, app._dispatch_service_request

    async def gateway(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] == "lifespan":

            async def noticing(message: dict) -> None:
                if message["type"] == "lifespan.startup.complete":
                    custom_resources.started(asyncio.get_running_loop())
                    when_started()
                await send(message)

            await inner(scope, receive, noticing)
            return
        _sent_path.set("")
        if scope["type"] == "http" and scope["path"].startswith(egress.PREFIX):
            scope = _let_out(world, scope)
            if scope is None:
                await send(_LEAVE)
                return
        if scope["type"] == "http" and scope["path"].startswith(("/_sandbox", _PROBED)):
            await _serve_own(world, scope, receive, send)
            return
        try:
            await inner(scope, receive, send)
        except Leave:
            await send(_LEAVE)

    async def dispatching(method, path, headers, body, query_params, request_id):  # noqa: ANN001, ANN202
        call = _call(method, path, headers, body, query_params)
        if call is None:
            return await dispatch(method, path, headers, body, query_params, request_id)
        verdict = world.faults.judge(call)
        if verdict.delay:
            await asyncio.sleep(verdict.delay)
        if verdict.error:
            response = error(call.service, headers, *verdict.error)
            response[1].update({"x-amzn-requestid": request_id, "x-amz-request-id": request_id})
        else:
            # A context of its own, so that what authentication pins does not leak into the next request.
            response = await asyncio.create_task(
                dispatch(method, path, headers, body, query_params, request_id), context=contextvars.copy_context()
            )
        world.journal.add(
            "call",
            service=call.service,
            operation=call.operation,
            account=call.account,
            region=call.region,
            principal=call.principal,
            status=response[0],
            error=_error_code(response) if response[0] >= 400 else None,
            request_id=request_id,
            injected=[
                w for w, is_so in (("error", verdict.error), ("delay", verdict.delay), ("lost", verdict.lose)) if is_so
            ],
        )
        if verdict.lose == "reset":
            raise Leave
        if verdict.lose:
            return error(call.service, headers, "InternalFailure", 500, "The answer was lost.")
        return response

    app.app, app._dispatch_service_request = gateway, dispatching


def _let_out(world: World, scope: dict) -> dict | None:
    """The request as it is outside the function's VPC; None if it does not get there."""
    headers = _headers(scope)
    token, path = egress.split(scope["path"])
    passage = egress.judge(world, token, path, scope["query_string"].decode("ascii"), headers)
    if passage is None or not passage.verdict.passes:
        return None
    if egress.is_probe(headers):
        return {**scope, "path": _PROBED}
    sent = scope["raw_path"].decode("ascii")
    _sent_path.set(sent)
    _, raw_path = egress.split(sent)
    return {**scope, "path": path, "raw_path": raw_path.encode("ascii")}


def _headers(scope: dict) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _call(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Call | None:
    parameters = app._routing_params(method, path, headers, body, query_params)
    service = app.detect_service(method, path, headers, parameters)
    action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters)
    if not action:
        return None
    name, _, operation = action.partition(":")
    return Call(
        name, operation, get_account_id(), get_region(), iam_evaluator.request_caller_arn(headers, query_params)
    )


def _error_code(response: Response) -> str | None:
    _, headers, body = response
    code = {name.lower(): value for name, value in headers.items()}.get("x-amzn-errortype")
    if code or not isinstance(body, bytes):
        return code
    text = body.decode(errors="replace")
    if "<Code>" in text:
        return text.partition("<Code>")[2].partition("<")[0]
    try:
        return str(json.loads(text).get("__type", "")).rpartition("#")[2] or None
    except (ValueError, AttributeError):
        return None


async def _serve_own(world: World, scope: dict, receive: Callable, send: Callable) -> None:
    body = await _read(receive)
    headers = _headers(scope)
    raw_path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii")
    if scope["path"] == _PROBED:
        # Somebody answers, which is all that was asked.
        response = answer(403, {"message": "Missing Authentication Token"})
    elif raw_path.startswith(custom_resources.PREFIX):
        response = custom_resources.receive(world, scope["method"], raw_path, query, headers, body)
    else:
        response = await control.serve(world, scope["method"], scope["path"], query, body)
    if response is None:
        await send(_LEAVE)
        return
    status, answer_headers, content = response
    named = {"content-length": str(len(content)), **{name.lower(): value for name, value in answer_headers.items()}}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
    )
    await send({"type": "http.response.body", "body": content})


async def _read(receive: Callable[[], Awaitable[dict]]) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _check_signatures_of_the_path_as_sent() -> None:
    original = app.pin_signed_request

    def pin(method: str, raw_path: str, *more: object) -> None:
        original(method, _sent_path.get() or raw_path, *more)

    app.pin_signed_request = pin


def _teach_hypercorn_to_leave() -> None:
    """ASGI has no word for closing a connection unanswered, which is what a lost answer looks like."""
    original = HTTPStream.app_send

    async def app_send(self: HTTPStream, message: dict | None) -> None:
        if message is _LEAVE:
            self.state = ASGIHTTPState.CLOSED
            await self.send(StreamClosed(stream_id=self.stream_id))
            self.closed = True
            return
        await original(self, message)

    HTTPStream.app_send = app_send
