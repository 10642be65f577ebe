"""Events come twice, late or again after a crash; answers meet a bucket that is unwell. One true answer all the same."""

from __future__ import annotations

import json

import pytest

from .deadline import until
from .functions import kill_running


def copies(sandbox, stack, request_type: str, count: int = 3) -> None:
    sandbox.control("/duplicates", {"stack": stack.name, "request_type": request_type, "copies": count})


def test_d03_a_create_that_is_delivered_three_times_makes_one_connection(stack, sandbox, connections, journal, alias):
    copies(sandbox, stack, "Create")
    assert stack.create() == "CREATE_COMPLETE"
    journal.settle()
    assert [row["id"] for row in connections.rows(alias)] == [stack.connection_id]
    assert connections.only(alias)["status"] == "ACTIVE"


def test_a_failing_create_that_is_delivered_three_times_has_one_answer_and_leaves_nothing(
    stack, sandbox, connections, journal, alias
):
    connections.decide(alias, "VALIDATION_FAILED", "Made to fail.")
    copies(sandbox, stack, "Create")
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert "Made to fail." in stack.reason()
    journal.settle()
    assert connections.live(alias) == []


def test_an_update_that_is_delivered_three_times_changes_once(stack, sandbox, connections, journal, alias):
    stack.create()
    copies(sandbox, stack, "Update")
    assert stack.update(SkipUnavailable="DISABLED") == "UPDATE_COMPLETE"
    journal.settle()
    assert connections.only(alias)["id"] == stack.connection_id
    assert connections.only(alias)["status"] == "ACTIVE"
    assert len(connections.rows(alias)) == 2


def test_a_delete_that_is_delivered_three_times_is_one_success(stack, sandbox, connections, journal, alias):
    stack.create()
    copies(sandbox, stack, "Delete")
    assert stack.delete() == "DELETE_COMPLETE"
    journal.settle()
    assert connections.live(alias) == []
    assert [i["failed"] for i in journal.read("invocation")] == [False] * 4


def test_a_create_that_arrives_when_the_stack_is_gone_changes_nothing(stack, sandbox, connections, journal, alias):
    stack.create()
    assert stack.delete() == "DELETE_COMPLETE"
    rows = connections.rows(alias)
    (create,) = journal.events(stack.name, "Create")
    sandbox.control("/redeliver", {"request_id": create["request_id"]})
    journal.settle()
    assert len(connections.rows(alias)) == len(rows)
    assert len(journal.answers(create["request_id"])) == 1


def test_a_create_that_arrives_again_when_the_stack_is_complete_changes_nothing(stack, sandbox, connections, journal, alias):
    stack.create()
    stack.update(SkipUnavailable="DISABLED")
    history = len(connections.only(alias)["history"])
    (create,) = journal.events(stack.name, "Create")
    sandbox.control("/redeliver", {"request_id": create["request_id"]})
    journal.settle()
    assert connections.only(alias)["id"] == stack.connection_id
    assert len(connections.only(alias)["history"]) == history


def test_an_update_that_arrives_again_after_the_next_one_changes_nothing(stack, sandbox, connections, journal, alias):
    stack.create()
    stack.update(SkipUnavailable="DISABLED")
    stack.update(SkipUnavailable="ENABLED")
    first = journal.events(stack.name, "Update")[0]
    sandbox.control("/redeliver", {"request_id": first["request_id"]})
    journal.settle()
    assert connections.only(alias)["id"] == stack.connection_id
    made = connections.outbound(stack.connection_id)
    assert made["ConnectionProperties"]["CrossClusterSearch"]["SkipUnavailable"] == "ENABLED"


def test_a_delete_of_a_replaced_connection_does_not_hit_the_one_that_came_back(stack, sandbox, connections, journal, alias):
    stack.create()
    stack.update(ConnectionAlias=f"{alias}-there")
    stack.update(ConnectionAlias=alias)
    first = journal.events(stack.name, "Delete")[0]
    sandbox.control("/redeliver", {"request_id": first["request_id"]})
    journal.settle()
    assert connections.only(alias)["id"] == stack.connection_id
    assert connections.only(alias)["status"] == "ACTIVE"


