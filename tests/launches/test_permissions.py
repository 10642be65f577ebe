"""Every permission of the functions of data is needed: without it a stack fails, and its Reason says what to allow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scenarios.stacks import TEMPLATES, Stack, template

from .launched import Launched
from .narrowing import without
from .needed import ON_THE_FOLLOWER, ON_THE_LEADER, TO_ASK, TO_DELETE, TO_MAP

# One worker: it launches what all of these are tried on.
pytestmark = pytest.mark.xdist_group("permissions of data")


@pytest.fixture(scope="module")
def launched(launching) -> Iterator[Launched]:
    with launching("two accounts", pattern="logs-*") as made:
        made.deployment.launch("leader/role-mappings.yaml")
        made.domain("leader").write("books", 5)
        made.domain("leader").write("papers", 5)
        made.deployment.launch("")
        yield made


def another(launched: Launched, path: str, name: str, **parameters: str) -> Stack:
    """A stack beside the deployed one, of the same template, with other parameters."""
    client = launched.aws("cloudformation", launched.place(path.partition("/")[0]))
    given = launched.deployment.parameters(path) | {"RuleNamePrefix": f"{name}-", "Pattern": ""} | parameters
    return Stack(client, f"{launched.deployment.project}-{name}", template(TEMPLATES / f"{path.partition('/')[2]}.yaml"), given)


def fails(stack: Stack, logical_id: str) -> str:
    """Creating it fails; the Reason."""
    assert stack.create() in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
    return stack.reason(logical_id=logical_id)


def works(stack: Stack) -> None:
    """With the permission the same succeeds, and is gone afterwards."""
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.create() == "CREATE_COMPLETE", stack.template
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("action", ON_THE_FOLLOWER)
def test_a_follower_that_cannot_be_called_says_which_action(launched, action):
    stack = another(launched, "follower/replication", f"f{action[-3:].lower()}", Index="books", WhenIndexDeleted="StopAndDelete")
    with without(launched, "follower/data-provider", action):
        assert action in fails(stack, "FollowerIndex")
    works(stack)


@pytest.mark.parametrize("action", ON_THE_LEADER)
def test_a_leader_that_cannot_be_compared_says_which_action(launched, action):
    stack = another(launched, "follower/replication", f"l{action[-3:].lower()}", Index="papers", WhenIndexDeleted="StopAndDelete")
    with without(launched, "leader/data-provider", action):
        assert action in fails(stack, "FollowerIndex")
    works(stack)


@pytest.mark.parametrize("path", TO_ASK)
def test_a_leaders_function_that_may_not_be_asked_says_so(launched, path):
    stack = another(launched, "follower/replication", f"a{path[0]}", Pattern="paper*", WhenRuleDeleted="Stop")
    with without(launched, path, TO_ASK[path]):
        assert TO_ASK[path].partition(":")[2] in fails(stack, "Rule")
    works(stack)
    # What has stopped following cannot begin again in the next test.
    launched.domain("follower")("DELETE", "/papers")


@pytest.mark.parametrize("side", ["leader", "follower"])
def test_a_role_that_cannot_be_mapped_says_so(launched, side):
    somebody = f"arn:aws:iam::{launched.place(side).account}:role/somebody"
    nobody = {"LeaderBackendRoles": "", "FollowerBackendRoles": "", "AdministratorArns": somebody}
    stack = another(launched, f"{side}/role-mappings", f"m{side}", **nobody)
    with without(launched, f"{side}/data-provider", TO_MAP):
        assert TO_MAP in fails(stack, "Administrating")
    works(stack)


def test_a_rule_that_cannot_be_deleted_says_so(launched):
    stack = another(launched, "follower/replication", "undeleted", Pattern="nothing-*")
    assert stack.create() == "CREATE_COMPLETE"
    with without(launched, "follower/data-provider", TO_DELETE):
        assert stack.delete() == "DELETE_FAILED"
        assert TO_DELETE in stack.reason("DELETE_FAILED", "Rule")
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_reading_of_the_leader_is_closed(launched):
    """Without the right to it the point in time stays open, and the function's log says so."""
    stack = another(launched, "follower/replication", "unclosed", Index="papers", WhenIndexDeleted="StopAndDelete")
    group = launched.deployment.outputs("leader/data-provider")["LogGroupName"]
    logs = launched.aws("logs", launched.place("leader"))
    with without(launched, "leader/data-provider", TO_DELETE):
        stack.create()
    said = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert any(TO_DELETE in message for message in said)
    assert stack.delete() == "DELETE_COMPLETE"
