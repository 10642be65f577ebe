"""Who calls a domain, and whether IAM and the domain's policy let them.

The same evaluator as for every other call of the sandbox; only what the service itself decides is here.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import iam, sts

from ..connection_requests import Domain
from . import signatures
from .signatures import Rejected, Signature


class Denied(Exception):
    """The service refuses, in its own words: status and body."""

    def __init__(self, status: int, body: dict):
        super().__init__(str(body))
        self.status, self.body = status, body


@dataclass(frozen=True)
class Caller:
    """Whom fine-grained access control sees: an ARN, or a name and password that the node itself checks."""

    arn: str
    access_key: str = ""
    account: str = ""
    password: bool = False


def identify(
    domain: Domain, record: dict, method: str, target: str, headers: dict[str, str], body: bytes
) -> Caller | None:
    """The caller, None for an anonymous one; a signature that is not right is Denied."""
    authorization = headers.get("authorization", "")
    if authorization.lower().startswith("basic "):
        return Caller(_user(authorization), password=True)
    if not signatures.is_signed(authorization):
        if authorization:
            raise Denied(403, {"message": f"Authorization header of an unknown kind: {authorization.split()[0]}"})
        return None
    try:
        signature = Signature.parse(authorization)
        secret, arn, account = _principal(signature.access_key, headers.get("x-amz-security-token", ""))
        signatures.check(signature, secret, domain.region, method, target, headers, body)
    except Rejected as rejected:
        raise Denied(403, {"message": str(rejected)}) from None
    return Caller(arn, signature.access_key, account)


def authorize(domain: Domain, record: dict, caller: Caller | None, method: str, path: str) -> None:
    """Denied unless IAM and the domain's policy together allow it; a password counts for neither."""
    if not app.AUTH:
        return
    action = f"es:ESHttp{method.capitalize()}"
    policy = record.get("AccessPolicies") or None
    arn = record["ARN"]
    with request_scope(domain.account, domain.region):
        context = iam_evaluator.EvalContext(
            principal_arn="anonymous",
            principal_type="Anonymous",
            principal_account="",
            action=action,
            resource_arn=f"{arn}{path}" if path.startswith("/") else f"{arn}/{path}",
            region=domain.region,
            source_ip="127.0.0.1",
            secure_transport=True,
        )
        if caller is None or caller.password:
            result = iam_evaluator.evaluate_resource_policy(policy, context)
            who = "anonymous"
        else:
            result, who = _judge(domain, policy, caller, context), caller.arn
    if result.decision == "Allow":
        return
    why = "with an explicit deny" if result.decision == "Deny" else f"because no policy allows the {action} action"
    sentence = f"User: {who} is not authorized to perform: {action} on resource: {arn} {why}"
    raise Denied(403, {"Message": sentence})


def _judge(
    domain: Domain, policy: str | None, caller: Caller, context: iam_evaluator.EvalContext
) -> iam_evaluator.EvalResult:
    principal = iam_evaluator.resolve_principal(caller.access_key, caller.account)
    if isinstance(principal, iam_evaluator.AuthError):
        raise Denied(403, {"message": principal.message})
    context.principal_arn, context.principal_type = principal.arn, principal.type
    context.principal_account, context.principal_keys = principal.account, principal.keys
    # The root user of an account may do everything in it.
    allowed = iam_evaluator.parse_policy_document({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    policies = [allowed] if principal.policies is None else principal.policies
    identity = iam_evaluator.evaluate(context, policies, *principal.limits)
    return iam_evaluator.combine_resource_policy(
        identity, context, _resource_policy(policy), domain.account, limits=principal.limits
    )


def _resource_policy(policy: str | dict | None) -> dict | None:
    return json.loads(policy) if isinstance(policy, str) and policy.strip() else policy or None


def _principal(access_key: str, token: str) -> tuple[str | None, str, str]:
    """Secret (None if any will do), ARN as fine-grained access control knows it, account."""
    session = sts._sessions.get(access_key)
    if session is not None:
        account = session.get("AccountId") or session["Arn"].split(":")[4]
    else:
        account = iam_evaluator.find_iam_access_key_account(access_key) or access_key
    credential = iam_evaluator.resolve_credential(access_key, account, token)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        raise Rejected(credential.message)
    if credential.principal_type == "Root":
        return None, credential.principal_arn, account
    return credential.secret_access_key, role_of(credential.principal_arn, account), account


def role_of(arn: str, account: str) -> str:
    """The role's ARN, path included, for a session of it."""
    if ":assumed-role/" not in arn:
        return arn
    name = arn.split("/")[1]
    role = iam._roles.get_scoped(account, None, name) or {}
    return role.get("Arn") or f"arn:aws:iam::{account}:role/{name}"


def _user(authorization: str) -> str:
    try:
        return base64.b64decode(authorization.split()[1], validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError, IndexError):
        return ""
