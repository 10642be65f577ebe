"""Gives a domain back as it was: no rule, nothing that follows, no index."""

from __future__ import annotations

from opensearch.domains import Domain


def empty(domain: Domain) -> None:
    """As the domain's master user, so that it works wherever the domain is."""
    for rule in domain.must("GET", "/_plugins/_replication/autofollow_stats")["autofollow_stats"]:
        # Versions that do not tell the alias leave to try those that there are.
        aliases = [rule["leader_alias"]] if "leader_alias" in rule else list(domain.must("GET", "/_remote/info"))
        for alias in aliases:
            named = {"leader_alias": alias, "name": rule["name"]}
            domain("DELETE", "/_plugins/_replication/_autofollow", named)
    listed = domain.must("GET", "/_cat/indices?format=json&expand_wildcards=all&h=index")
    for index in sorted(row["index"] for row in listed):
        if not index.startswith("."):
            # Whether it follows or not, and whatever became of its leader.
            domain("POST", f"/_plugins/_replication/{index}/_stop", {})
            domain.must("DELETE", f"/{index}")
