"""Everything of the leader that matches a pattern follows: what is there, what comes, and what is in the way."""

from __future__ import annotations

import pytest

from .documents import (
    OWN_REPLICAS, change, exists, is_ordinary, some, until_equal, until_follows, write, writing,
)  # fmt: skip

RULES = "/_plugins/_replication/_autofollow"


def rules(domain):
    stats = domain.must("GET", "/_plugins/_replication/autofollow_stats")["autofollow_stats"]
    return {rule["name"]: rule["pattern"] for rule in stats}


def test_old_and_new_indexes_follow_and_others_do_not(pair, make_stack, resources):
    for index in ("logs-1", "logs-2", "other"):
        write(pair.leader, index, some(20))
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    assert (stack.outputs["RuleFollowing"], stack.outputs["RuleFollowerIndexes"]) == ("2", "logs-1,logs-2")
    write(pair.leader, "logs-3", some(20))
    until_follows(pair, "logs-3")
    change(pair.leader, "logs-1")
    for index in ("logs-1", "logs-2", "logs-3"):
        until_equal(pair, index)
    assert not exists(pair.follower, "other")


def test_a_rule_before_the_first_index(pair, make_stack, resources):
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    assert (stack.outputs["RuleFollowing"], stack.outputs["RuleFollowerIndexes"]) == ("0", "")
    write(pair.leader, "logs-1", some(20))
    until_follows(pair, "logs-1")
    until_equal(pair, "logs-1")


def test_a_rule_that_does_not_see_the_leader_tells_what_follows(pair, make_stack, resources):
    write(pair.leader, "logs-1", some(20))
    stack = make_stack(Rule=resources.rule("logs-*", LeaderEndpoint=None, LeaderRegion=None, WaitFor="Syncing"))
    stack.must_create()
    until_follows(pair, "logs-1")
    until_equal(pair, "logs-1")


def test_settings_of_a_rule_are_those_of_its_indexes(pair, make_stack, resources):
    pair.leader.must("PUT", "/logs-1", {"settings": {"number_of_replicas": 1}})
    write(pair.leader, "logs-1", some(20))
    stack = make_stack(Rule=resources.rule("logs-*", Settings={"index.number_of_replicas": 0}))
    stack.must_create()
    settings = pair.follower.must("GET", "/logs-1/_settings")["logs-1"]["settings"]["index"]
    assert settings["number_of_replicas"] == "0"
    until_equal(pair, "logs-1", "", *OWN_REPLICAS)


def test_another_pattern_is_another_rule_of_the_same_name_and_no_follower_is_lost(pair, make_stack, resources):
    for index in ("logs-1", "books-1"):
        write(pair.leader, index, some(20))
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    stack.must_change("Rule", Pattern="books-*")
    assert rules(pair.follower) == {"rule": "books-*"}
    assert stack.outputs["RuleFollowerIndexes"] == "books-1"
    change(pair.leader, "logs-1")
    for index in ("logs-1", "books-1"):
        until_equal(pair, index)


def test_another_name_is_a_replacement_and_no_follower_is_lost(pair, make_stack, resources):
    write(pair.leader, "logs-1", some(20))
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    stack.must_change("Rule", Name="another")
    assert rules(pair.follower) == {"another": "logs-*"}
    change(pair.leader, "logs-1")
    until_equal(pair, "logs-1")
    write(pair.leader, "logs-2", some(20))
    until_follows(pair, "logs-2")
    until_equal(pair, "logs-2")


def test_kept_followers_go_on_and_new_indexes_are_not_followed(pair, make_stack, resources):
    write(pair.leader, "logs-1", some(20))
    stack = make_stack(Rule=resources.rule("logs-*", WhenDeleted="Keep"))
    stack.must_create()
    stack.must_delete()
    assert rules(pair.follower) == {}
    change(pair.leader, "logs-1")
    until_equal(pair, "logs-1")
    assert not is_ordinary(pair.follower, "logs-1")
    # A second rule takes up what the first one left.
    write(pair.leader, "logs-2", some(20))
    again = make_stack("again", Rule=resources.rule("logs-*"))
    again.must_create()
    assert again.outputs["RuleFollowing"] == "2"
    until_equal(pair, "logs-2")


def test_stopped_followers_can_be_written_to(pair, make_stack, resources):
    for index in ("logs-1", "logs-2"):
        write(pair.leader, index, some(20))
    # Neither the rule's pattern nor another resource's index is everything that follows.
    write(pair.leader, "books", some(20))
    held = {"Rule": resources.rule("logs-*", WhenDeleted="Stop"), "Index": resources.index("books", "logs-copy")}
    stack = make_stack(**held)
    stack.must_create()
    stack.hold({"Index": held["Index"]})
    assert stack.update() == "UPDATE_COMPLETE", stack.failures()
    assert rules(pair.follower) == {}
    for index in ("logs-1", "logs-2"):
        assert is_ordinary(pair.follower, index)
        assert len(pair.follower.documents(index)) == 20
    change(pair.leader, "books")
    until_equal(pair, "books", "logs-copy")


