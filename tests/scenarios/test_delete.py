"""Deleting a connection: from every state, only what is ours, and all of it."""

from __future__ import annotations

import pytest

from .aws import FOLLOWER, LEADER
from .deadline import until

STATES = (
    "VALIDATING",
    "VALIDATION_FAILED",
    "PENDING_ACCEPTANCE",
    "APPROVED",
    "PROVISIONING",
    "ACTIVE",
    "REJECTING",
    "REJECTED",
    "DELETING",
    "DELETED",
)
# The service does not delete while it works; the function waits and asks again.
BUSY = ("VALIDATING", "APPROVED", "PROVISIONING")


@pytest.mark.parametrize("state", STATES)
def test_d04_delete_leaves_nothing_whatever_the_state(stack, connections, alias, journal, state):
    stack.create()
    connections.hold(state, alias)
    connections.force(stack.connection_id, state)
    stack.delete(wait=False)
    if state in BUSY:
        until(
            lambda: journal.calls("DeleteOutboundConnection", error="DisabledOperationException"),
            "the service refuses to delete",
        )
        assert stack.status == "DELETE_IN_PROGRESS"
    if state == "DELETING":
        begun = len(journal.calls("DescribeOutboundConnections"))
        until(lambda: len(journal.calls("DescribeOutboundConnections")) > begun + 1, "the function waits for the service")
        assert stack.status == "DELETE_IN_PROGRESS"
    connections.release(alias)
    assert stack.deleted() == "DELETE_COMPLETE"
    assert connections.live(alias) == []


@pytest.mark.parametrize("side", ["outbound", "inbound"])
def test_a_connection_that_was_deleted_by_hand_is_a_success(stack, connections, alias, side):
    stack.create()
    connections.delete_by_hand(stack.connection_id, side)
    assert stack.delete() == "DELETE_COMPLETE"
    assert connections.live(alias) == []


def test_the_domains_can_be_deleted_right_after_the_stack(make_provider, make_stack, make_domain, aws, name):
    leader, follower = make_domain(LEADER, f"{name}-lead"), make_domain(FOLLOWER, f"{name}-follow")
    provider = make_provider(name).launch(FollowerDomainName="*", LeaderDomainName="*")
    stack = make_stack(**provider.connection_parameters, FollowerDomainName=follower, LeaderDomainName=leader)
    stack.create()
    opensearch = aws("opensearch", LEADER)
    with pytest.raises(opensearch.exceptions.ClientError, match="has 1 cross-cluster connection"):
        opensearch.delete_domain(DomainName=leader)
    assert stack.delete() == "DELETE_COMPLETE"
    opensearch.delete_domain(DomainName=leader)
    aws("opensearch", FOLLOWER).delete_domain(DomainName=follower)


def test_d06_what_somebody_made_in_place_of_ours_is_not_deleted(stack, connections, alias):
    stack.create()
    connections.delete_by_hand(stack.connection_id)
    theirs = connections.make_by_hand(alias)
    assert stack.delete() == "DELETE_COMPLETE"
    assert connections.only(alias)["id"] == theirs
    assert connections.only(alias)["status"] == "ACTIVE"


def test_delete_of_a_stack_deletes_no_other_connection_of_the_same_domains(make_stack, connections, alias):
    one, two = make_stack("one"), make_stack("two", ConnectionAlias=f"{alias}-two")
    one.create(wait=False)
    two.create()
    assert one.settled() == "CREATE_COMPLETE"
    assert one.delete() == "DELETE_COMPLETE"
    assert connections.live(alias) == []
    assert connections.only(f"{alias}-two")["id"] == two.connection_id
    assert connections.only(f"{alias}-two")["status"] == "ACTIVE"


def test_a_delete_that_runs_out_of_its_time_fails_with_the_last_status_and_a_second_one_goes_through(
    stack, connections, alias
):
    stack.create(TimeoutSeconds="8")
    connections.hold("DELETING", alias)
    assert stack.delete() == "DELETE_FAILED"
    reason = stack.reason("DELETE_FAILED")
    assert f"connection `{alias}` of" in reason and "is not gone" in reason and "last status: DELETING" in reason
    connections.release(alias)
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_stack_of_a_failed_create_is_deleted_without_asking_the_service_for_more(stack, journal):
    stack.template["Resources"]["Connection"]["Properties"]["Allias"] = "x"
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert stack.delete() == "DELETE_COMPLETE"
    assert journal.calls("DeleteOutboundConnection") == []
