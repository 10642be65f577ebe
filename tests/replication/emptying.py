"""Gives a domain back as it was: no rule, nothing that follows, no index, no role or mapping of a scenario."""

from __future__ import annotations

from opensearch.domains import MASTER, Domain

_SECURITY = "/_plugins/_security/api"
# Taken away in this order: a mapping names its role.
_KINDS = ("rolesmapping", "roles", "internalusers")


def empty(domain: Domain) -> None:
    """As the domain's master user, so that it works wherever the domain is."""
    _restore_the_master(domain)
    for rule in domain.must("GET", "/_plugins/_replication/autofollow_stats")["autofollow_stats"]:
        _delete_rule(domain, rule)
    listed = domain.must("GET", "/_cat/indices?format=json&expand_wildcards=all&h=index")
    for index in sorted(row["index"] for row in listed):
        if not index.startswith("."):
            # Whether it follows or not, and whatever became of its leader.
            domain("POST", f"/_plugins/_replication/{index}/_stop", {})
            domain.must("DELETE", f"/{index}")
    for kind in _KINDS:
        for name, item in domain.must("GET", f"{_SECURITY}/{kind}").items():
            is_fixed = item.get("reserved") or item.get("hidden") or item.get("static")
            if not is_fixed and name not in ("all_access", MASTER):
                domain.must("DELETE", f"{_SECURITY}/{kind}/{name}")


def _restore_the_master(domain: Domain) -> None:
    """Nobody else is an administrator."""
    domain.must("PUT", f"{_SECURITY}/rolesmapping/all_access", {"users": [MASTER]})


def _delete_rule(domain: Domain, rule: dict) -> None:
    """Versions that do not tell the alias leave to try those that there are."""
    aliases = [rule["leader_alias"]] if "leader_alias" in rule else list(domain.must("GET", "/_remote/info"))
    for alias in aliases:
        domain("DELETE", "/_plugins/_replication/_autofollow", {"leader_alias": alias, "name": rule["name"]})
