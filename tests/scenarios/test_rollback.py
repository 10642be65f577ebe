"""A sibling fails while a connection is being made: CloudFormation deletes what is still being created."""

from __future__ import annotations

import re

import pytest

from .aws import LEADER
from .deadline import until
from .stacks import OWN_TEMPLATES, template

INVENTED = re.compile(r"-Connection-[A-Z0-9]{13}$")


@pytest.fixture
def siblings(make_stack, connections, alias):
    """A stack of two connections; the sibling is going to fail as soon as it is released."""
    connections.decide(f"{alias}-sibling", "VALIDATION_FAILED", "Made to fail.")
    connections.hold("VALIDATING", f"{alias}-sibling")
    return make_stack(content=template(OWN_TEMPLATES / "siblings.yaml"))


@pytest.mark.parametrize("state", ["VALIDATING", "APPROVED", "PROVISIONING"])
def test_d05_a_connection_still_being_made_goes_when_a_sibling_fails(siblings, connections, journal, alias, state):
    connections.hold(state, alias)
    siblings.create(wait=False)
    connections.becomes(alias, state)
    connections.requested(f"{alias}-sibling")
    connections.release(f"{alias}-sibling")
    (delete,) = until(lambda: journal.events(siblings.name, "Delete", "Connection"), "CloudFormation deletes concurrently")
    assert INVENTED.search(delete["physical_id"]), "the Create was not answered, so CloudFormation invented an id"
    until(lambda: journal.calls("DeleteOutboundConnection", error="DisabledOperationException"), "the service refuses")
    connections.release(alias)
    assert siblings.settled() == "ROLLBACK_COMPLETE"
    journal.may_lack_an_answer_to(journal.events(siblings.name, "Create", "Connection")[0]["request_id"])
    journal.settle()
    assert connections.live(alias) == []
    assert connections.live(f"{alias}-sibling") == []


def test_a_create_that_hangs_in_its_request_makes_nothing_after_its_deletion(siblings, connections, sandbox, journal, alias):
    # The sibling fails at once, while the request of the connection is on its way.
    siblings.template["Resources"]["Sibling"]["Properties"]["Allias"] = "unknown"
    sandbox.control("/faults", {"operation": "CreateOutboundConnection", "action": "delay", "seconds": 3})
    assert siblings.create() == "ROLLBACK_COMPLETE"
    journal.may_lack_an_answer_to(journal.events(siblings.name, "Create", "Connection")[0]["request_id"])
    journal.settle()
    assert connections.live(alias) == []


def test_a_finished_connection_goes_when_a_sibling_fails_later(siblings, connections, alias):
    siblings.create(wait=False)
    connections.becomes(alias, "ACTIVE")
    until(lambda: siblings.resource().get("ResourceStatus") == "CREATE_COMPLETE", "the connection is complete")
    connections.release(f"{alias}-sibling")
    assert siblings.settled() == "ROLLBACK_COMPLETE"
    assert "Made to fail." in siblings.reason(logical_id="Sibling")
    assert connections.live(alias) == []


def test_a_change_goes_back_when_a_sibling_fails(siblings, connections, make_domain, name, alias):
    whole = siblings.template
    siblings.template = {**whole, "Resources": {"Connection": whole["Resources"]["Connection"]}}
    siblings.create()
    other = make_domain(LEADER, f"{name}-other")
    siblings.template = whole
    siblings.update(wait=False, LeaderDomainName=other)
    connections.requested(f"{alias}-sibling")
    until(lambda: siblings.resource()["ResourceStatus"] == "UPDATE_COMPLETE", "the change is complete")
    connections.release(f"{alias}-sibling")
    assert siblings.settled() == "UPDATE_ROLLBACK_COMPLETE"
    now = connections.only(alias)
    assert (now["remote"]["name"], now["status"]) == (connections.leader, "ACTIVE")
    siblings.template = {**whole, "Resources": {"Connection": whole["Resources"]["Connection"]}}
    assert siblings.delete() == "DELETE_COMPLETE"


def test_a_change_that_still_runs_when_a_sibling_fails_goes_back(siblings, connections, journal, make_domain, name, alias):
    whole = siblings.template
    siblings.template = {**whole, "Resources": {"Connection": whole["Resources"]["Connection"]}}
    siblings.create()
    other = make_domain(LEADER, f"{name}-other")
    siblings.template = whole
    connections.hold("VALIDATING", alias)
    siblings.update(wait=False, LeaderDomainName=other)
    connections.requested(f"{alias}-sibling")
    until(lambda: connections.live(alias) and connections.only(alias)["remote"]["name"] == other, "the change is under way")
    connections.release(f"{alias}-sibling")
    # Two Updates of the same connection are under way now: the one that was given up and the one back.
    until(lambda: len(journal.events(siblings.name, "Update", "Connection")) == 2, "CloudFormation sends the way back")
    connections.release(alias)
    assert siblings.settled() == "UPDATE_ROLLBACK_COMPLETE"
    given_up = journal.events(siblings.name, "Update", "Connection")[0]
    journal.may_lack_an_answer_to(given_up["request_id"])
    journal.settle()
    now = connections.only(alias)
    assert (now["remote"]["name"], now["status"]) == (connections.leader, "ACTIVE")
    siblings.template = {**whole, "Resources": {"Connection": whole["Resources"]["Connection"]}}
    assert siblings.delete() == "DELETE_COMPLETE"
