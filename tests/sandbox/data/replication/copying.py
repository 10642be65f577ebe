"""Moving documents from the leader's node to the follower's: what the plugin does with operations, done with searches.

Creates and updates are found by sequence number. A deletion leaves nothing to find, so when operations are missing and
the follower has more documents than the leader, the ids of both are compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from opensearch.node import Answer, Node

from ..blocked import flatten
from ..links import Unreachable

PAGE = 2000
# Of the leader's settings these are not the follower's business.
_OWN = (
    "index.uuid",
    "index.creation_date",
    "index.provided_name",
    "index.version",
    "index.resize",
    "index.routing.allocation",
    "index.blocks",
    "index.plugins.replication",
    "index.replication.type",
    "index.history.uuid",
    "index.verified_before_close",
    "index.soft_deletes.retention_lease",
    "index.write.wait_for_active_shards",
)


class Gone(Exception):
    """The leader's index is not there any more."""


class Closed(Exception):
    """The leader's index is closed."""


class Shard(NamedTuple):
    """How far a primary shard is."""

    checkpoint: int
    newest: int


class Leader:
    """The leader's node over the link."""

    def __init__(self, node: Node, travel: Callable[[int], None], address: str):
        self.node, self._travel, self.address = node, travel, address

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        self._travel(0)
        if not self.node.is_running:
            raise Unreachable(self.address)
        try:
            answer = self.node.request(method, path, body, seconds=30)
        except OSError as error:
            raise Unreachable(self.address) from error
        self._travel(len(answer.body))
        return answer

    def indices(self, expression: str) -> dict[str, dict]:
        """name -> {state, uuid, aliases, follows} of the indexes that match."""
        path = f"/_cluster/state/metadata/{expression}?expand_wildcards=open,closed&ignore_unavailable=true"
        found = self.ask("GET", path).json().get("metadata", {}).get("indices", {})
        return {
            name: {
                "state": item["state"],
                "uuid": flatten(item["settings"]).get("index.uuid"),
                "aliases": item.get("aliases") or [],
            }
            for name, item in found.items()
        }

    def all_shards(self) -> dict[str, tuple[str, dict[int, Shard]]]:
        """The uuids and primaries of all open indexes, for one request instead of many."""
        shown = "indices.*.uuid,indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no"
        found = self.ask("GET", f"/_stats/docs?level=shards&expand_wildcards=open,hidden&filter_path={shown}")
        if found.status != 200:
            raise Unreachable(self.address)
        return {name: _primaries(stats) for name, stats in found.json().get("indices", {}).items()}

    def shards(self, index: str) -> tuple[str, dict[int, Shard]]:
        """The uuid of the index, and its primaries."""
        found = self.ask("GET", f"/{index}/_stats/docs?level=shards")
        if found.status == 404:
            raise Gone(index)
        if found.status != 200:
            raise Closed(index) if b"closed" in found.body else Unreachable(self.address)
        stats = found.json()["indices"].get(index)
        if stats is None:
            raise Gone(index)
        return _primaries(stats)



def _primaries(stats: dict) -> tuple[str, dict[int, Shard]]:
    shards = {}
    for number, copies in stats.get("shards", {}).items():
        for copy in copies:
            if copy["routing"]["primary"] and "seq_no" in copy:
                shards[int(number)] = Shard(copy["seq_no"]["global_checkpoint"], copy["seq_no"]["max_seq_no"])
    return stats["uuid"], shards


def replicated_settings(leader: Leader, index: str, overrides: dict) -> dict:
    """The settings of the follower: the leader's, without its own affairs, under what the user asks for."""
    found = leader.ask("GET", f"/{index}/_settings?flat_settings=true")
    if found.status == 404:
        raise Gone(index)
    settings = next(iter(found.json().values()))["settings"]
    kept = {name: value for name, value in settings.items() if not name.startswith(_OWN)}
    return {**kept, **overrides}


def aliases_of(leader: Leader, index: str) -> dict:
    return next(iter(leader.ask("GET", f"/{index}/_alias").json().values()), {}).get("aliases", {})


def mapping_of(leader: Leader, index: str) -> dict:
    found = leader.ask("GET", f"/{index}/_mapping")
    if found.status == 404:
        raise Gone(index)
    return next(iter(found.json().values())).get("mappings", {})


