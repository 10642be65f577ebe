"""Opposite directions for different indexes on one pair of domains: each leads for its own and follows for the other's."""

from __future__ import annotations

import pytest

from .documents import change, some, until_equal, until_follows, write
from .resources import FOLLOWER_ROLE, LEADER_ROLE

BACK = "back"


@pytest.fixture
def both_ways(pair, function):
    """A second connection, and the roles the other way round."""
    pair.connect(pair.leader, pair.follower, BACK)
    pair.leader.map(FOLLOWER_ROLE, function.role_arn)
    pair.follower.map(LEADER_ROLE, function.role_arn)
    return pair


def backwards(pair, resource):
    """The resource on the other domain."""
    given = {
        "Endpoint": pair.leader.endpoint,
        "Region": pair.leader.region,
        "ConnectionAlias": BACK,
        "LeaderEndpoint": pair.follower.endpoint,
        "LeaderRegion": pair.follower.region,
    }
    kept = resource["Properties"]
    return {**resource, "Properties": {**kept, **{n: v for n, v in given.items() if n in kept}}}


def until_equal_back(pair, index):
    """The follower leads."""
    return until_equal(pair, index, leader=pair.follower, follower=pair.leader)


def test_each_domain_leads_for_its_own_and_follows_for_the_others(both_ways, make_stack, resources):
    pair = both_ways
    write(pair.leader, "east-1", some(30, "east"))
    write(pair.follower, "west-1", some(30, "west"))
    stack = make_stack(There=resources.rule("east-*", "east"), Back=backwards(pair, resources.rule("west-*", "west")))
    stack.must_create()
    assert (stack.outputs["ThereFollowerIndexes"], stack.outputs["BackFollowerIndexes"]) == ("east-1", "west-1")
    write(pair.leader, "east-2", some(10))
    write(pair.follower, "west-2", some(10))
    change(pair.leader, "east-1")
    change(pair.follower, "west-1")
    until_follows(pair, "east-2")
    for index in ("east-1", "east-2"):
        until_equal(pair, index)
    for index in ("west-1", "west-2"):
        until_equal_back(pair, index)


def test_a_follower_is_not_followed_back(both_ways, make_stack, resources):
    pair = both_ways
    write(pair.leader, "east-1", some(30))
    stack = make_stack(There=resources.index("east-1"))
    stack.must_create()
    chain = make_stack("chain", Back=backwards(pair, resources.index("east-1", "chain")))
    assert chain.create() == "ROLLBACK_COMPLETE"
    reason = chain.reason(logical_id="Back")
    assert "Cannot Replicate a Replicated Index east-1" in reason
    assert "replicate from the domain where the documents are written" in reason
    change(pair.leader, "east-1")
    until_equal(pair, "east-1")


def test_a_leader_and_a_follower_change_places_after_a_stop(both_ways, make_stack, resources):
    pair = both_ways
    write(pair.leader, "books", some(30))
    stack = make_stack(There=resources.index("books"))
    stack.must_create()
    until_equal(pair, "books")
    stack.must_delete()
    write(pair.follower, "books", some(5, "written to the new leader"))
    pair.leader.must("DELETE", "/books")
    back = make_stack("back", Back=backwards(pair, resources.index("books")))
    back.must_create()
    assert until_equal_back(pair, "books")["d1"][1]["word"] == "written to the new leader"
