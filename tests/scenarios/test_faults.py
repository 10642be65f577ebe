"""One call goes wrong: it fails, is throttled, or is done and its answer lost. The outcome is the same."""

from __future__ import annotations

import json

import pytest

from .functions import kill_running

# Every call of a Create and of a Delete, by operation and turn.
OF_CREATE = [
    ("DescribeStackResource", 1),
    ("DescribeStackResource", 2),
    ("AssumeRole", 1),
    ("GetParameter", 1),
    ("GetParameter", 2),
    ("PutParameter", 1),
    ("PutParameter", 2),
    ("PutParameter", 3),
    ("DescribeOutboundConnections", 1),
    ("DescribeOutboundConnections", 2),
    ("CreateOutboundConnection", 1),
    ("DescribeInboundConnections", 1),
    ("AcceptInboundConnection", 1),
]
OF_DELETE = [
    ("DescribeStackResource", 1),
    ("GetParameter", 1),
    ("GetParameter", 2),
    ("PutParameter", 1),
    ("DescribeOutboundConnections", 1),
    ("DescribeOutboundConnections", 2),
    ("DeleteOutboundConnection", 1),
    ("DeleteParameter", 1),
]


@pytest.fixture
def three(three_providers, make_stack, alias):
    """A stack for each thing that can happen to a call, served by its own function."""
    return {
        action: make_stack(action.replace("_", "-"), **provider.connection_parameters, ConnectionAlias=f"{alias}-{action}")
        for action, provider in three_providers.items()
    }


def go_wrong(sandbox, providers, operation: str, nth: int) -> list[int]:
    return [
        sandbox.control(
            "/faults", {"operation": operation, "action": action, "nth": nth, "principal": provider.principal(operation)}
        )["id"]
        for action, provider in providers.items()
    ]


def hits(sandbox, faults: list[int]) -> list[int]:
    return [fault["hits"] for fault in sandbox.control("/faults")["faults"] if fault["id"] in faults]


@pytest.mark.parametrize(("operation", "nth"), OF_CREATE)
def test_a_create_survives_whatever_happens_to_one_call(
    sandbox, three, three_providers, connections, alias, operation, nth
):
    if operation == "AssumeRole":
        # A warm function has credentials already.
        kill_running(sandbox)
    faults = go_wrong(sandbox, three_providers, operation, nth)
    for stack in three.values():
        stack.create(wait=False)
    for action, stack in three.items():
        assert stack.settled() == "CREATE_COMPLETE", (action, stack.reason())
        (row,) = connections.live(f"{alias}-{action}")
        assert (row["id"], row["status"]) == (stack.connection_id, "ACTIVE"), action
    assert hits(sandbox, faults) == [1, 1, 1]
    for stack in three.values():
        stack.delete(wait=False)
    assert {stack.deleted() for stack in three.values()} == {"DELETE_COMPLETE"}


@pytest.mark.parametrize(("operation", "nth"), OF_DELETE)
def test_a_delete_survives_whatever_happens_to_one_call(sandbox, three, three_providers, connections, alias, operation, nth):
    for stack in three.values():
        stack.create(wait=False)
    assert {stack.settled() for stack in three.values()} == {"CREATE_COMPLETE"}
    faults = go_wrong(sandbox, three_providers, operation, nth)
    for stack in three.values():
        stack.delete(wait=False)
    for action, stack in three.items():
        assert stack.deleted() == "DELETE_COMPLETE", (action, stack.reason("DELETE_FAILED"))
        assert connections.live(f"{alias}-{action}") == [], action
    assert hits(sandbox, faults) == [1, 1, 1]


def test_twenty_connections_at_once_under_throttling(make_stack, sandbox, connections, journal, alias):
    stack = make_stack()
    one = stack.template["Resources"]["Connection"]
    stack.template["Outputs"] = {}
    stack.template["Resources"] = {
        f"Connection{number}": json.loads(json.dumps(one).replace('{"Ref": "ConnectionAlias"}', f'"{alias}-{number}"'))
        for number in range(20)
    }
    sandbox.control("/throttle", {"operation": "es:*", "per_second": 15, "burst": 15})
    assert stack.create() == "CREATE_COMPLETE"
    assert {connections.only(f"{alias}-{number}")["status"] for number in range(20)} == {"ACTIVE"}
    assert stack.delete() == "DELETE_COMPLETE"
    assert [connections.live(f"{alias}-{number}") for number in range(20)] == [[]] * 20
    assert len(journal.read("call", error="ThrottlingException")) > 20
