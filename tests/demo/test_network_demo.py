"""The NAT's life in words; the demo itself is run by test_network_run.py."""

from __future__ import annotations

from .nat_life import happened_in_order, lines, short_life


def entry(state, **tags):
    return {"state": state, "tags": {key.replace("__", ":"): value for key, value in tags.items()}}


LIFE = [
    entry("stopped"),
    entry("tagged", **{"tandem:lease:6f1e-1": "1800000000"}),
    entry("tagged", **{"tandem:lease:6f1e-1": "1800000000", "tandem:found": "stopped"}),
    entry("pending", **{"tandem:lease:6f1e-1": "1800000000", "tandem:found": "stopped"}),
    entry("running", **{"tandem:lease:6f1e-1": "1800000000", "tandem:found": "stopped"}),
    entry("ready", **{"tandem:lease:6f1e-1": "1800000000", "tandem:found": "stopped"}),
    entry("untagged", **{"tandem:found": "stopped"}),
    entry("tagged", **{"tandem:found": "stopped", "tandem:stopping": "1800000000"}),
    entry("stopping", **{"tandem:found": "stopped", "tandem:stopping": "1800000000"}),
    entry("untagged"),
    entry("stopped"),
]


def test_a_lease_is_told_by_its_request_and_its_release_too():
    leased = {"tandem:lease:6f1e-1": "1800000000"}
    assert list(lines({}, entry("tagged", **leased))) == ["leased by request 6f1e"]
    assert list(lines(leased, entry("untagged"))) == ["released by request 6f1e"]


def test_a_renewed_lease_and_a_removed_mark_say_nothing():
    leased = {"tandem:lease:6f1e-1": "1800000000"}
    assert list(lines(leased, entry("tagged", **{"tandem:lease:6f1e-1": "1800000900"}))) == []
    assert list(lines({"tandem:found": "stopped"}, entry("untagged"))) == []


def test_a_whole_life_reads_from_stopped_to_stopped():
    assert short_life(LIFE) == [
        "stopped", "leased", "marked", "starts", "runs", "ready", "released", "marked", "stopping", "stopped",
    ]  # fmt: skip


def test_words_are_in_order_or_they_are_not():
    assert happened_in_order(short_life(LIFE), ["stopped", "leased", "ready", "released", "stopped"])
    assert not happened_in_order(short_life(LIFE), ["ready", "leased"])
