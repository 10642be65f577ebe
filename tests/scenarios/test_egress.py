"""A NAT instance that is woken for the work and left as it was found, whoever else is there."""

from __future__ import annotations

import pytest

from .deadline import until


@pytest.fixture
def provider(nat, make_provider, name):
    """A function whose only way out is the NAT instance."""
    return make_provider(name).launch(**nat.provider_parameters)


def turns(journal, nat) -> list[str]:
    """The states that the NAT instance went through, tags aside."""
    entries = [entry for entry in journal.read("instance") if entry["instance"] == nat.id]
    return [entry["state"] for entry in entries if entry["state"] not in ("tagged", "untagged")]


def test_d11_it_is_woken_for_the_work_and_sleeps_again(provider, nat, make_stack, journal):
    stack = make_stack(**provider.connection_parameters)
    for operation in (stack.create, stack.delete):
        seen = len(turns(journal, nat))
        assert operation() in ("CREATE_COMPLETE", "DELETE_COMPLETE")
        nat.becomes("stopped")
        journal.settle()
        assert turns(journal, nat)[seen:] == ["pending", "running", "ready", "stopping", "stopped"]
        assert nat.marks == []


def test_d10_one_that_was_found_running_stays_running(provider, nat, make_stack, journal):
    nat.wake()
    seen = len(turns(journal, nat))
    stack = make_stack(**provider.connection_parameters)
    for operation in (stack.create, stack.delete):
        assert operation() in ("CREATE_COMPLETE", "DELETE_COMPLETE")
        # Letting go takes place after the answer.
        journal.settle()
        assert turns(journal, nat)[seen:] == []
        assert nat.marks == []
    assert nat.state == "running"


@pytest.mark.parametrize(
    ("code", "status", "advice"),
    [
        ("InsufficientInstanceCapacity", 500, "AWS has no free machine of this type in that Availability Zone now"),
        ("VcpuLimitExceeded", 400, "raise the account's quota of vCPUs"),
    ],
)
def test_one_that_cannot_start_fails_the_create_and_says_what_to_do(
    provider, nat, make_stack, sandbox, journal, code, status, advice
):
    fault = {"operation": "StartInstances", "action": "fail", "code": code, "status": status, "message": "Not now."}
    sandbox.control("/faults", fault)
    stack = make_stack(**provider.connection_parameters)
    stack.create(wait=False)
    until(lambda: journal.events(stack.name, "Delete"), "CloudFormation takes the failed Create back")
    # As soon as it can start again, what was not made is not there.
    sandbox.control("/faults", method="DELETE")
    nat.wake()
    assert stack.settled() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert f"cannot wake NAT instance `{nat.id}`" in reason
    assert advice in reason, reason
    assert stack.delete() == "DELETE_COMPLETE"


def test_two_at_once_share_one_and_it_stops_once_after_both(provider, nat, make_stack, connections, journal, alias):
    first, second = (make_stack(which, **provider.connection_parameters, ConnectionAlias=f"{alias}-{which}")
                     for which in ("first", "second"))  # fmt: skip
    connections.hold("VALIDATING", f"{alias}-second")
    first.create(wait=False)
    second.create(wait=False)
    assert first.settled() == "CREATE_COMPLETE"
    connections.requested(f"{alias}-second")
    # The first one has answered and let go; the second one still works.
    until(lambda: len([mark for mark in nat.marks if mark.startswith("tandem:lease:")]) == 1, "the first one lets go")
    assert nat.state == "running"
    connections.release(f"{alias}-second")
    assert second.settled() == "CREATE_COMPLETE"
    nat.becomes("stopped")
    journal.settle()
    assert turns(journal, nat) == ["pending", "running", "ready", "stopping", "stopped"]
    assert nat.marks == []
