"""What is connected comes apart: a leader that is away, a connection that is gone, an index that is deleted."""

from __future__ import annotations

import pytest

from .documents import (
    OWN_REPLICAS, change, exists, is_ordinary, some, until, until_equal, until_follows, write,
)  # fmt: skip


@pytest.fixture(params=["link", "node"])
def away(request, sandbox, bare):
    """`away(True)` takes the leader away, by a partition or with its node; `away(False)` brings it back."""

    def switch(is_away: bool) -> None:
        if request.param == "link":
            sandbox.control("/links", {"alias": bare.alias, "state": "down" if is_away else "up"})
        else:
            state = {"domain": bare.leader.name, "state": "killed" if is_away else "running"}
            sandbox.control("/nodes/state", state, seconds=120)

    return switch


def test_a_leader_that_is_away_for_a_while_is_followed_again(pair, make_stack, resources, away):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    away(True)
    asked = "/_plugins/_replication/books/_status"
    assert until(lambda: (a := pair.follower("GET", asked)).status == 500 and a)
    away(False)
    change(pair.leader, "books")
    until_equal(pair, "books")
    stack.must_change("Index", Settings={"index.number_of_replicas": 0})
    assert stack.outputs["IndexStatus"] == "SYNCING"


def test_a_create_waits_for_a_leader_that_is_away(pair, make_stack, resources, sandbox, journal):
    write(pair.leader, "books", some(50))
    sandbox.control("/links", {"alias": pair.alias, "state": "down"})
    stack = make_stack(Index=resources.index("books"))
    stack.create(wait=False)
    until(lambda: len(starts(journal)) >= 2)
    assert stack.status == "CREATE_IN_PROGRESS"
    sandbox.control("/links", {"alias": pair.alias, "state": "up"})
    assert stack.settled() == "CREATE_COMPLETE", stack.failures()
    until_equal(pair, "books")


def starts(journal):
    return [entry for entry in journal.read("data") if "/_start" in entry["path"]]


def test_an_update_waits_for_a_leader_that_is_away(pair, make_stack, resources, sandbox, journal):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    sandbox.control("/links", {"alias": pair.alias, "state": "down"})
    stack.change("Index", wait=False, Settings={"index.number_of_replicas": 0})
    looks = [entry for entry in journal.read("data", status=500) if entry["path"].endswith("/books/_status")]
    until(lambda: [e for e in journal.read("data", status=500) if e["path"].endswith("/books/_status")] != looks)
    assert stack.status == "UPDATE_IN_PROGRESS"
    sandbox.control("/links", {"alias": pair.alias, "state": "up"})
    assert stack.settled() == "UPDATE_COMPLETE", stack.failures()
    change(pair.leader, "books")
    until_equal(pair, "books", "", *OWN_REPLICAS)


@pytest.mark.parametrize("when_deleted", ["Stop", "StopAndDelete"])
def test_a_stack_goes_while_the_leader_is_away(pair, make_stack, resources, sandbox, when_deleted):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books", WhenDeleted=when_deleted))
    stack.must_create()
    until_equal(pair, "books")
    sandbox.control("/links", {"alias": pair.alias, "state": "down"})
    stack.must_delete()
    if when_deleted == "Stop":
        assert is_ordinary(pair.follower, "books")
        assert len(pair.follower.documents("books")) == 50
    else:
        assert not exists(pair.follower, "books")


def test_a_rule_waits_for_a_leader_that_is_away_and_then_finds_everything(pair, make_stack, resources, sandbox, journal):
    write(pair.leader, "logs-1", some(50))
    sandbox.control("/links", {"alias": pair.alias, "state": "down"})
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.create(wait=False)
    until(lambda: len([e for e in journal.read("data", method="POST") if "_autofollow" in e["path"]]) >= 2)
    sandbox.control("/links", {"alias": pair.alias, "state": "up"})
    assert stack.settled() == "CREATE_COMPLETE", stack.failures()
    assert stack.outputs["RuleFollowing"] == "1"
    until_equal(pair, "logs-1")


