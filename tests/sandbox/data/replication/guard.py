"""The write block of follower indexes, which only the real plugin can put into the cluster itself.

Requests are recognized by their path; what is not recognized goes through, so a test that looks for a hole finds one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from urllib.parse import unquote

from opensearch.node import Answer, Node

from . import permissions
from .requests import PluginError, acknowledged, block_reason, blocked

# (methods, what comes after the index, the action a user needs for it)
_WRITES = (
    ("PUT POST", r"/_(doc|create)(/.*)?", "indices:data/write/index"),
    ("DELETE", r"/_doc/.+", "indices:data/write/delete"),
    ("POST", r"/_update/.+", "indices:data/write/update"),
    ("POST", r"/_update_by_query", "indices:data/write/update/byquery"),
    ("POST", r"/_delete_by_query", "indices:data/write/delete/byquery"),
    ("PUT POST", r"/_mappings?(/.*)?", "indices:admin/mapping/put"),
    ("PUT", r"/_settings(/.*)?", "indices:admin/settings/update"),
    ("POST", r"/_close", "indices:admin/close"),
    ("PUT POST DELETE", r"/_alias(es)?/.+", "indices:admin/aliases"),
    ("DELETE", r"", "indices:admin/delete"),
)


class Guard:
    """Refuses what the block refuses, on the indexes that `following` answers."""

    def __init__(self, node: Node, following: Callable[[], set[str]]):
        self._node, self._following = node, following

    def refuse(self, method: str, target: str, body: bytes, user: dict) -> Answer | None:
        if method in ("GET", "HEAD", "OPTIONS") or not (following := self._following()):
            return None
        path, _, query = target.partition("?")
        path = unquote(path)
        if re.fullmatch(r"(/[^/_][^/]*)?/_bulk", path) and method in ("POST", "PUT"):
            return self._bulk(path, query, body, user, following)
        if path == "/_aliases":
            return self._aliases(body, user, following)
        if path == "/_reindex":
            index = _json(body).get("dest", {}).get("index", "")
            return self._refuse([index], "indices:data/write/index", user, following)
        found = re.match(r"/([^/_][^/]*)(/.*)?$", path)
        for methods, after, action in _WRITES if found else ():
            if method in methods.split() and re.fullmatch(after, (found[2] or "").rstrip("/")):
                return self._refuse(found[1].split(","), action, user, following)
        return None

    def _refuse(self, names: list[str], action: str, user: dict, following: set[str]) -> Answer | None:
        for index in sorted(following):
            if any(self._is(name, index) for name in names):
                try:
                    caller = permissions.look_up(self._node, user)
                    permissions.require(self._node, caller, action, index)
                except PluginError as error:
                    return error.answer()
                except permissions.Refused as refused:
                    return refused.answer
                return blocked(index).answer()
        return None

    def _is(self, name: str, index: str) -> bool:
        if name == index or (any(c in name for c in "*") and fnmatchcase(index, name)) or name == "_all":
            return True
        if not name or name.startswith("<"):
            return False
        answer = self._node.request("GET", f"/{index}/_alias")
        return answer.status == 200 and name in answer.json().get(index, {}).get("aliases", {})

    def _aliases(self, body: bytes, user: dict, following: set[str]) -> Answer | None:
        names = []
        for action in _json(body).get("actions") or []:
            for what in action.values():
                names += [what["index"]] if isinstance(what.get("index"), str) else what.get("indices") or []
        return self._refuse(names, "indices:admin/aliases", user, following)

    def _bulk(self, path: str, query: str, body: bytes, user: dict, following: set[str]) -> Answer | None:
        """Items for followers fail, the others go on to the node."""
        default = path.split("/")[1] if not path.startswith("/_") else None
        lines, number = body.split(b"\n"), 0
        kept: list[bytes] = []
        places: list[dict | None] = []
        while number < len(lines):
            if not lines[number].strip():
                number += 1
                continue
            try:
                kind, head = next(iter(json.loads(lines[number]).items()))
            except (ValueError, AttributeError, StopIteration):
                return None
            size = 1 if kind == "delete" else 2
            name = head.get("_index") or default or ""
            hit = next((index for index in following if self._is(name, index)), None)
            if hit is None:
                kept += lines[number : number + size]
                places.append(None)
            else:
                error = {"type": "cluster_block_exception", "reason": block_reason(hit)}
                places.append({kind: {"_index": name, "_id": head.get("_id"), "status": 403, "error": error}})
            number += size
        if all(place is None for place in places):
            return None
        took, items = 0, iter(())
        if kept:
            headers = {**user, "content-type": "application/x-ndjson"}
            target = f"{path}?{query}" if query else path
            answer = self._node.request("POST", target, b"\n".join(kept) + b"\n", headers=headers)
            if answer.status != 200:
                return answer
            took, items = answer.json()["took"], iter(answer.json()["items"])
        done = [place or next(items) for place in places]
        return acknowledged({"took": took, "errors": True, "items": done})


def _json(body: bytes) -> dict:
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
