"""One index of the leader, followed by one of the follower: made, taken over, changed, and what is in the way."""

from __future__ import annotations

import pytest

from .documents import OWN_REPLICAS, change, exists, is_ordinary, some, until, until_equal, until_follows, write


def settings_of(domain, index):
    return domain.must("GET", f"/{index}/_settings?flat_settings=true")[index]["settings"]


def test_creates_updates_and_deletes_follow_under_another_name(pair, make_stack, resources):
    pair.leader.must("PUT", "/books", {"settings": {"number_of_shards": 2, "number_of_replicas": 0}})
    write(pair.leader, "books", some(200))
    stack = make_stack(Index=resources.index("books", "books-copy"))
    stack.must_create()
    outputs = stack.outputs
    assert (outputs["IndexLeaderIndex"], outputs["IndexFollowerIndex"]) == ("books", "books-copy")
    assert len(until_equal(pair, "books", "books-copy")) == 200
    change(pair.leader, "books")
    assert until_equal(pair, "books", "books-copy")["d1"][0] == 2
    assert not exists(pair.follower, "books")


def test_an_override_is_set_changed_and_taken_back_in_place(pair, make_stack, resources):
    pair.leader.must("PUT", "/books", {"settings": {"number_of_replicas": 1, "max_result_window": 20000}})
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books", Settings={"index.number_of_replicas": 0}))
    stack.must_create()
    assert settings_of(pair.follower, "books")["index.number_of_replicas"] == "0"
    assert settings_of(pair.follower, "books")["index.max_result_window"] == "20000"
    made = settings_of(pair.follower, "books")["index.uuid"]

    def becomes(name: str, value: str) -> None:
        until(lambda: settings_of(pair.follower, "books").get(name) == value)

    stack.must_change("Index", Settings={"index.max_result_window": 30000})
    becomes("index.max_result_window", "30000")
    becomes("index.number_of_replicas", "1")
    stack.must_change("Index", Settings=None)
    becomes("index.max_result_window", "20000")
    # The leader's change still comes through, so nothing is overridden any more.
    pair.leader.must("PUT", "/books/_settings", {"index": {"max_result_window": 40000}})
    becomes("index.max_result_window", "40000")
    change(pair.leader, "books")
    until_equal(pair, "books")
    assert settings_of(pair.follower, "books")["index.uuid"] == made


def test_a_setting_that_does_not_exist_is_named_and_nothing_is_left(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books", Settings={"index.nonsense": 1}))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Index")
    assert "unknown setting [index.nonsense]" in reason
    assert "Check Settings" in reason
    assert not exists(pair.follower, "books")


def test_an_index_that_follows_the_same_already_is_taken_over_and_stopped_with_the_stack(pair, make_stack, resources):
    write(pair.leader, "books", some(30))
    pair.follower.must("PUT", "/_plugins/_replication/books/_start", by_hand(pair, "books"))
    until_equal(pair, "books")
    uuid = settings_of(pair.follower, "books")["index.uuid"]
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    assert settings_of(pair.follower, "books")["index.uuid"] == uuid
    change(pair.leader, "books")
    until_equal(pair, "books")
    stack.must_delete()
    assert is_ordinary(pair.follower, "books")


