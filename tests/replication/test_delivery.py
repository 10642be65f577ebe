"""Requests come twice, late, or again after a crash: one answer, one index, one rule, the same documents."""

from __future__ import annotations

import pytest

from scenarios.functions import kill_running

from .documents import OWN_REPLICAS, change, exists, is_ordinary, some, until, until_equal, until_follows, write
from .test_rule import rules


@pytest.fixture
def copies(sandbox):
    def run(stack, request_type, count=3):
        sandbox.control("/duplicates", {"stack": stack.name, "request_type": request_type, "copies": count})

    return run


@pytest.mark.parametrize("kind", ["index", "rule"])
def test_every_request_that_is_delivered_three_times_takes_effect_once(pair, make_stack, resources, journal, copies, kind):
    write(pair.leader, "books", some(20))
    resource = resources.index("books") if kind == "index" else resources.rule("book*", WhenDeleted="Stop")
    stack = make_stack(Resource=resource)
    copies(stack, "Create")
    stack.must_create()
    journal.settle()
    copies(stack, "Update")
    stack.must_change("Resource", Settings={"index.number_of_replicas": 0})
    journal.settle()
    change(pair.leader, "books")
    until_equal(pair, "books", "", *OWN_REPLICAS)
    assert rules(pair.follower) == ({} if kind == "index" else {"rule": "book*"})
    copies(stack, "Delete")
    stack.must_delete()
    journal.settle()
    assert rules(pair.follower) == {}
    assert is_ordinary(pair.follower, "books")


def test_a_failing_create_that_is_delivered_three_times_has_one_answer(pair, make_stack, resources, journal, copies):
    write(pair.follower, "books", {"mine": {"n": 7}})
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books"))
    copies(stack, "Create")
    assert stack.create() == "ROLLBACK_COMPLETE"
    journal.settle()
    assert pair.follower.documents("books") == {"mine": (1, {"n": 7})}


@pytest.mark.parametrize("kind", ["index", "rule"])
def test_a_create_that_arrives_when_the_stack_is_gone_makes_nothing(pair, make_stack, resources, sandbox, journal, kind):
    write(pair.leader, "books", some(20))
    resource = (
        resources.index("books", WhenDeleted="StopAndDelete") if kind == "index" else resources.rule("book*", WhenDeleted="Stop")
    )
    stack = make_stack(Resource=resource)
    stack.must_create()
    until_equal(pair, "books")
    stack.must_delete()
    if kind == "rule":
        pair.follower.must("DELETE", "/books")
    (create,) = journal.events(stack.name, "Create")
    sandbox.control("/redeliver", {"request_id": create["request_id"]})
    journal.settle()
    assert rules(pair.follower) == {}
    assert not exists(pair.follower, "books")


def test_an_update_that_arrives_again_after_the_next_one_changes_nothing(pair, make_stack, resources, sandbox, journal):
    for index in ("logs-1", "books-1"):
        write(pair.leader, index, some(20))
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    stack.must_change("Rule", Pattern="nothing-*")
    stack.must_change("Rule", Pattern="books-*")
    first = journal.events(stack.name, "Update")[0]
    sandbox.control("/redeliver", {"request_id": first["request_id"]})
    journal.settle()
    assert rules(pair.follower) == {"rule": "books-*"}
    for index in ("logs-1", "books-1"):
        until_equal(pair, index)


def test_a_delete_of_a_replaced_index_does_not_hit_the_one_that_came_back(pair, make_stack, resources, sandbox, journal):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", "first", WhenDeleted="StopAndDelete"))
    stack.must_create()
    stack.must_change("Index", FollowerIndex="second")
    until(lambda: not exists(pair.follower, "first"))
    stack.must_change("Index", FollowerIndex="first")
    until(lambda: not exists(pair.follower, "second"))
    first = journal.events(stack.name, "Delete")[0]
    sandbox.control("/redeliver", {"request_id": first["request_id"]})
    journal.settle()
    change(pair.leader, "books")
    until_equal(pair, "books", "first")


@pytest.mark.parametrize("kind", ["index", "rule"])
def test_a_function_that_crashes_while_a_start_is_on_the_way_is_called_again_and_goes_on(
    pair, make_stack, resources, sandbox, journal, kind
):
    write(pair.leader, "books", some(20))
    path = "/books/_start" if kind == "index" else "/_autofollow"
    # The plugin does what it was asked, and nobody is there any more to hear of it.
    fault = {"operation": "es-http:*", "path": path, "action": "lose_response", "nth": 1}
    sandbox.control("/faults", fault)
    resource = resources.index("books") if kind == "index" else resources.rule("book*")
    stack = make_stack(Resource=resource)
    stack.create(wait=False)
    until(lambda: [e for e in journal.read("data") if path in e["path"] and e["injected"]])
    until(lambda: kill_running(sandbox))
    until(lambda: [i for i in journal.read("invocation") if i["failed"]])
    assert stack.settled() == "CREATE_COMPLETE", stack.failures()
    until_follows(pair, "books")
    until_equal(pair, "books")


def test_a_function_that_crashes_while_it_lets_go_is_called_again_and_finishes(
    pair, make_stack, resources, sandbox, journal
):
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", WhenDeleted="StopAndDelete"))
    stack.must_create()
    until_equal(pair, "books")
    fault = {"operation": "es-http:*", "path": "/books/_stop", "action": "lose_response", "nth": 1}
    sandbox.control("/faults", fault)
    stack.delete(wait=False)
    until(lambda: [e for e in journal.read("data") if "/books/_stop" in e["path"]])
    until(lambda: kill_running(sandbox))
    until(lambda: [i for i in journal.read("invocation") if i["failed"]])
    assert stack.deleted() == "DELETE_COMPLETE", stack.failures()
    assert not exists(pair.follower, "books")


@pytest.mark.parametrize("kind", ["index", "rule", "mapping"])
def test_any_first_answer_that_is_lost_is_found_out(pair, make_stack, resources, sandbox, secret, kind):
    """The first answer to every kind of request: GET, PUT, POST, PATCH, DELETE."""
    write(pair.leader, "books", some(20))
    resource = {
        "index": lambda: resources.index("books", WhenDeleted="StopAndDelete"),
        "rule": lambda: resources.rule("book*", WhenDeleted="Stop"),
        "mapping": lambda: resources.mapping(pair.leader, "readall", "arn:aws:iam::222222222222:role/ours", MasterSecretArn=secret),
    }[kind]()
    stack = make_stack(Resource=resource)
    lose_first_answers(sandbox)
    stack.must_create()
    if kind != "mapping":
        sandbox.control("/faults", method="DELETE")
        until_equal(pair, "books")
    lose_first_answers(sandbox)
    stack.must_delete()
    sandbox.control("/faults", method="DELETE")
    if kind == "index":
        assert not exists(pair.follower, "books")
    assert rules(pair.follower) == {}
    assert "role/ours" not in str(pair.leader("GET", "/_plugins/_security/api/rolesmapping/readall").json())


def lose_first_answers(sandbox):
    sandbox.control("/faults", method="DELETE")
    for method in ("Get", "Put", "Post", "Patch", "Delete"):
        sandbox.control("/faults", {"operation": f"ESHttp{method}", "action": "lose_response", "nth": 1})