def test_a_connection_that_is_deleted_pauses_and_a_new_one_goes_on_with_the_next_update(pair, make_stack, resources):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    until_equal(pair, "books")
    pair.disconnect()
    until_follows(pair, "books", "PAUSED")
    change(pair.leader, "books")
    pair.connect(pair.follower, pair.leader, pair.alias)
    stack.must_change("Index", Settings={"index.number_of_replicas": 0})
    assert stack.outputs["IndexStatus"] == "SYNCING"
    assert "new" in until_equal(pair, "books", "", *OWN_REPLICAS)


def test_without_its_connection_an_update_says_so_and_the_stack_still_goes(pair, make_stack, resources):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    until_equal(pair, "books")
    before = pair.follower.documents("books")
    pair.disconnect()
    until_follows(pair, "books", "PAUSED")
    assert stack.change("Index", Settings={"index.number_of_replicas": 0}).startswith("UPDATE_ROLLBACK")
    assert f"no such remote cluster: [{pair.alias}]" in stack.reason("UPDATE_FAILED", "Index")
    stack.must_delete()
    assert is_ordinary(pair.follower, "books")
    assert {n: s for n, (_, s) in pair.follower.documents("books").items()} == {n: s for n, (_, s) in before.items()}


def test_a_rule_goes_when_its_connection_is_gone(pair, make_stack, resources):
    write(pair.leader, "logs-1", some(50))
    stack = make_stack(Rule=resources.rule("logs-*", WhenDeleted="Stop"))
    stack.must_create()
    until_equal(pair, "logs-1")
    pair.disconnect()
    until_follows(pair, "logs-1", "PAUSED")
    stack.must_delete()
    assert is_ordinary(pair.follower, "logs-1")
    assert len(pair.follower.documents("logs-1")) == 50


def test_a_leader_index_that_was_deleted_and_made_again_needs_a_new_copy(pair, make_stack, resources):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    until_equal(pair, "books")
    pair.leader.must("DELETE", "/books")
    until_follows(pair, "books", "PAUSED")
    write(pair.leader, "books", some(10, "again"))
    assert stack.change("Index", Settings={"index.number_of_replicas": 0}).startswith("UPDATE_ROLLBACK")
    reason = stack.reason("UPDATE_FAILED", "Index")
    assert "cannot be resumed" in reason and "Set ReseedWhenLost to true" in reason
    assert len(pair.follower.documents("books")) == 50
    stack.must_delete()
    pair.follower.must("DELETE", "/books")
    anew = make_stack("anew", Index=resources.index("books"))
    anew.must_create()
    assert len(until_equal(pair, "books")) == 10


def test_with_reseed_when_lost_a_leader_index_made_again_is_copied_again(pair, make_stack, resources):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    until_equal(pair, "books")
    pair.leader.must("DELETE", "/books")
    until_follows(pair, "books", "PAUSED")
    write(pair.leader, "books", some(10, "again"))
    stack.must_change("Index", ReseedWhenLost="true")
    assert len(until_equal(pair, "books")) == 10


@pytest.mark.parametrize("when_deleted", ["Stop", "StopAndDelete"])
def test_a_stack_goes_when_the_leader_index_is_gone(pair, make_stack, resources, when_deleted):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books", WhenDeleted=when_deleted))
    stack.must_create()
    until_equal(pair, "books")
    pair.leader.must("DELETE", "/books")
    stack.must_delete()
    assert exists(pair.follower, "books") == (when_deleted == "Stop")
    if when_deleted == "Stop":
        assert len(pair.follower.documents("books")) == 50
        assert is_ordinary(pair.follower, "books")


@pytest.mark.takes_the_follower_away
def test_a_node_of_the_follower_that_restarts_goes_on(pair, make_stack, resources, sandbox):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    sandbox.control("/nodes/state", {"domain": pair.follower.name, "state": "killed"})
    change(pair.leader, "books")
    sandbox.control("/nodes/state", {"domain": pair.follower.name, "state": "running"}, seconds=120)
    until_equal(pair, "books")
    stack.must_change("Index", Settings={"index.number_of_replicas": 0})
    assert stack.outputs["IndexStatus"] == "SYNCING"
