"""IAM where ministack looks away: the resource of a request, the alias of a function, and who a session really is.

Without the resource ARN every narrow policy is an AccessDenied, and `aws:PrincipalArn` of a session is its role.
"""

from __future__ import annotations

import dataclasses
import json
import re

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam

_CREATE = "/2021-01-01/opensearch/cc/outboundConnection"
_INVOCATION = re.compile(r"^/2015-03-31/functions/[^/]+/invocations$")
_DOMAIN = re.compile(r"^/2021-01-01/(?:opensearch/)?domain/([a-z][a-z0-9-]{2,27})(?:/|$)")


def install() -> None:
    """Patch the two questions the evaluator asks."""
    _name_domains()
    _resolve_session_to_role()
    _call_every_request_encrypted()


def _name_domains() -> None:
    original = iam_actions.extract_resource_arn

    def extract(service, method, path, headers, body, query_params, region, account_id):  # noqa: ANN001, ANN202
        if service == "opensearch":
            if path.rstrip("/") == _CREATE and method == "POST":
                name = _local_domain(body)
                return f"arn:aws:es:{region}:{account_id}:domain/{name}" if name else "*"
            if match := _DOMAIN.match(path):
                return f"arn:aws:es:{region}:{account_id}:domain/{match[1]}"
        named = original(service, method, path, headers, body, query_params, region, account_id)
        if service == "lambda" and _INVOCATION.match(path):
            # A version or an alias is a resource of its own, whichever way it is named.
            qualifier = "".join((query_params or {}).get("Qualifier") or "")
            return f"{named}:{qualifier}" if qualifier else named
        return named

    iam_actions.extract_resource_arn = extract


def _local_domain(body: bytes) -> str | None:
    try:
        return json.loads(body)["LocalDomainInfo"]["AWSDomainInformation"]["DomainName"]
    except (ValueError, KeyError, TypeError):
        return None


def _resolve_session_to_role() -> None:
    """`aws:PrincipalArn` of an assumed role is the role's ARN, path included, not the session's."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: iam_evaluator.EvalContext) -> object:
        if key.lower() == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
            name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
            role = iam._roles.get_scoped(context.principal_account, None, name) or {}
            context = dataclasses.replace(
                context, principal_arn=role.get("Arn") or f"arn:aws:iam::{context.principal_account}:role/{name}"
            )
        return original(key, context)

    iam_evaluator._resolve_condition_key = resolve


def _call_every_request_encrypted() -> None:
    """AWS is only reachable with TLS, so here `aws:SecureTransport` is true although the door is plain HTTP."""
    original = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, _secure: original(source_ip, True)
