"""What CloudFormation takes back leaves nothing, and what it goes back to is as it was."""

from __future__ import annotations

import pytest

from .documents import OWN_REPLICAS, change, exists, is_ordinary, some, until, until_equal, write
from .test_rule import rules


@pytest.fixture
def hold(sandbox):
    """`hold("/f2/_start")` makes every such request fail for now; what it answers lets them through again."""

    def run(path: str):
        fault = {"operation": "es-http:*", "path": path, "action": "fail", "code": "Busy", "status": 503}
        made = sandbox.control("/faults", {**fault, "message": "Come again."})["id"]
        return lambda: sandbox.control(f"/faults?id={made}", method="DELETE")

    return run


def asked(journal, path):
    return [entry for entry in journal.read("data") if entry["path"].partition("?")[0].endswith(path)]


def test_a_sibling_that_fails_later_takes_an_index_with_it(pair, make_stack, resources):
    write(pair.leader, "books", some(20))
    held = {"Index": resources.index("books", WhenDeleted="StopAndDelete"), "Doomed": resources.doomed("Index")}
    stack = make_stack(**held)
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert not exists(pair.follower, "books")
    again = make_stack("again", Index=held["Index"])
    again.must_create()
    until_equal(pair, "books")


def test_a_sibling_that_fails_later_takes_a_rule_with_it(pair, make_stack, resources):
    write(pair.leader, "logs-1", some(20))
    held = {"Rule": resources.rule("logs-*", WhenDeleted="Stop"), "Doomed": resources.doomed("Rule")}
    stack = make_stack(**held)
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert rules(pair.follower) == {}
    assert is_ordinary(pair.follower, "logs-1")
    pair.follower.must("DELETE", "/logs-1")
    again = make_stack("again", Rule=held["Rule"])
    again.must_create()
    until_equal(pair, "logs-1")


@pytest.mark.parametrize("kind", ["index", "rule"])
def test_a_sibling_that_fails_takes_with_it_what_is_still_being_made(pair, make_stack, resources, journal, hold, kind):
    write(pair.leader, "books", some(20))
    path = "/books/_start" if kind == "index" else "/_autofollow"
    resource = resources.index("books") if kind == "index" else resources.rule("book*")
    let_through, fail = hold(path), hold("/sibling/_start")
    stack = make_stack(Resource=resource, Sibling=resources.index("missing", "sibling"))
    stack.create(wait=False)
    until(lambda: asked(journal, path) and asked(journal, "/sibling/_start"))
    fail()
    until(lambda: journal.events(stack.name, "Delete", "Resource"))
    let_through()
    assert stack.settled() == "ROLLBACK_COMPLETE", stack.failures()
    journal.may_lack_an_answer_to(journal.events(stack.name, "Create", "Resource")[0]["request_id"])
    journal.settle()
    assert rules(pair.follower) == {}
    assert not exists(pair.follower, "books")
    again = make_stack("again", Resource=resource)
    again.must_create()
    until_equal(pair, "books")


def test_a_change_goes_back_when_a_sibling_fails(pair, make_stack, resources):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", Settings={"index.number_of_replicas": 0}))
    stack.must_create()
    stack.add(Doomed=resources.doomed("Index"))
    assert stack.change("Index", Settings={"index.max_result_window": 30000}) == "UPDATE_ROLLBACK_COMPLETE"

    def overrides():
        return pair.follower.must("GET", "/books/_settings")["books"]["settings"]["index"]

    until(lambda: overrides()["number_of_replicas"] == "0" and "max_result_window" not in overrides())
    change(pair.leader, "books")
    until_equal(pair, "books", "", *OWN_REPLICAS)


def test_a_replacement_goes_back_when_a_sibling_fails(pair, make_stack, resources):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", "first", WhenDeleted="StopAndDelete"))
    stack.must_create()
    stack.add(Doomed=resources.doomed("Index"))
    assert stack.change("Index", FollowerIndex="second") == "UPDATE_ROLLBACK_COMPLETE"
    assert not exists(pair.follower, "second")
    change(pair.leader, "books")
    until_equal(pair, "books", "first")


