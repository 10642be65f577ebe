"""Reading the requests of the replication plugin, and the errors it answers; every text is as recorded.

Pure.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from opensearch.node import Answer

from ..blocked import flatten

_BAD = ' "*\\<|,>/?'
_SHOWN = '[ , ", *, \\, <, |, ,, >, /, ?]'
NO_BODY = "request body or source parameter is required"


class PluginError(Exception):
    """An error as the plugin answers it."""

    def __init__(
        self, status: int, kind: str, reason: str, cause: dict | None = None, root: dict | None = None, **more: str
    ):
        super().__init__(f"{kind}: {reason}")
        self.status, self.kind, self.reason = status, kind, reason
        self._cause, self._root, self._more = cause, root, more

    def answer(self) -> Answer:
        error = {"type": self.kind, "reason": self.reason, **self._more}
        body = {"root_cause": [self._root or error], **error}
        if self._cause:
            body["caused_by"] = self._cause
        return acknowledged({"error": body, "status": self.status}, self.status)


def acknowledged(body: dict | None = None, status: int = 200) -> Answer:
    content = {"acknowledged": True} if body is None else body
    return Answer(status, {"content-type": "application/json; charset=UTF-8"}, json.dumps(content).encode())


def invalid(*findings: str) -> PluginError:
    listed = "".join(f"{number}: {text};" for number, text in enumerate(findings, 1))
    return PluginError(400, "action_request_validation_exception", f"Validation Failed: {listed}")


def bad(reason: str) -> PluginError:
    return PluginError(400, "illegal_argument_exception", reason)


def exists(reason: str) -> PluginError:
    return PluginError(400, "resource_already_exists_exception", reason)


def failed(reason: str) -> PluginError:
    return PluginError(500, "exception", reason)


def forbidden(reason: str) -> PluginError:
    return PluginError(403, "security_exception", reason)


def no_remote(alias: str) -> PluginError:
    return PluginError(404, "no_such_remote_cluster_exception", f"no such remote cluster: [{alias}]")


def no_index(name: str) -> PluginError:
    more = {"index": name, "resource.id": name, "resource.type": "index_expression", "index_uuid": "_na_"}
    return PluginError(404, "index_not_found_exception", f"no such index [{name}]", **more)


def no_alias(name: str) -> PluginError:
    """What an alias of the leader is: not an index."""
    return PluginError(404, "index_not_found_exception", f"no such index [{name}]", index=name, index_uuid="_na_")


def closed(name: str, uuid: str) -> PluginError:
    return PluginError(400, "index_closed_exception", "closed", index=name, index_uuid=uuid)


def unreachable(address: str) -> PluginError:
    refused = {"type": "connect_exception", "reason": "Connection refused"}
    return PluginError(
        500,
        "connect_transport_exception",
        f"[][{address}] connect_exception",
        {"type": "annotated_connect_exception", "reason": f"Connection refused: /{address}", "caused_by": refused},
    )


def unknown_setting(reason: str) -> PluginError:
    return PluginError(400, "settings_exception", reason)


def no_status() -> PluginError:
    return PluginError(500, "replication_exception", "failed to fetch replication status")


def blocked(index: str) -> PluginError:
    return PluginError(403, "cluster_block_exception", block_reason(index))


def block_reason(index: str) -> str:
    return f"index [{index}] blocked by: [FORBIDDEN/1000/index read-only(cross-cluster-replication)];"


@dataclass
class Start:
    """What a start asks for."""

    alias: str
    leader_index: str
    roles: tuple[str, str] | None
    settings: dict = field(default_factory=dict)


def parse_start(index: str, body: bytes) -> Start:
    given = _parse(body, NO_BODY, "FollowIndexRequestParser", ("leader_alias", "leader_index", "use_roles", "settings"))
    missing = [name for name in ("leader_alias", "leader_index") if not given.get(name)]
    if missing:
        raise invalid(f"Mandatory params [{', '.join(missing)}] are missing for the request")
    roles = _roles(given.get("use_roles"))
    findings = [finding for name in (given["leader_index"], index) for finding in _check_name(name)]
    if findings:
        raise invalid(*findings)
    return Start(given["leader_alias"], given["leader_index"], roles, flatten(given.get("settings") or {}))


@dataclass
class Rule:
    """What an auto-follow rule asks for."""

    alias: str
    name: str
    pattern: str | None
    roles: tuple[str, str] | None
    settings: dict


def parse_rule(body: bytes, creates: bool) -> Rule:
    names = ("leader_alias", "name", "pattern", "use_roles", "settings")
    given = _parse(body, NO_BODY, "AutoFollowRequestParser", names)
    name, pattern = given.get("name"), given.get("pattern")
    # Found before anything else is checked, and never meant to be seen by anybody.
    for field_name, lateinit in (("leader_alias", "connection"), ("name", "patternName")):
        if given.get(field_name) is None:
            reason = f"lateinit property {lateinit} has not been initialized"
            raise PluginError(500, "uninitialized_property_access_exception", reason)
    roles = _roles(given.get("use_roles"))
    findings = _check_name(name)
    if creates and pattern is None:
        findings.append("Missing pattern")
    if creates and pattern and (any(c in _BAD.replace("*", "") for c in pattern)):
        findings.append(f"Autofollow pattern: {pattern} must not contain the following characters {_SHOWN}")
    if not creates and pattern is not None:
        findings.append("Unexpected pattern")
    if findings:
        raise invalid(*findings)
    return Rule(given["leader_alias"], name, pattern, roles, flatten(given.get("settings") or {}))


def parse_update(body: bytes) -> dict:
    """The settings by their full names; they may be nested, and need no `settings` around them."""
    if not body:
        raise PluginError(400, "parse_exception", "request body is required")
    given = _json(body)
    settings = flatten(given.get("settings") if isinstance(given.get("settings"), dict) else given)
    return {n if n.startswith("index.") else f"index.{n}": v for n, v in settings.items() if n != "settings"}


def parse_verb(verb: str, body: bytes) -> dict:
    """The body of pause (which may be missing), resume and stop (which may not)."""
    if verb == "pause" and not body:
        return {}
    return _parse(body, NO_BODY, f"{verb.capitalize()}ReplicationRequestParser", ("reason",) if verb == "pause" else ())


def _roles(given: dict | None) -> tuple[str, str] | None:
    """(leader, follower)"""
    if not given:
        return None
    leader, follower = given.get("leader_cluster_role"), given.get("follower_cluster_role")
    if not leader or not follower:
        raise invalid("Need roles for leader_cluster_role and follower_cluster_role")
    return leader, follower


def _check_name(name: str) -> list[str]:
    findings = []
    if name != name.lower():
        findings.append(f"Value {name} must be lowercase")
    if any(c in _BAD for c in name):
        findings.append(f"Value {name} must not contain the following characters {_SHOWN}")
    if name.startswith("."):
        findings.append(f"Value {name} must not start with '.'")
    elif name.startswith(("_", "-", "+")):
        findings.append(f"Value {name} must not start with '_', '-', or '+'")
    if "#" in name or ":" in name:
        findings.append(f"Value {name} must not contain '#' or ':'")
    return findings


def _parse(body: bytes, missing: str, parser: str, known: tuple[str, ...]) -> dict:
    if not body:
        raise PluginError(400, "parse_exception", missing)
    given = _json(body)
    for name in given:
        if name not in known:
            text = body.decode(errors="replace")
            before = text[: re.search(rf'"{re.escape(name)}"\s*:', text).start()]
            line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
            raise PluginError(
                400, "x_content_parse_exception", f"[{line}:{column}] [{parser}] unknown field [{name}]"
            )
    return given


def _json(body: bytes) -> dict:
    try:
        given = json.loads(body)
    except ValueError:
        raise PluginError(400, "json_parse_exception", "Unexpected character in the request body") from None
    if not isinstance(given, dict):
        raise PluginError(400, "parse_exception", "the request body is not an object")
    return given