@pytest.mark.parametrize("state", ["VALIDATING", "PROVISIONING"])
def test_d03_a_function_that_crashes_is_called_again_and_goes_on_with_what_it_made(
    stack, sandbox, connections, journal, alias, state
):
    connections.hold(state, alias)
    stack.create(wait=False)
    connections.becomes(alias, state)
    begun = len(journal.calls("DescribeOutboundConnections"))
    until(lambda: len(journal.calls("DescribeOutboundConnections")) > begun, "the function looks")
    assert kill_running(sandbox) >= 1
    until(lambda: [i for i in journal.read("invocation") if i["failed"]], "Lambda notices the crash")
    connections.release(alias)
    assert stack.settled() == "CREATE_COMPLETE"
    assert [row["id"] for row in connections.rows(alias)] == [stack.connection_id]


def test_d03_a_function_that_crashes_while_its_request_is_on_the_way_makes_one_connection(
    stack, sandbox, connections, journal, alias
):
    sandbox.control("/faults", {"operation": "CreateOutboundConnection", "action": "delay", "seconds": 1.5, "nth": 1})
    stack.create(wait=False)
    # The claim says twice that there is something to do; then the request goes out.
    until(lambda: len(journal.calls("PutParameter")) >= 2, "the request is about to go out")
    assert kill_running(sandbox) >= 1
    assert stack.settled() == "CREATE_COMPLETE"
    journal.settle()
    assert [row["id"] for row in connections.live(alias)] == [stack.connection_id]


def test_a_function_that_crashes_while_it_deletes_is_called_again_and_finishes(stack, sandbox, connections, journal, alias):
    stack.create()
    connections.hold("DELETING", alias)
    stack.delete(wait=False)
    until(lambda: connections.only(alias)["status"] == "DELETING", "the deletion has begun")
    until(lambda: kill_running(sandbox), "a function runs")
    until(lambda: [i for i in journal.read("invocation") if i["failed"]], "Lambda notices the crash")
    connections.release(alias)
    assert stack.deleted() == "DELETE_COMPLETE"


@pytest.mark.parametrize("state", ["unavailable", "reset"])
def test_an_answer_arrives_when_the_response_bucket_is_back(stack, sandbox, journal, state):
    sandbox.control("/response-bucket", {"state": state})
    stack.create(wait=False)
    until(lambda: len(journal.read("answer")) >= 3, "the answer is tried again")
    sandbox.control("/response-bucket", {"state": "up"})
    assert stack.settled() == "CREATE_COMPLETE"
    journal.settle()
    assert [i["failed"] for i in journal.read("invocation")] == [False]


def test_an_answer_that_could_not_be_delivered_in_one_invocation_is_delivered_by_the_next(
    make_provider, make_stack, sandbox, journal, name
):
    provider = make_provider(name).launch(FunctionTimeoutSeconds="3")
    stack = make_stack(**provider.connection_parameters)
    stack.template["Resources"]["Connection"]["Properties"]["Allias"] = "x"
    sandbox.control("/response-bucket", {"state": "unavailable"})
    stack.create(wait=False)
    (failed,) = until(lambda: journal.read("invocation"), "the invocation fails, so that Lambda tries again")
    assert failed["failed"] and "was not delivered" in failed["error_message"]
    sandbox.control("/response-bucket", {"state": "up"})
    assert stack.settled() == "ROLLBACK_COMPLETE"
    assert "Property Allias is unknown." in stack.reason()


def test_an_event_that_was_given_up_is_kept_in_the_failure_queue(make_provider, make_stack, sandbox, aws, journal, name):
    provider = make_provider(name).launch(FunctionTimeoutSeconds="3")
    stack = make_stack(**provider.connection_parameters)
    stack.template["Resources"]["Connection"]["Properties"]["Allias"] = "x"
    sandbox.control("/response-bucket", {"state": "unavailable"})
    stack.create(wait=False, TimeoutSeconds="30")
    (create,) = until(lambda: journal.events(stack.name, "Create"), "the Create is sent")
    note = until(lambda: journal.read("note", what="on-failure destination"), "Lambda gives the event up")
    assert note[0]["delivered"], note
    queue = provider.function.outputs["FailureQueueUrl"]
    (message,) = aws("sqs").receive_message(QueueUrl=queue)["Messages"]
    kept = json.loads(message["Body"])
    assert kept["requestPayload"]["RequestId"] == create["request_id"]
    assert "was not delivered" in kept["responsePayload"]["errorMessage"]
    # The operator puts it right and sends the event again, before CloudFormation stops waiting.
    sandbox.control("/response-bucket", {"state": "up"})
    sandbox.control("/redeliver", {"request_id": create["request_id"]})
    assert stack.settled() == "ROLLBACK_COMPLETE"
