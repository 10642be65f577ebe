"""How an event reaches the function and how its answer comes back."""

from __future__ import annotations

import json
import time

import pytest

from sandbox.process import ControlError

from .conftest import until


def answers(stack):
    return stack.sandbox.control(f"/journal?kind=answer&stack_id={stack.id}")["entries"]


def invocations(stack, request):
    return stack.sandbox.control(f"/journal?kind=invocation&request_id={request['request_id']}")["entries"]


def test_a_content_type_breaks_the_signature(stack):
    assert stack.create({"Thing": {"OnCreate": "content-type"}}) == "CREATE_COMPLETE"
    refused, taken = answers(stack)
    assert (refused["http_status"], refused["content_type"]) == (403, "application/json")
    assert taken["http_status"] == 200


def test_an_answer_over_4096_bytes_fails_the_resource(stack):
    assert stack.create({"Thing": {"OnCreate": "long"}}) == "ROLLBACK_COMPLETE"
    assert "Response object is too long." in stack.reasons("Thing")


def test_a_second_answer_is_forbidden(stack):
    stack.create({"Thing": {"OnCreate": "twice"}})
    until(lambda: [a["http_status"] for a in answers(stack)] == [200, 403])


def test_a_late_answer_can_be_taken_and_ignored(stack, sandbox):
    sandbox.control("/behaviour", {"late_answer": "accepted"})
    stack.create({"Thing": {"OnCreate": "twice"}})
    until(lambda: [a["http_status"] for a in answers(stack)] == [200, 200])


def test_a_crash_is_retried_twice_with_the_same_event(stack):
    assert stack.create({"Thing": {"OnCreate": "crash-times=2"}}) == "CREATE_COMPLETE"
    (event,) = stack.sent()
    attempts = until(lambda: len(found := invocations(stack, event)) == 3 and found)
    assert [a["error_type"] for a in attempts] == ["Runtime.ExitError", "Runtime.ExitError", None]


def test_a_crash_every_time_ends_at_the_service_timeout(stack):
    assert stack.create({"Thing": {"OnCreate": "crash", "ServiceTimeout": 2}}) == "ROLLBACK_COMPLETE"
    assert len(invocations(stack, stack.sent()[0])) == 3


def test_the_function_may_forbid_retries_and_name_a_destination(stack, aws, function, name):
    queue = aws("sqs").create_queue(QueueName=f"failures-{name}")["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function,
        Qualifier="$LATEST",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )

    def run(stack_suffix):
        stack.name += stack_suffix
        stack.create({"Thing": {"OnCreate": "crash", "ServiceTimeout": 1}})
        assert len(invocations(stack, stack.sent()[0])) == 2

    run("-refused")
    until(lambda: stack.sandbox.control("/journal?kind=note")["entries"])
    assert "Messages" not in aws("sqs").receive_message(QueueUrl=queue)
    policy = {"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}]}
    role = function.rpartition(":")[2]
    aws("iam").put_role_policy(RoleName=f"role-{role}", PolicyName="q", PolicyDocument=json.dumps(policy))
    run("-allowed")
    (message,) = until(lambda: aws("sqs").receive_message(QueueUrl=queue).get("Messages"))
    record = json.loads(message["Body"])
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"]["RequestType"] == "Create"


def test_an_unreachable_response_bucket_makes_the_invocation_fail_and_repeat(stack, sandbox):
    sandbox.control("/response-bucket", {"state": "unavailable"})
    stack.create({"Thing": {}}, wait=False)
    until(lambda: any(a["http_status"] == 503 for a in answers(stack)))
    sandbox.control("/response-bucket", {"state": "reset"})
    until(lambda: any(a["http_status"] == 0 for a in answers(stack)))
    sandbox.control("/response-bucket", {"state": "up"})
    assert stack.settled() == "CREATE_COMPLETE"


def test_events_can_be_delivered_twice(stack, sandbox):
    sandbox.control("/duplicates", {"stack": stack.name, "request_type": "Create", "copies": 2})
    stack.create({"Thing": {}})
    first, second = until(lambda: len(found := stack.sent()) == 2 and found)
    assert first["request_id"] == second["request_id"]
    until(lambda: sorted(a["http_status"] for a in answers(stack)) == [200, 403])


def test_an_event_can_be_delivered_again_much_later(stack, sandbox):
    stack.create({"Thing": {}})
    stack.delete()
    sandbox.control("/redeliver", {"request_id": stack.sent()[0]["request_id"]})
    assert [kind for kind, _ in stack.events()] == ["Create", "Delete", "Create"]
    with pytest.raises(ControlError, match="no event"):
        sandbox.control("/redeliver", {"request_id": "nothing"})


def test_a_function_that_does_not_exist_fails_the_resource(stack):
    token = stack.token + "-gone"
    assert stack.create({"Thing": {"ServiceToken": token}}) == "ROLLBACK_COMPLETE"
    assert any("not found" in reason for reason in stack.reasons("Thing"))


def test_a_function_can_invoke_itself_asynchronously(stack):
    started = time.monotonic()
    assert stack.create({"Thing": {"OnCreate": "self"}}) == "CREATE_COMPLETE"
    assert time.monotonic() - started < 10
    calls = stack.sandbox.control("/journal?kind=call&operation=InvokeFunction")["entries"]
    assert any(":assumed-role/role-fn-" in c["principal"] for c in calls)