class Copier:
    """Brings one follower index up to date, shard by shard."""

    def __init__(self, leader: Leader, follower: Node, leader_index: str, index: str):
        self._leader, self._follower, self._leader_index, self._index = leader, follower, leader_index, index
        self._mapping: dict | None = None
        self.operations, self.bytes = 0, 0

    def bring_up(self, shard: int, done: int, target: int, stop: Callable[[], bool]) -> bool:
        """Apply the operations after `done` up to `target`; False when told to stop half way."""
        self._must(self._leader.ask("POST", f"/{self._leader_index}/_refresh"))
        found, after = 0, done
        while True:
            hits = self._page(shard, after, target)
            if not hits:
                break
            if stop():
                return False
            self._apply(hits)
            found += len(hits)
            after = hits[-1]["_seq_no"]
            if len(hits) < PAGE:
                break
        self.operations += target - done
        # Whatever is missing was overtaken by a later operation, or is a deletion.
        if found < target - done:
            self._delete_what_is_gone(shard, target, stop)
        return True

    def _page(self, shard: int, after: int, target: int) -> list[dict]:
        query = {
            "size": PAGE,
            "query": {"range": {"_seq_no": {"gt": after, "lte": target}}},
            "sort": [{"_seq_no": "asc"}],
            "seq_no_primary_term": True,
            "version": True,
            "track_total_hits": False,
        }
        answer = self._leader.ask("POST", f"/{self._leader_index}/_search?preference=_shards:{shard}", query)
        self._must(answer)
        self.bytes += len(answer.body)
        return answer.json()["hits"]["hits"]

    def _apply(self, hits: list[dict]) -> None:
        mapping = mapping_of(self._leader, self._leader_index)
        if mapping != self._mapping:
            if mapping:
                self._must(self._follower.request("PUT", f"/{self._index}/_mapping", mapping))
            self._mapping = mapping
        lines = []
        for hit in hits:
            head = {"_id": hit["_id"], "version": hit["_version"], "version_type": "external_gte", "pipeline": "_none"}
            if "_routing" in hit:
                head["routing"] = hit["_routing"]
            lines += [json.dumps({"index": head}), json.dumps(hit["_source"])]
        self._bulk(lines)

    def _bulk(self, lines: list[str]) -> None:
        answer = self._follower.request("POST", f"/{self._index}/_bulk", "\n".join(lines) + "\n")
        self._must(answer)
        if not answer.json()["errors"]:
            return
        failed = []
        for number, item in enumerate(answer.json()["items"]):
            result = next(iter(item.values()))
            if result["status"] == 409:
                # Deleted here and made anew there: its versions began again.
                head = json.loads(lines[2 * number])["index"]
                del head["version"], head["version_type"]
                failed += [json.dumps({"index": head}), lines[2 * number + 1]]
            elif result["status"] >= 300:
                raise RuntimeError(f"the follower refuses a document: {json.dumps(result)[:500]}")
        if failed:
            self._must(self._follower.request("POST", f"/{self._index}/_bulk", "\n".join(failed) + "\n"))

    def _delete_what_is_gone(self, shard: int, target: int, stop: Callable[[], bool]) -> None:
        self._must(self._follower.request("POST", f"/{self._index}/_refresh"))
        here = self._count(self._follower.request, self._index, shard, {"match_all": {}})
        there = self._count(self._leader.ask, self._leader_index, shard, {"range": {"_seq_no": {"lte": target}}})
        if here <= there or stop():
            return
        # First here: what is made there meanwhile must not look as if it were gone.
        ours = self._ids(self._follower.request, self._index, shard)
        theirs = self._ids(self._leader.ask, self._leader_index, shard)
        gone = [(i, ours[i]) for i in ours if i not in theirs]
        for begin in range(0, len(gone), PAGE):
            heads = [{"_id": i, **({"routing": r} if r else {})} for i, r in gone[begin : begin + PAGE]]
            lines = [json.dumps({"delete": head}) for head in heads]
            self._must(self._follower.request("POST", f"/{self._index}/_bulk", "\n".join(lines) + "\n"))

    def _count(self, ask: Callable, index: str, shard: int, query: dict) -> int:
        answer = ask("POST", f"/{index}/_count?preference=_shards:{shard}", {"query": query})
        self._must(answer)
        return answer.json()["count"]

    def _ids(self, ask: Callable, index: str, shard: int) -> dict[str, str | None]:
        """Every id of the shard with its routing."""
        query = {"size": 10000, "_source": False, "sort": ["_doc"]}
        answer = ask("POST", f"/{index}/_search?scroll=1m&preference=_shards:{shard}", query)
        found: dict[str, str | None] = {}
        while True:
            self._must(answer)
            page = answer.json()
            hits = page["hits"]["hits"]
            found.update((hit["_id"], hit.get("_routing")) for hit in hits)
            if not hits:
                break
            answer = ask("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        ask("DELETE", "/_search/scroll", {"scroll_id": page["_scroll_id"]})
        return found

    def _must(self, answer: Answer) -> None:
        if answer.status == 404 and b"index_not_found" in answer.body:
            raise Gone(self._leader_index)
        if answer.status == 400 and b"index_closed_exception" in answer.body:
            raise Closed(self._leader_index)
        if answer.status >= 300:
            raise RuntimeError(f"a node answered {answer.status}: {answer.body[:500]!r}")
