"""Who may ask a function about its side may do nothing else, and it calls its own domains, with its own secrets, only."""

from __future__ import annotations

import json
import uuid

import pytest

from .documents import some, until_equal, write
from .resources import LEADER_ROLE

SHAPE = {"Shape": {"Index": "books"}}


@pytest.fixture
def ask(aws, function, bare):
    """What the function answers; the leader is asked about, as the function itself, unless told otherwise."""

    def run(question: dict = SHAPE, arn: str = "", **more: str) -> dict:
        asked = {"Version": 1, "Asks": question}
        event = {"Tandem": "Compare", "Endpoint": bare.leader.endpoint, "Region": bare.leader.region, "Question": asked, **more}
        return invoke(aws, arn or function.questions_arn, event)

    return run


def invoke(aws, arn: str, event: dict) -> dict:
    return json.loads(aws("lambda").invoke(FunctionName=arn, Payload=json.dumps(event).encode())["Payload"].read())


@pytest.mark.parametrize("given", ["questions_arn", "arn"])
def test_a_leader_that_is_asked_through_a_function_is_compared(pair, make_stack, resources, function, given):
    """The ARN of the function itself leads to its alias."""
    write(pair.leader, "books", some(20))
    stack = make_stack(Index=resources.index("books", LeaderFunctionArn=getattr(function, given)))
    stack.must_create()
    assert (stack.outputs["IndexDocuments"], stack.outputs["IndexDifferences"]) == ("20", "0")
    until_equal(pair, "books")


def test_a_question_is_answered_through_the_alias_and_nowhere_else(pair, ask, function):
    write(pair.leader, "books", some(20))
    assert ask()["Answer"]["What"]["Shape"]["Documents"] == 20
    for elsewhere in (function.arn, f"{function.arn}:$LATEST"):
        problem = ask(arn=elsewhere)["Problem"]
        assert "only through its alias `questions`" in problem["Sentence"]
        assert problem["Hint"] == "Ask QuestionsArn, an output of its provider.yaml."


def test_what_cloudformation_sends_is_refused_through_the_alias(bare, aws, function, secret, sandbox):
    """Neither is anything changed, nor is anybody answered."""
    event = {
        "RequestType": "Create",
        "ResponseURL": f"{sandbox.endpoint}/_sandbox/response/forged",
        "StackId": f"arn:aws:cloudformation:us-west-2:222222222222:stack/forged/{uuid.uuid4()}",
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": "Map",
        "ResourceType": "Custom::RoleMapping",
        "ResourceProperties": {
            "ServiceToken": function.arn,
            "Endpoint": bare.leader.endpoint,
            "Region": bare.leader.region,
            "MasterSecretArn": secret,
            "Role": LEADER_ROLE,
            "BackendRoles": ["arn:aws:iam::333333333333:role/intruder"],
        },
    }
    answers = len(sandbox.control("/journal?kind=answer")["entries"])
    refused = invoke(aws, function.questions_arn, event)
    assert refused["errorType"] == "NotServed"
    assert "answers questions of comparisons and nothing else" in refused["errorMessage"]
    assert "intruder" not in str(bare.leader("GET", "/_plugins/_security/api/rolesmapping").json())
    assert len(sandbox.control("/journal?kind=answer")["entries"]) == answers


def test_a_domain_that_the_function_is_not_configured_with_is_called_by_neither_door(pair, ask, make_stack, resources):
    for wrong in ("logs.example.com", "127.0.0.1:9001", f"localhost:{pair.leader.endpoint.partition(':')[2]}"):
        problem = ask(Endpoint=wrong)["Problem"]
        assert problem["Sentence"].endswith(f"add `{wrong}` to DomainEndpoints of provider.yaml")
        stack = make_stack(f"to-{len(wrong)}", Index=resources.index("books", Endpoint=wrong))
        assert stack.create() == "ROLLBACK_COMPLETE"
        assert f"add `{wrong}` to DomainEndpoints of provider.yaml" in stack.reason(logical_id="Index")


def test_a_secret_that_the_function_is_not_configured_with_is_read_by_neither_door(bare, ask, aws, make_stack, resources, secret):
    """Though its role may read it."""
    write(bare.leader, "books", some(20))
    assert ask(MasterSecretArn=secret)["Answer"]["What"]["Shape"]["Documents"] == 20
    other = aws("secretsmanager").create_secret(Name="data-scenarios/other", SecretString=json.dumps({"username": "u", "password": "p"}))
    try:
        refused = f"add `{other['ARN']}` to MasterSecretArns of provider.yaml"
        assert refused in ask(MasterSecretArn=other["ARN"])["Problem"]["Sentence"]
        stack = make_stack(Map=resources.mapping(bare.leader, LEADER_ROLE, "arn:aws:iam::222222222222:role/x", MasterSecretArn=other["ARN"]))
        assert stack.create() == "ROLLBACK_COMPLETE"
        assert refused in stack.reason(logical_id="Map")
    finally:
        aws("secretsmanager").delete_secret(SecretId=other["ARN"], ForceDeleteWithoutRecovery=True)


def test_nobody_closes_the_readings_of_everybody(pair, ask):
    write(pair.leader, "books", some(20))
    theirs = pair.leader.must("POST", "/books/_search/point_in_time?keep_alive=5m")["pit_id"]
    refused = ask({"Close": {"Shard": 0, "Point": "_all"}})["Problem"]
    assert refused["Sentence"] == "`_all` is not the id of a point in time"
    points = pair.leader.must("GET", "/_search/point_in_time/_all")["pits"]
    assert [point["pit_id"] for point in points] == [theirs]
    # By its own id it is.
    assert ask({"Close": {"Shard": 0, "Point": theirs}})["Answer"]["What"] == "Closed"
    assert not pair.leader("GET", "/_search/point_in_time/_all").json().get("pits")
