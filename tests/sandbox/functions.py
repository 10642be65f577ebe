"""Lambda's asynchronous invocation, time-outs and isolation as they are on AWS.

ministack retries on its own clock, lets a timed-out process linger, kills every environment when one fails to start,
and lets a function log and send to destinations without permission.
"""

from __future__ import annotations

import contextvars
import json
import os
import signal
import subprocess
import threading
import time
import types
from collections.abc import Callable
from contextlib import suppress

from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs, lambda_svc, sqs

from .world import World

_children: set[subprocess.Popen] = set()


def install(world: World) -> None:
    """Replace the parts of ministack's Lambda that differ from AWS."""
    lambda_svc.invoke_async_with_retry = lambda func, event: invoke_asynchronously(world, func, event)
    lambda_svc._execute_function_provided_warm = _execute
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0.05 if world.speed == "fast" else 0.5
    _own_process_groups()
    _tell_the_log_format()
    _log_only_with_permission(world)


def kill_children() -> None:
    """End every function process that still runs, with what it started."""
    for child in list(_children):
        _kill(child)


def invoke_asynchronously(
    world: World, func: dict, event: dict, done: Callable[[dict], None] | None = None
) -> threading.Thread:
    """Deliver the event until an attempt succeeds or the retries are used up, then tell the destination."""
    config = func.get("config") or func
    account, region = lambda_runtime._account_region_from_function_config(config)

    def run() -> None:
        with request_scope(account, region):
            result = _attempts(world, func, config, event)
        if done:
            done(result)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="sandbox-invoke")
    thread.start()
    return thread


def _attempts(world: World, func: dict, config: dict, event: dict) -> dict:
    settings = (func.get("event_invoke_configs") or {}).get("$LATEST") or func.get("event_invoke_config") or {}
    retries = settings.get("MaximumRetryAttempts")
    retries = 2 if retries is None else int(retries)
    oldest = float(settings.get("MaximumEventAgeInSeconds") or 21600)
    started, attempt, result = time.monotonic(), 0, {}
    while attempt <= retries:
        if attempt:
            wait = world.timing.retries[min(attempt - 1, 1)]
            if time.monotonic() - started + wait > oldest:
                break
            time.sleep(wait)
        if lambda_svc._functions.get(config.get("FunctionName", "")) is None:
            # Events of a deleted function are dropped.
            return result
        begun = time.monotonic()
        result = lambda_svc._execute_function(func, event)
        if result.get("throttle"):
            # Lambda keeps a throttled event in its queue; that is not an attempt.
            if time.monotonic() - started > oldest:
                break
            time.sleep(0.1)
            continue
        attempt += 1
        body = result.get("body") if isinstance(result.get("body"), dict) else {}
        world.journal.add(
            "invocation",
            function=config.get("FunctionName"),
            attempt=attempt,
            failed=bool(result.get("error")),
            error_type=body.get("errorType") if result.get("error") else None,
            error_message=body.get("errorMessage") if result.get("error") else None,
            seconds=round(time.monotonic() - begun, 3),
            request_id=event.get("RequestId") if isinstance(event, dict) else None,
        )
        if not result.get("error"):
            return result
    target = ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or (
        config.get("DeadLetterConfig") or {}
    ).get("TargetArn")
    if target:
        _send_failure(world, config, target, event, result, attempt)
    return result


def _send_failure(world: World, config: dict, target: str, event: dict, result: dict, attempts: int) -> None:
    """The record Lambda sends to an on-failure queue, if the function's role may send there."""
    queue = sqs._queue_by_arn(target) if ":sqs:" in target else None
    allowed = _allows(config, "sqs:SendMessage", target)
    world.journal.add(
        "note",
        what="on-failure destination",
        target=target,
        delivered=bool(queue and allowed),
        allowed=allowed,
        function=config.get("FunctionName"),
    )
    if queue is None or not allowed:
        return
    record = {
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "requestContext": {
            "requestId": os.urandom(16).hex(),
            "functionArn": config.get("FunctionArn", "") + ":$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": result.get("body"),
    }
    sqs._act_send_message({"QueueUrl": queue["url"], "MessageBody": json.dumps(record)}, queue["url"])


def _allows(config: dict, action: str, resource: str) -> bool:
    """Whether the function's role allows an action that Lambda does in its name."""
    from ministack import app

    if not app.AUTH:
        return True
    account, region = lambda_runtime._account_region_from_function_config(config)
    key = lambda_runtime.execution_credentials(config)["AWS_ACCESS_KEY_ID"]
    principal = iam_evaluator.resolve_principal(key, account)
    if isinstance(principal, iam_evaluator.AuthError):
        return False
    if principal.policies is None:
        return True
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=region,
        service_context={},
        principal_keys=principal.keys,
    )
    return iam_evaluator.evaluate(context, principal.policies, *principal.limits).decision == "Allow"


