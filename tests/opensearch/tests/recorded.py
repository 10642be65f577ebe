"""Cases recorded on the real replication plugin 3.4.0.0, and how an answer is held against one.

A case is said again with its own request; its answer must have the same status, the same error word for word, and the
same shape. What differs from run to run (times, ports, ids, numbers of bytes) is only required to be there.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

from opensearch.domains import ALL_ACCESS, Pair, until
from opensearch.node import Answer

_FILE = Path(__file__).with_name("transcript.jsonl")
# Present, and of the same type; nothing more.
_VOLATILE = {
    *("took", "uuid", "creation_date", "created", "timestamp", "version", "node", "cluster_uuid", "cluster_name"),
    *("bytes_total", "bytes_recovered", "bytes_percent", "files_total", "files_recovered", "files_percent"),
    *("start_time", "running_time", "last_execution_time", "total_write_time_millis", "bytes_read", "seeds", "mode"),
    # The stand-in cannot give an index the leader's name.
    "provided_name",
    *("operations_written", "operations_read", "translog_size_bytes", "operations_read_translog", "resource.id"),
    *("total_read_time_translog_millis", "leader_checkpoint", "follower_checkpoint", "seq_no", "index_uuid"),
    *("max_connections_per_cluster", "num_nodes_connected", "_seq_no", "_primary_term", "remote_address", "_shards"),
    *("operations_read_lucene", "total_read_time_lucene_millis", "tenants", "resource.type", "custom_attribute_names"),
}
# Of the way the nodes are joined, and of settings that nobody but the plugin can set.
_ABSENT_IS_FINE = {"seeds", "max_connections_per_cluster", "num_nodes_connected", "translog", "version"}


def _read() -> dict[str, list[dict]]:
    cases: dict[str, list[dict]] = defaultdict(list)
    for line in _FILE.read_text().splitlines():
        case = json.loads(line)
        cases[case["case"]].append(case)
    return cases


CASES = _read()
SAID: set[str] = set()


class Script:
    """Says recorded cases to a pair of domains."""

    def __init__(self, pair: Pair, users: dict[str, dict] | None = None):
        self.pair, self._users = pair, users or {}

    def say(self, case: str, number: int = 0, answer: Answer | None = None) -> Answer:
        """Send the case's request (or take the answer) and compare."""
        recorded = self._case(case, number)
        answer = answer or self.send(recorded)
        problem = compare(answer, recorded)
        assert not problem, f"{case}: {problem}\nsaid {answer.status} {answer.body[:1000]!r}\nnot {recorded}"
        return answer

    def until(self, case: str, number: int = 0, seconds: float = 60) -> Answer:
        """Send the case's request until the answer is the recorded one."""
        recorded = self._case(case, number)
        last: list = []

        def same() -> Answer | None:
            last[:] = [answer := self.send(recorded)]
            return None if compare(answer, recorded) else answer

        try:
            return until(same, seconds)
        except AssertionError:
            return self.say(case, number, last[0])

    def send(self, recorded: dict) -> Answer:
        request, side = recorded["request"], recorded["side"]
        domain = self.pair.leader if side == "leader" else self.pair.follower
        body, path = request["body"], request["path"]
        asks_for_roles = path.partition("?")[0].endswith(("/_start", "/_autofollow")) and request["method"] != "DELETE"
        if asks_for_roles and "user" not in recorded and isinstance(body, dict) and "leader_alias" in body:
            # Recorded without security, where nobody has roles.
            body = {**body, "use_roles": body.get("use_roles", ALL_ACCESS)}
        user = recorded.get("user", "master").split(" ")[0]
        if user in self._users:
            return domain.signed(self._users[user], request["method"], path, body)
        return domain(request["method"], path, body)

    def _case(self, case: str, number: int) -> dict:
        SAID.add(case)
        return CASES[case][number]


def compare(answer: Answer, recorded: dict) -> str:
    """What differs, nothing if nothing does."""
    if answer.status != recorded["status"]:
        return f"status {answer.status}, not {recorded['status']}"
    wanted = recorded["response"]
    if not isinstance(wanted, (dict, list)):
        return "" if answer.body.decode() == wanted else f"{answer.body!r}, not {wanted!r}"
    return _differs(answer.json(), wanted, "")


def _differs(found: object, wanted: object, where: str) -> str:
    if isinstance(wanted, dict) and isinstance(found, dict):
        if {"leader_checkpoint", "follower_checkpoint", "seq_no"} == set(wanted):
            return _progress(found, wanted, where)
        for name, value in wanted.items():
            at = f"{where}.{name}"
            if name not in found:
                if name in _ABSENT_IS_FINE:
                    continue
                return f"{at} is missing"
            if name in _VOLATILE:
                if type(found[name]) is not type(value) and not isinstance(value, (int, float)):
                    return f"{at} is {found[name]!r}"
                continue
            if problem := _differs(found[name], value, at):
                return problem
        if more := set(found) - set(wanted) - {"index_stats"} if where in ("", ".error") else set():
            return f"{where} has {', '.join(sorted(more))} too"
        return ""
    if isinstance(wanted, list) and isinstance(found, list):
        if len(found) != len(wanted):
            return f"{where} has {len(found)} items, not {len(wanted)}"
        pairs = zip(found, wanted, strict=True)
        return next((p for n, (f, w) in enumerate(pairs) if (p := _differs(f, w, f"{where}[{n}]"))), "")
    return "" if _plain(found) == _plain(wanted) else f"{where} is {found!r}, not {wanted!r}"


def _progress(found: dict, wanted: dict, where: str) -> str:
    """Behind, level or before anything, as recorded."""
    if set(found) != set(wanted):
        return f"{where} is {found}"
    # Right after the bootstrap, for some tenths of a second, the real one says that nothing is there yet.
    fresh = wanted["seq_no"] == 0
    was_level = wanted["leader_checkpoint"] == wanted["follower_checkpoint"]
    is_level = found["leader_checkpoint"] == found["follower_checkpoint"]
    return "" if fresh or was_level == is_level or not was_level else f"{where} is {found}"


def _plain(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", value)
    # Users of a database and of a proxy have other backend roles.
    return re.sub(r"backend_roles=\[[^\]]*\]", "backend_roles=[…]", value)