def test_a_replacement_takes_the_former_index_away(pair, make_stack, resources):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", "first", WhenDeleted="StopAndDelete"))
    stack.must_create()
    stack.must_change("Index", FollowerIndex="second")
    until(lambda: not exists(pair.follower, "first"))
    change(pair.leader, "books")
    until_equal(pair, "books", "second")


def test_a_replacement_that_fails_leaves_the_former_index(pair, make_stack, resources):
    write(pair.leader, "books", some(20))
    write(pair.follower, "second", {"mine": {"n": 7}})
    stack = make_stack(Index=resources.index("books", "first", WhenDeleted="StopAndDelete"))
    stack.must_create()
    assert stack.change("Index", FollowerIndex="second") == "UPDATE_ROLLBACK_COMPLETE"
    assert "exists already and follows nothing" in stack.reason("UPDATE_FAILED", "Index")
    assert pair.follower.documents("second") == {"mine": (1, {"n": 7})}
    change(pair.leader, "books")
    until_equal(pair, "books", "first")


@pytest.fixture
def give_up(resources, journal, hold):
    """Changes a resource, holds its request to this path, and lets a sibling fail meanwhile: the way back is sent."""

    def run(stack, logical_id, path, **properties):
        let_through, fail = hold(path), hold("/sibling/_start")
        stack.add(Sibling=resources.index("missing", "sibling"))
        before = len(asked(journal, path))
        stack.change(logical_id, wait=False, **properties)
        until(lambda: len(asked(journal, path)) > before and asked(journal, "/sibling/_start"))
        fail()
        until(lambda: len(journal.events(stack.name, "Update", logical_id)) == 2)
        let_through()
        assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE", stack.failures()
        journal.may_lack_an_answer_to(journal.events(stack.name, "Update", logical_id)[0]["request_id"])
        journal.settle()

    return run


def test_a_replacement_that_is_given_up_on_the_way_is_not_there_afterwards(pair, make_stack, resources, give_up):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", "first", WhenDeleted="StopAndDelete"))
    stack.must_create()
    give_up(stack, "Index", "/second/_start", FollowerIndex="second")
    assert not exists(pair.follower, "second")
    change(pair.leader, "books")
    until_equal(pair, "books", "first")


def test_a_change_that_is_given_up_on_the_way_does_not_outlive_the_way_back(pair, make_stack, resources, give_up):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", Settings={"index.max_result_window": 20000}))
    stack.must_create()
    give_up(stack, "Index", "/books/_update", Settings={"index.max_result_window": 30000})

    def window():
        return pair.follower.must("GET", "/books/_settings")["books"]["settings"]["index"].get("max_result_window")

    until(lambda: window() == "20000")
    change(pair.leader, "books")
    until_equal(pair, "books", "", "--override", "index.max_result_window")


def test_another_pattern_that_is_given_up_on_the_way_does_not_outlive_the_way_back(pair, make_stack, resources, give_up):
    for index in ("logs-1", "books-1"):
        write(pair.leader, index, some(20))
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    give_up(stack, "Rule", "/_autofollow", Pattern="books-*")
    assert rules(pair.follower) == {"rule": "logs-*"}
    change(pair.leader, "logs-1")
    until_equal(pair, "logs-1")


def test_a_change_whose_time_is_over_says_what_it_waited_for_and_goes_back(pair, make_stack, resources, hold):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", "first", WhenDeleted="StopAndDelete"))
    stack.must_create()
    hold("/second/_start")
    # Long enough for the way back, which waits until a start that was sent cannot take effect any more.
    assert stack.change("Index", FollowerIndex="second", ServiceTimeout=45) == "UPDATE_ROLLBACK_COMPLETE"
    reason = stack.reason("UPDATE_FAILED", "Index")
    assert "index `second` on the follower" in reason and "does not follow leader index `books`" in reason
    assert "last status: cannot follow leader index `books` as `second`" in reason
    assert not exists(pair.follower, "second")
    change(pair.leader, "books")
    until_equal(pair, "books", "first")
