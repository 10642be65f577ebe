"""What a user may do, asked of the real security plugin: its mappings, its roles and its action groups.

The plugin on a node without replication knows the roles of replication, yet is never asked about its actions;
so the stand-in asks which roles a user has, and looks into them itself.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from opensearch.node import SUPERUSER, Answer, Node, identity

from .requests import forbidden


class Refused(Exception):
    """The node does not know the user; its answer."""

    def __init__(self, answer: Answer):
        super().__init__(str(answer))
        self.answer = answer


class User(NamedTuple):
    """A user as the security plugin of one node sees it."""

    shown: str
    name: str
    backend_roles: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def is_superuser(self) -> bool:
        return SUPERUSER in self.roles


def look_up(node: Node, headers: dict) -> User:
    """Who these headers are on this node."""
    answer = node.request("GET", "/_plugins/_security/authinfo", headers=headers)
    if answer.status != 200:
        raise Refused(answer)
    info = answer.json()
    return User(info["user"], info["user_name"], tuple(info["backend_roles"]), tuple(info["roles"]))


def same_on(node: Node, user: User) -> User:
    """The user on another node: name and backend roles travel, mappings do not."""
    if user.is_superuser:
        return user
    return look_up(node, identity(user.name, user.backend_roles or ("",)))


def allows(node: Node, roles: tuple[str, ...], action: str, index: str | None) -> bool:
    """Whether one of these roles of the node allows the action, on the index if there is one."""
    if SUPERUSER in roles:
        return True
    groups = None
    for role in roles:
        answer = node.request("GET", f"/_plugins/_security/api/roles/{role}")
        if answer.status != 200:
            continue
        definition = answer.json()[role]
        if groups is None:
            groups = node.request("GET", "/_plugins/_security/api/actiongroups").json()
        if _matches(definition.get("cluster_permissions", []), action, groups) and index is None:
            return True
        for permission in definition.get("index_permissions", []) if index is not None else []:
            if any(fnmatchcase(index, p) for p in permission["index_patterns"]) and _matches(
                permission["allowed_actions"], action, groups
            ):
                return True
    return False


def require(node: Node, user: User, action: str, index: str | None) -> None:
    if not allows(node, user.roles, action, index):
        raise forbidden(f"no permissions for [{action}] and {user.shown}")


def require_role(node: Node, user: User, role: str) -> None:
    if not user.is_superuser and role not in user.roles:
        raise forbidden(f"No mapping for {user.shown} on roles [{role}]")


def _matches(patterns: list[str], action: str, groups: dict, depth: int = 0) -> bool:
    for pattern in patterns:
        if fnmatchcase(action, pattern):
            return True
        if pattern in groups and depth < 8 and _matches(groups[pattern]["allowed_actions"], action, groups, depth + 1):
            return True
    return False