def _log_only_with_permission(world: World) -> None:
    """No permission to write logs, no logs; no permission to create the group, no new group."""
    original = lambda_svc._emit_lambda_logs

    def emit(func: dict, request_id: str, log_text: str, error: bool, duration_ms: int, **more: object) -> None:
        config = func.get("config") or func
        account, region = lambda_runtime._account_region_from_function_config(config)
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
        arn = f"arn:aws:logs:{region}:{account}:log-group:{group}"
        actions = {"logs:CreateLogStream": f"{arn}:*", "logs:PutLogEvents": f"{arn}:log-stream:stream"}
        if group not in cloudwatch_logs._log_groups:
            actions["logs:CreateLogGroup"] = f"{arn}:*"
        missing = [a for a, on in actions.items() if not (_allows(config, a, on) or _allows(config, a, arn))]
        if missing:
            world.journal.add("note", what="logs not written", function=config.get("FunctionName"), missing=missing)
            return
        original(func, request_id, log_text, error, duration_ms, **more)

    lambda_svc._emit_lambda_logs = emit


def _execute(func: dict, event: dict, request_id: str) -> dict:
    """Run one invocation in an environment of its own; a broken environment takes no other with it."""
    config, code = func.get("config") or func, func.get("code_zip")
    if not code:
        return {"error": True, "body": {"errorMessage": "no code", "errorType": "Runtime.InvalidEntrypoint"}}
    lambda_svc._ensure_reaper_thread()
    qualifier = config.get("Version", "$LATEST")
    worker, _ = lambda_runtime.acquire_worker(config.get("FunctionName", ""), config, code, qualifier=qualifier)
    try:
        result = worker.invoke(event, request_id, invoked_function_arn=config.get("FunctionArn", ""))
    except Exception as error:  # noqa: BLE001 - whatever broke, Lambda reports it as the function's error
        worker._teardown()
        kind = getattr(error, "error_type", "") or "Runtime.ExitError"
        return {"body": {"errorMessage": str(error), "errorType": kind}, "error": True, "log": ""}
    finally:
        lambda_runtime.release_worker(worker)
    if result.get("status") == "ok":
        return {"body": result.get("result"), "log": result.get("log", "")}
    payload = result.get("error_payload")
    if not isinstance(payload, dict):
        payload = {"errorMessage": result.get("error"), "errorType": "Runtime.HandlerError"}
    return {"body": payload, "error": True, "log": result.get("log", "")}


def _tell_the_log_format() -> None:
    """The environment says how to log, as the function's LoggingConfig has it."""
    original = lambda_svc._provided_worker_env

    def environment(config: dict, *more: object) -> dict:
        logging = config.get("LoggingConfig") or {}
        told = {"AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat") or "Text"}
        if logging.get("ApplicationLogLevel"):
            told["AWS_LAMBDA_LOG_LEVEL"] = logging["ApplicationLogLevel"]
        return {**original(config, *more), **told}

    lambda_svc._provided_worker_env = environment


def _own_process_groups() -> None:
    """Start function processes in groups of their own and end them at once, as Lambda does at a time-out."""

    class Popen(subprocess.Popen):
        def __init__(self, *args: object, **kwargs: object):
            super().__init__(*args, **{**kwargs, "start_new_session": True})
            _children.add(self)

    shim = types.ModuleType("subprocess")
    shim.__dict__.update(subprocess.__dict__)
    shim.Popen = Popen
    lambda_runtime.subprocess = shim
    lambda_runtime._signal = _kill


def _kill(process: subprocess.Popen | None) -> None:
    if process is None:
        return
    _children.discard(process)
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(Exception):
        process.wait(timeout=1)