def test_an_ordinary_index_of_the_name_is_refused_and_stays_as_it_is(pair, make_stack, resources):
    write(pair.leader, "books", some(30))
    write(pair.follower, "books", {"mine": {"n": 7}})
    stack = make_stack(Index=resources.index("books"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Index")
    assert "index `books` on the follower" in reason and "exists already and follows nothing" in reason
    assert "Delete it there if nobody needs it" in reason
    stack.must_delete()
    assert pair.follower.documents("books") == {"mine": (1, {"n": 7})}
    # What the sentence advises is enough.
    pair.follower.must("DELETE", "/books")
    second = make_stack("second", Index=resources.index("books"))
    second.must_create()
    until_equal(pair, "books")


def test_an_index_that_follows_another_one_is_refused_and_goes_on(pair, make_stack, resources):
    for index in ("books", "papers"):
        write(pair.leader, index, some(10, index))
    pair.follower.must("PUT", "/_plugins/_replication/copy/_start", by_hand(pair, "papers"))
    until_follows(pair, "copy")
    stack = make_stack(Index=resources.index("books", "copy"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Index")
    assert f"follows `{pair.alias}:papers` and not `{pair.alias}:books`" in reason
    until_equal(pair, "papers", "copy")


def test_a_missing_leader_index_is_named_and_follows_once_it_is_there(pair, make_stack, resources):
    stack = make_stack(Index=resources.index("books"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Index")
    assert "the leader says: index_not_found_exception: no such index [books]" in reason
    assert "Make the index on the leader first" in reason
    write(pair.leader, "books", some(10))
    second = make_stack("second", Index=resources.index("books"))
    second.must_create()
    until_equal(pair, "books")


def test_a_closed_leader_index_is_told_from_a_missing_one(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    pair.leader.must("POST", "/books/_close")
    stack = make_stack(Index=resources.index("books"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert "Open the index on the leader" in stack.reason(logical_id="Index")
    pair.leader.must("POST", "/books/_open")
    second = make_stack("second", Index=resources.index("books"))
    second.must_create()
    until_equal(pair, "books")


def test_a_wrong_alias_is_named_with_what_to_check(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books", ConnectionAlias="elsewhere"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Index")
    assert "the follower says: no_such_remote_cluster_exception: no such remote cluster: [elsewhere]" in reason
    assert "Check ConnectionAlias (`elsewhere`)" in reason
    assert not exists(pair.follower, "books")
    second = make_stack("second", Index=resources.index("books"))
    second.must_create()
    until_equal(pair, "books")


def test_what_was_paused_by_hand_goes_on_with_the_next_update(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    pair.follower.must("POST", "/_plugins/_replication/books/_pause", {})
    change(pair.leader, "books")
    assert "new" not in pair.follower.documents("books")
    stack.must_change("Index", Settings={"index.number_of_replicas": 0})
    assert stack.outputs["IndexStatus"] == "SYNCING"
    assert "new" in until_equal(pair, "books", "", *OWN_REPLICAS)


def test_an_index_that_was_paused_when_it_is_taken_over_goes_on(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    pair.follower.must("PUT", "/_plugins/_replication/books/_start", by_hand(pair, "books"))
    until_follows(pair, "books")
    pair.follower.must("POST", "/_plugins/_replication/books/_pause", {})
    change(pair.leader, "books")
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    assert "new" in until_equal(pair, "books")


def test_what_was_stopped_by_hand_is_only_made_anew_where_that_is_allowed(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    pair.follower.must("POST", "/_plugins/_replication/books/_stop", {})
    write(pair.follower, "books", {"mine": {"n": 7}})
    assert stack.change("Index", Settings={"index.number_of_replicas": 0}).startswith("UPDATE_ROLLBACK")
    reason = stack.reason("UPDATE_FAILED", "Index")
    assert "was stopped from following by somebody" in reason
    assert "Set ReseedWhenLost to true" in reason
    assert "mine" in pair.follower.documents("books")
    stack.must_delete()
    assert "mine" in pair.follower.documents("books")


def test_with_reseed_when_lost_the_copy_is_made_anew(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books", ReseedWhenLost="true"))
    stack.must_create()
    pair.follower.must("POST", "/_plugins/_replication/books/_stop", {})
    write(pair.follower, "books", {"mine": {"n": 7}})
    stack.must_change("Index", Settings={"index.number_of_replicas": 0})
    assert "mine" not in until_equal(pair, "books", "", *OWN_REPLICAS)


def test_another_leader_index_under_the_same_name_is_a_copy_made_anew(pair, make_stack, resources):
    for index in ("books", "papers"):
        write(pair.leader, index, some(10, index))
    stack = make_stack(Index=resources.index("books", "copy", ReseedWhenLost="true"))
    stack.must_create()
    until_equal(pair, "books", "copy")
    stack.must_change("Index", LeaderIndex="papers")
    assert until_equal(pair, "papers", "copy")["d1"][1]["word"] == "papers"


@pytest.mark.parametrize("when_deleted", ["Stop", "StopAndDelete"])
def test_a_deleted_resource_leaves_its_index_as_the_option_says(pair, make_stack, resources, when_deleted):
    write(pair.leader, "books", some(50))
    stack = make_stack(Index=resources.index("books", WhenDeleted=when_deleted))
    stack.must_create()
    until_equal(pair, "books")
    stack.must_delete()
    if when_deleted == "Stop":
        assert is_ordinary(pair.follower, "books")
        there, here = pair.leader.documents("books"), pair.follower.documents("books")
        assert {name: source for name, (_, source) in there.items()} == {n: s for n, (_, s) in here.items()}
    else:
        assert not exists(pair.follower, "books")
    # Either way somebody can begin again.
    if when_deleted == "Stop":
        pair.follower.must("DELETE", "/books")
    again = make_stack("again", Index=resources.index("books"))
    again.must_create()
    until_equal(pair, "books")


def test_the_option_may_change_until_the_end(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    stack.must_change("Index", WhenDeleted="StopAndDelete")
    until_equal(pair, "books")
    stack.must_delete()
    assert not exists(pair.follower, "books")


def test_what_somebody_stopped_and_wrote_to_is_not_deleted_with_the_stack(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books", WhenDeleted="StopAndDelete"))
    stack.must_create()
    pair.follower.must("POST", "/_plugins/_replication/books/_stop", {})
    write(pair.follower, "books", {"mine": {"n": 7}})
    stack.must_delete()
    assert pair.follower.documents("books")["mine"] == (1, {"n": 7})


def by_hand(pair, leader_index):
    return pair.start(leader_index)
