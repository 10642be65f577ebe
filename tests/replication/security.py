"""Roles and mappings of a domain, brought to what a scenario begins with in as few writes as there can be.

Every write makes the node read its whole security configuration anew, which takes longer than most requests.
"""

from __future__ import annotations

from opensearch.domains import MASTER, Domain

EVERYTHING = "everything"
_API = "/_plugins/_security/api"
_INDEXES = {"index_patterns": ["*"], "allowed_actions": ["*"]}
# What an administrator may, but for the roles of the plugin, which have to be mapped by name.
_ROLES = {EVERYTHING: {"cluster_permissions": ["*"], "index_permissions": [_INDEXES]}}


def bring(domain: Domain, mapped: dict[str, str] | None = None) -> None:
    """To these mappings, role -> ARN, and no others; the master user stays the administrator."""
    mappings = {role: {"backend_roles": [arn]} for role, arn in (mapped or {}).items()}
    _bring(domain, "roles", _ROLES)
    _bring(domain, "rolesmapping", {**mappings, "all_access": {"users": [MASTER]}})


def _bring(domain: Domain, kind: str, wanted: dict[str, dict]) -> None:
    shown = domain.must("GET", f"{_API}/{kind}").items()
    there = {n: i for n, i in shown if not (i.get("reserved") or i.get("hidden") or i.get("static"))}
    operations = [{"op": "remove", "path": f"/{name}"} for name in there if name not in wanted]
    for name, item in wanted.items():
        if not _is_so(there.get(name), item):
            operations.append({"op": "add", "path": f"/{name}", "value": item})
    if operations:
        domain.must("PATCH", f"{_API}/{kind}", operations)


def _is_so(there: dict | None, wanted: dict) -> bool:
    """Whatever is not said is empty; the node adds members of its own."""
    if there is None:
        return False
    said = ("backend_roles", "users", "hosts", "cluster_permissions")
    return all(set(there.get(name, [])) == set(wanted.get(name, [])) for name in said)