def test_a_rule_made_by_hand_is_refused_and_stays(pair, make_stack, resources):
    write(pair.leader, "books-1", some(20))
    made = {"leader_alias": pair.alias, "name": "rule", "pattern": "books-*", "use_roles": pair.start("x")["use_roles"]}
    pair.follower.must("POST", RULES, made)
    stack = make_stack(Rule=resources.rule("logs-*"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Rule")
    assert "a rule `rule` is on the follower" in reason and "which no stack manages" in reason
    assert "Choose another Name" in reason
    assert rules(pair.follower) == {"rule": "books-*"}
    until_follows(pair, "books-1")
    until_equal(pair, "books-1")


def test_a_rule_of_another_stack_is_refused_with_its_holder(pair, make_stack, resources):
    write(pair.leader, "logs-1", some(20))
    holder = make_stack("holder", Rule=resources.rule("logs-*"))
    holder.must_create()
    second = make_stack("second", Rule=resources.rule("books-*"))
    assert second.create() == "ROLLBACK_COMPLETE"
    assert f"is managed by resource `Rule` of stack {holder.id}" in second.reason(logical_id="Rule")
    second.must_delete()
    assert rules(pair.follower) == {"rule": "logs-*"}
    until_equal(pair, "logs-1")


def test_an_ordinary_index_in_the_way_is_named_and_stays_as_it_is(pair, make_stack, resources):
    for index in ("logs-1", "logs-2"):
        write(pair.leader, index, some(20))
    write(pair.follower, "logs-2", {"mine": {"n": 7}})
    stack = make_stack(Rule=resources.rule("logs-*", WhenDeleted="Stop"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Rule")
    assert "logs-2" in reason and "an index of that name is on the follower and follows nothing" in reason
    assert "Delete the index on the follower" in reason
    assert pair.follower.documents("logs-2") == {"mine": (1, {"n": 7})}
    assert rules(pair.follower) == {}
    # What did follow is stopped with the rule.
    assert is_ordinary(pair.follower, "logs-1")
    for index in ("logs-1", "logs-2"):
        pair.follower.must("DELETE", f"/{index}")
    second = make_stack("second", Rule=resources.rule("logs-*"))
    second.must_create()
    for index in ("logs-1", "logs-2"):
        until_equal(pair, index)


def test_a_wrong_alias_is_named_with_what_to_check(pair, make_stack, resources):
    stack = make_stack(Rule=resources.rule("logs-*", ConnectionAlias="elsewhere"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Rule")
    assert "no such remote cluster: [elsewhere]" in reason
    assert "Check ConnectionAlias (`elsewhere`)" in reason
    assert rules(pair.follower) == {}


@pytest.mark.parametrize("pattern", ["*", ".logs-*", "Logs-*", "logs-*,books-*"])
def test_a_pattern_that_could_never_be_right_is_refused_before_anything_is_called(
    pair, make_stack, resources, journal, pattern
):
    stack = make_stack(Rule=resources.rule(pattern))
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert f"Property Pattern is `{pattern}`: expected a pattern such as logs-*" in stack.reason(logical_id="Rule")
    asked = [e for e in journal.read("data") if "_autofollow" in e["path"] and e["method"] == "POST"]
    assert asked == []


def test_an_index_that_is_paused_is_named_and_goes_on_with_the_next_update(pair, make_stack, resources):
    write(pair.leader, "logs-1", some(20))
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    pair.follower.must("POST", "/_plugins/_replication/logs-1/_pause", {"reason": "by hand"})
    assert stack.change("Rule", Settings={"index.number_of_replicas": 0}).startswith("UPDATE_ROLLBACK")
    assert "`logs-1`: PAUSED (by hand)" in stack.reason("UPDATE_FAILED", "Rule")
    pair.follower.must("POST", "/_plugins/_replication/logs-1/_resume", {})
    change(pair.leader, "logs-1")
    until_equal(pair, "logs-1")


def test_twenty_indexes_at_once_while_somebody_writes_to_all_of_them(pair, make_stack, resources):
    indexes = [f"many-{number}" for number in range(20)]
    for index in indexes:
        pair.leader.must("PUT", f"/{index}", {"settings": {"number_of_replicas": 0}})
        write(pair.leader, index, some(20, index))
    stack = make_stack(Rule=resources.rule("many-*"))
    with writing(pair.leader, indexes):
        stack.must_create()
    assert stack.outputs["RuleFollowing"] == "20"
    for index in indexes:
        until_equal(pair, index)


def test_the_deletion_of_what_was_never_made_touches_nothing(pair, make_stack, resources, sandbox):
    """The Create is refused before it makes anything; its Delete comes all the same."""
    made = {"leader_alias": pair.alias, "name": "rule", "pattern": "books-*", "use_roles": pair.start("x")["use_roles"]}
    write(pair.leader, "books-1", some(20))
    pair.follower.must("POST", RULES, made)
    stack = make_stack(Rule=resources.rule("books-*", Nonsense="true", WhenDeleted="Stop"))
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert "Property Nonsense is unknown" in stack.reason(logical_id="Rule")
    stack.must_delete()
    assert rules(pair.follower) == {"rule": "books-*"}
    until_follows(pair, "books-1")
    until_equal(pair, "books-1")


