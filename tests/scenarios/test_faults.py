"""One call goes wrong: it fails, is throttled, or is done and its answer lost. The outcome is the same."""

from __future__ import annotations

import json

import pytest

from .functions import kill_running

# Every call of a Create, by operation and turn, and beside it one of a Delete: each stack lives through both.
CALLS = [
    (("DescribeStackResource", 1), ("DescribeStackResource", 1)),
    (("DescribeStackResource", 2), ("GetParameter", 1)),
    (("AssumeRole", 1), ("GetParameter", 2)),
    (("GetParameter", 1), ("PutParameter", 1)),
    (("GetParameter", 2), ("DescribeOutboundConnections", 1)),
    (("PutParameter", 1), ("DescribeOutboundConnections", 2)),
    (("PutParameter", 2), ("DeleteOutboundConnection", 1)),
    (("PutParameter", 3), ("DeleteParameter", 1)),
    (("DescribeOutboundConnections", 1), None),
    (("DescribeOutboundConnections", 2), None),
    (("CreateOutboundConnection", 1), None),
    (("DescribeInboundConnections", 1), None),
    (("AcceptInboundConnection", 1), None),
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


def spoken(call: tuple[str, int] | None) -> str:
    return "{}-{}".format(*call) if call else "nothing"


@pytest.mark.parametrize(("of_create", "of_delete"), CALLS, ids=spoken)
def test_create_and_delete_survive_whatever_happens_to_one_call(
    sandbox, three, three_providers, connections, alias, of_create, of_delete
):
    if "AssumeRole" in of_create:
        # A warm function has credentials already.
        kill_running(sandbox)
    faults = go_wrong(sandbox, three_providers, *of_create)
    for stack in three.values():
        stack.create(wait=False)
    for action, stack in three.items():
        assert stack.settled() == "CREATE_COMPLETE", (action, stack.reason())
        assert [(row["id"], row["status"]) for row in connections.live(f"{alias}-{action}")] == [
            (stack.connection_id, "ACTIVE")
        ], action
    assert hits(sandbox, faults) == [1, 1, 1]
    faults = go_wrong(sandbox, three_providers, *of_delete) if of_delete else []
    for stack in three.values():
        stack.delete(wait=False)
    for action, stack in three.items():
        assert stack.deleted() == "DELETE_COMPLETE", (action, stack.reason("DELETE_FAILED"))
        assert connections.live(f"{alias}-{action}") == [], action
    assert hits(sandbox, faults) == [1] * len(faults)


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
