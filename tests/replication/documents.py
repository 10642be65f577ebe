"""Documents: written in bulk, written all the time, and compared at the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opensearch.domains import Domain, Pair
from opensearch.domains import until as until_true

from .comparison import Ends

# Far more than anything takes, on the real plugin too, whose own intervals are minutes.
PATIENCE = 600.0
# For the comparison, where Settings say that the follower has replicas of its own.
OWN_REPLICAS = ("--override", "index.number_of_replicas")


def some(count: int, word: str = "first") -> dict[str, dict]:
    """So many small documents by their ids."""
    return {f"d{number}": {"n": number, "word": word} for number in range(count)}


def write(domain: Domain, index: str, documents: dict[str, dict]) -> None:
    """Create or replace; to be seen by the next search."""
    lines = []
    for name, source in documents.items():
        lines += [json.dumps({"index": {"_id": name}}), json.dumps(source)]
    answer = domain.must("POST", f"/{index}/_bulk?refresh=true", "\n".join(lines) + "\n")
    assert not answer["errors"], answer


def change(domain: Domain, index: str) -> None:
    """Creates, updates and deletes, on an index that holds `some` documents."""
    write(domain, index, {"new": {"n": -1, "word": "new"}, "d1": {"n": 1, "word": "second"}})
    domain.must("DELETE", f"/{index}/_doc/d2?refresh=true")


@contextmanager
def writing(domain: Domain, indexes: list[str]) -> Iterator[None]:
    """Somebody writes to all of these, without a break."""
    ended, failed = threading.Event(), []

    def run() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            index = indexes[number % len(indexes)]
            try:
                domain.must("PUT", f"/{index}/_doc/w{number % 97}", {"n": number, "word": "written"})
                if number % 7 == 0:
                    domain("DELETE", f"/{index}/_doc/w{(number * 3) % 97}")
            except Exception as error:  # noqa: BLE001 - told at the end
                failed.append(error)
                return

    writer = threading.Thread(target=run)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()
    assert not failed, failed


def until(condition: Callable[[], object]) -> object:
    """The first true answer of the condition."""
    return until_true(condition, PATIENCE)


def until_equal(ends: Ends, leader_index: str, follower_index: str = "", *options: str, **sides: Domain) -> dict:
    """The comparison: both sides hold the same, sooner or later; answers the follower's documents."""
    follower_index = follower_index or leader_index
    leader, follower = sides.get("leader", ends.leader), sides.get("follower", ends.follower)
    until(lambda: exists(follower, follower_index))
    ends.must_equal(leader_index, follower_index, *options, **sides)
    documents = follower.documents(follower_index)
    # Nobody writes any more: seen with other eyes, it is so.
    assert documents == leader.documents(leader_index)
    return documents


def until_follows(pair: Pair, index: str, status: str = "SYNCING") -> dict:
    return pair.until_status(index, status, PATIENCE)


def is_ordinary(domain: Domain, index: str) -> bool:
    """Whether it can be written to, as an index can that follows nothing."""
    answer = domain("PUT", f"/{index}/_doc/mine?refresh=true", {"n": 0})
    if answer.status >= 300:
        return False
    domain.must("DELETE", f"/{index}/_doc/mine?refresh=true")
    return True


def exists(domain: Domain, index: str) -> bool:
    return domain("GET", f"/{index}").status == 200

