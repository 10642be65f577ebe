"""Calls that the managed service does not pass on to the cluster, whoever asks.

Pure.
"""

from __future__ import annotations

import json
import re

# What users of the service may set; everything else in PUT _cluster/settings is refused.
_SETTINGS = re.compile(
    r"^(action\.(auto_create_index|search\.shard_count\.limit|destructive_requires_name)"
    r"|indices\.breaker\..*|indices\.recovery\.max_bytes_per_sec|indices\.query\.bool\.max_clause_count"
    r"|cluster\.(max_shards_per_node|blocks\.create_index|persistent_tasks\..*|search\.request\.slowlog\..*)"
    r"|search\.(max_buckets|default_search_timeout|low_level_cancellation|allow_expensive_queries)"
    r"|script\.max_compilations_rate|plugins\..*|opendistro\..*)$"
)
_PATHS = [
    re.compile(pattern)
    for pattern in (
        r"^/_cluster/(reroute|voting_config_exclusions|allocation/awareness.*)",
        r"^/_nodes/(.*/)?(reload_secure_settings|hot_?threads/.*shutdown|shutdown|_shutdown)",
        r"^/_shutdown",
        r"^/_dangling",
        r"^/_(plugins|opendistro)/_security/api/(securityconfig|nodesdn|allowlist|whitelist|ssl|migrate|validate)",
        r"^/_(plugins|opendistro)/_security/configupdate",
    )
]


def refusal(method: str, path: str, body: bytes) -> dict | None:
    """The body of a 401 if the service keeps this call to itself, None if it goes on."""
    shown = f"Your request: '{path}'"
    if any(pattern.search(path) for pattern in _PATHS):
        return {"Message": f"{shown} is not allowed."}
    if path.rstrip("/") == "/_cluster/settings" and method == "PUT":
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            return None
        if isinstance(given, dict) and not all(_SETTINGS.match(name) for name in _names(given)):
            return {"Message": f"{shown} payload is not allowed."}
    return None


def _names(given: dict) -> list[str]:
    found = []
    for kind in ("persistent", "transient"):
        if isinstance(given.get(kind), dict):
            found += flatten(given[kind])
    return found


def flatten(nested: dict, prefix: str = "") -> dict[str, object]:
    """Settings by their full names, however they are nested."""
    flat: dict[str, object] = {}
    for name, value in nested.items():
        full = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            flat.update(flatten(value, f"{full}."))
        else:
            flat[full] = value
    return flat
