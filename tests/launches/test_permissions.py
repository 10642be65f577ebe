"""Every permission of the functions of data is needed: without it a stack fails, and its Reason says what to allow."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from scenarios.stacks import TEMPLATES, Stack, template

from .launched import Launched
from .narrowing import assumed, without
from .needed import ON_THE_FOLLOWER, ON_THE_LEADER, TO_ASK, TO_DELETE, TO_MAP

# One worker: it launches what all of these are tried on.
pytestmark = pytest.mark.xdist_group("permissions of data")
_numbers, _sizes = itertools.count(1), itertools.count(257)


@pytest.fixture(scope="module")
def launched(launching) -> Iterator[Launched]:
    with launching("two accounts", pattern="logs-*") as made:
        made.deployment.launch("leader/role-mappings.yaml")
        made.domain("leader").write("books", 5)
        made.domain("leader").write("papers", 5)
        made.deployment.launch("")
        yield made


@pytest.fixture
def another(launched) -> Iterator[Callable[..., Stack]]:
    """Stacks beside the deployed one, of the same template, with other parameters: `another("follower/replication", …)`."""
    made = []

    def make(path: str, **parameters: str) -> Stack:
        client = launched.aws("cloudformation", launched.place(path.partition("/")[0]))
        name = f"beside{next(_numbers)}"
        given = launched.deployment.parameters(path) | {"RuleNamePrefix": f"{name}-", "Pattern": ""} | parameters
        made.append(Stack(client, f"{launched.deployment.project}-{name}", template(TEMPLATES / f"{path.partition('/')[2]}.yaml"), given))
        return made[-1]

    yield make
    for stack in made:
        if stack.id and stack.status != "DELETE_COMPLETE":
            stack.delete()


def fails(stack: Stack, logical_id: str) -> str:
    """Creating it fails; the Reason."""
    assert stack.create() in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
    return stack.reason(logical_id=logical_id)


def failures(stack: Stack) -> list[str]:
    events = stack.client.describe_stack_events(StackName=stack.id)["StackEvents"]
    return [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]


def works(stack: Stack) -> None:
    """With the permission the same succeeds, and is gone afterwards."""
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.create() == "CREATE_COMPLETE", failures(stack)
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("action", ON_THE_FOLLOWER)
def test_a_follower_that_cannot_be_called_says_which_action(launched, another, action):
    stack = another("follower/replication", Index="books", WhenIndexDeleted="StopAndDelete")
    with without(launched, "follower/data-provider", action):
        assert action in fails(stack, "FollowerIndex")
    works(stack)


@pytest.mark.parametrize("action", ON_THE_LEADER)
def test_a_leader_that_cannot_be_compared_says_which_action(launched, another, action):
    stack = another("follower/replication", Index="papers", WhenIndexDeleted="StopAndDelete")
    with without(launched, "leader/data-provider", action):
        assert action in fails(stack, "FollowerIndex")
    works(stack)


@pytest.mark.parametrize("path", TO_ASK)
def test_a_leaders_function_that_may_not_be_asked_says_so(launched, another, path):
    stack = another("follower/replication", Pattern="paper*", WhenRuleDeleted="Stop")
    # A process of the function that has the role's credentials already would go on with them.
    functions = launched.aws("lambda", launched.deployment.follower)
    functions.update_function_configuration(FunctionName=f"{launched.deployment.project}-follower-data", MemorySize=next(_sizes))
    with without(launched, path, TO_ASK[path]):
        assert TO_ASK[path].partition(":")[2] in fails(stack, "Rule")
    # What has stopped following cannot begin again, neither now nor in the next test.
    launched.domain("follower")("DELETE", "/papers")
    works(stack)
    launched.domain("follower")("DELETE", "/papers")


@pytest.mark.parametrize("side", ["leader", "follower"])
def test_a_role_that_cannot_be_mapped_says_so(launched, another, side):
    somebody = f"arn:aws:iam::{launched.place(side).account}:role/somebody"
    nobody = {"LeaderBackendRoles": "", "FollowerBackendRoles": "", "AdministratorArns": somebody}
    stack = another(f"{side}/role-mappings", **nobody)
    with without(launched, f"{side}/data-provider", TO_MAP):
        assert TO_MAP in fails(stack, "Administrating")
    works(stack)


def test_a_rule_that_cannot_be_deleted_says_so(launched, another):
    stack = another("follower/replication", Pattern="nothing-*")
    assert stack.create() == "CREATE_COMPLETE"
    with without(launched, "follower/data-provider", TO_DELETE):
        assert stack.delete() == "DELETE_FAILED"
        assert TO_DELETE in stack.reason("DELETE_FAILED", "Rule")
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_reading_of_the_leader_is_closed(launched, another):
    """Without the right to it a point in time stays open until it ends by itself, and keeps what the leader would drop."""
    leader = launched.domain("leader")

    def left_open() -> int:
        """How many readings a comparison leaves open on the leader."""
        stack = another("follower/replication", Index="papers", WhenIndexDeleted="StopAndDelete")
        assert stack.create() == "CREATE_COMPLETE", failures(stack)
        assert stack.delete() == "DELETE_COMPLETE"
        count = len(leader.must("GET", "/_search/point_in_time/_all").get("pits", []))
        leader("DELETE", "/_search/point_in_time/_all")
        return count

    with without(launched, "leader/data-provider", TO_DELETE):
        assert left_open() > 0
    assert left_open() == 0


def test_who_may_ask_the_leaders_function_may_do_nothing_else_with_it(launched):
    """The accepter role, as it is deployed: it asks, and can neither send what CloudFormation sends nor ask by another door."""
    place, leader = launched.place("leader"), launched.domain("leader")
    said = launched.deployment.outputs("leader/data-provider")
    function, questions = said["FunctionArn"], said["QuestionsArn"]
    question = {"Tandem": "Compare", "Endpoint": leader.endpoint, "Region": place.region, "Question": {"Version": 1, "Asks": {"Shape": {"Index": "books"}}}}
    forged = {
        "RequestType": "Create",
        "ResponseURL": f"{launched.sandbox.endpoint}/_sandbox/response/forged",
        # It does not exist, as after the deletion of a stack that was given up.
        "StackId": f"arn:aws:cloudformation:{place.region}:{place.account}:stack/forged/{uuid.uuid4()}",
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": "Everything",
        "ResourceType": "Custom::RoleMapping",
        "ResourceProperties": {
            "ServiceToken": function,
            "Endpoint": leader.endpoint,
            "Role": "all_access",
            "BackendRoles": ["arn:aws:iam::999999999999:role/intruder"],
        },
    }
    with assumed(launched, "leader/data-accepter-role") as keys:
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], place.region)
        client = session.client("lambda", endpoint_url=launched.sandbox.endpoint)

        def sent(event: dict, arn: str) -> dict:
            answer = client.invoke(FunctionName=arn, Payload=json.dumps(event).encode())
            return json.loads(answer["Payload"].read())

        assert sent(question, questions)["Answer"]["What"]["Shape"]["Documents"] == 5
        assert "answers questions of comparisons and nothing else" in sent(forged, questions)["errorMessage"]
        for arn in (function, f"{function}:$LATEST"):
            for event in (question, forged):
                with pytest.raises(ClientError) as caught:
                    sent(event, arn)
                assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    # What it would have changed is the mapping that its administrators show.
    assert "intruder" not in str(leader.must("GET", "/_plugins/_security/api/rolesmapping"))
