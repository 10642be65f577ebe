"""Work that needs longer than one invocation goes on in the next; work that needs longer than it may, fails in time."""

from __future__ import annotations

from .deadline import until
from .functions import kill_running

# Long enough for a slow machine to start a process, short enough to be over soon.
SECONDS = "5"


def test_a_create_longer_than_one_invocation_goes_on_in_the_next(make_provider, make_stack, connections, journal, name, alias):
    provider = make_provider(name).launch(FunctionTimeoutSeconds=SECONDS)
    stack = make_stack(**provider.connection_parameters)
    connections.hold("VALIDATING", alias)
    stack.create(wait=False)
    until(lambda: len(journal.calls("InvokeFunction", status=202)) >= 2, "the function goes on twice")
    connections.release(alias)
    assert stack.settled() == "CREATE_COMPLETE"
    assert len(connections.rows(alias)) == 1
    connections.hold("DELETING", alias)
    continued = len(journal.calls("InvokeFunction", status=202))
    stack.delete(wait=False)
    until(lambda: len(journal.calls("InvokeFunction", status=202)) > continued, "the deletion goes on in the next")
    connections.release(alias)
    assert stack.deleted() == "DELETE_COMPLETE"
    journal.settle()
    assert not [i for i in journal.read("invocation") if i["failed"]]


def test_a_create_that_reaches_its_service_timeout_after_several_invocations_fails_with_the_last_status(
    make_provider, make_stack, connections, journal, name, alias
):
    provider = make_provider(name).launch(FunctionTimeoutSeconds=SECONDS)
    stack = make_stack(**provider.connection_parameters)
    connections.hold("VALIDATING", alias)
    stack.create(wait=False, TimeoutSeconds="12")
    until(lambda: journal.events(stack.name, "Delete"), "CloudFormation takes the failed Create back")
    connections.release(alias)
    assert stack.settled() == "ROLLBACK_COMPLETE"
    assert journal.calls("InvokeFunction", status=202)
    reason = stack.reason()
    assert f"connection `{alias}`" in reason and "is not ACTIVE" in reason
    assert "last status: VALIDATING" in reason
    assert "ServiceTimeout" in reason


def test_a_crash_in_the_second_invocation_is_retried_with_its_continuation(
    make_provider, make_stack, sandbox, connections, journal, name, alias
):
    provider = make_provider(name).launch(FunctionTimeoutSeconds=SECONDS)
    stack = make_stack(**provider.connection_parameters)
    connections.hold("VALIDATING", alias)
    stack.create(wait=False)
    until(lambda: journal.calls("InvokeFunction", status=202), "the function goes on")
    looks = len(journal.calls("DescribeOutboundConnections"))
    until(lambda: len(journal.calls("DescribeOutboundConnections")) > looks, "the second invocation looks")
    assert kill_running(sandbox) >= 1
    until(lambda: [i for i in journal.read("invocation") if i["failed"]], "Lambda notices the crash")
    connections.release(alias)
    assert stack.settled() == "CREATE_COMPLETE"
    assert len(connections.rows(alias)) == 1
