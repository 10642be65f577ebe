"""Creating a connection: what counts as success, and what CloudFormation shows when there is none."""

from __future__ import annotations

from .aws import FOLLOWER, LEADER
from .deadline import until


def test_the_connection_is_active_on_both_sides_and_the_stack_says_so(stack, connections):
    assert stack.create() == "CREATE_COMPLETE"
    made = connections.outbound(stack.connection_id)
    assert made["ConnectionStatus"]["StatusCode"] == "ACTIVE"
    assert made["ConnectionMode"] == "DIRECT"
    assert made["ConnectionProperties"]["CrossClusterSearch"]["SkipUnavailable"] == "ENABLED"
    assert connections.inbound(stack.connection_id)["ConnectionStatus"]["StatusCode"] == "ACTIVE"
    assert stack.outputs["Status"] == "ACTIVE"
    assert stack.connection_id in stack.outputs["ReturnMsg"]
    identity = f"connection/{FOLLOWER.account}/{FOLLOWER.region}/{connections.follower}/{made['ConnectionAlias']}"
    assert stack.resource()["PhysicalResourceId"] == identity


def test_d02_nothing_but_active_is_success(stack, connections, alias, journal):
    connections.hold("PROVISIONING", alias)
    stack.create(wait=False)
    connections.becomes(alias, "PROVISIONING")
    accepted = journal.read()[-1]["id"]
    until(lambda: looks(journal, after=accepted) >= 2, "the function looks on after the leader accepted")
    (create,) = journal.events(stack.name)
    assert stack.status == "CREATE_IN_PROGRESS"
    assert journal.answers(create["request_id"]) == []
    connections.release(alias)
    assert stack.settled() == "CREATE_COMPLETE"
    assert stack.outputs["Status"] == "ACTIVE"


def looks(journal, after: int = 0) -> int:
    return len([call for call in journal.calls("DescribeOutboundConnections") if call["id"] > after])


def test_d01_validation_that_fails_is_a_failed_stack_with_the_message_of_the_service(
    stack, connections, make_domain, name, alias
):
    plain = make_domain(LEADER, f"{name}-plain", encrypted=False)
    assert stack.create(LeaderDomainName=plain) == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert "is VALIDATION_FAILED" in reason
    assert f"{plain} ({LEADER.account}, {LEADER.region}) does not have node-to-node encryption enabled" in reason
    assert "Check on both domains: fine-grained access control and node-to-node encryption are on" in reason
    assert connections.live(alias) == []


def test_d01_a_create_that_never_becomes_pending_is_failed_with_the_last_status(stack, connections, alias, journal):
    connections.hold("VALIDATING", alias)
    stack.create(wait=False, TimeoutSeconds="10")
    until(lambda: journal.events(stack.name, "Delete"), "CloudFormation takes the failed Create back")
    connections.release(alias)
    assert stack.settled() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert f"connection `{alias}`" in reason and "is not ACTIVE" in reason
    assert "last status: VALIDATING" in reason


def test_a_leader_domain_that_does_not_exist_is_named(stack, alias, connections):
    assert stack.create(LeaderDomainName="nowhere") == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert "VALIDATION_FAILED" in reason
    assert f"nowhere ({LEADER.account}, {LEADER.region}) does not exist" in reason
    assert connections.live(alias) == []


def test_a_follower_domain_that_does_not_exist_is_named_with_the_properties_to_check(make_provider, make_stack, name):
    provider = make_provider(name).launch(FollowerDomainName="*")
    stack = make_stack(**provider.connection_parameters, FollowerDomainName="nowhere")
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert "Domain not found: nowhere" in reason
    assert "Check LocalDomain, LocalRegion and LocalAccount" in reason


def test_a_leader_who_rejects_is_a_failed_stack_that_says_so(stack, connections, sandbox, alias):
    # The leader's owner is quicker than the function: its acceptance is on the way while the rejection happens.
    sandbox.control("/faults", {"operation": "AcceptInboundConnection", "action": "delay", "seconds": 4})
    stack.create(wait=False)
    connections.becomes(alias, "PENDING_ACCEPTANCE")
    connections.reject_by_hand(connections.only(alias)["id"])
    assert stack.settled() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert "is REJECTED by the leader's side" in reason
    assert "Ask the leader's owner to allow it" in reason


def test_d16_a_wrong_external_id_is_refused_before_anything_is_made(stack, alias, connections):
    assert stack.create(AccepterExternalId="0" * 36) == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert "cannot assume `arn:aws:iam::111111111111:role/tandem-accepter` in the leader's account" in reason
    assert "RemoteExternalId is the ExternalId it demands" in reason
    assert connections.rows(alias) == []


def test_a_role_that_does_not_exist_is_named_with_what_to_check(make_provider, make_stack, connections, name, alias):
    provider = make_provider(name).launch()
    assert provider.role.delete() == "DELETE_COMPLETE"
    parameters = provider.connection_parameters
    stack = make_stack(**parameters)
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert f"cannot assume `{parameters['AccepterRoleArn']}`" in reason
    assert "Check that the role exists" in reason
    assert connections.rows(alias) == []


def test_an_alias_of_another_stack_is_refused_with_its_holder_and_the_holder_keeps_it(make_stack, connections, alias):
    holder, second = make_stack("holder"), make_stack("second")
    assert holder.create() == "CREATE_COMPLETE"
    assert second.create() == "ROLLBACK_COMPLETE"
    reason = second.reason()
    assert f"alias `{alias}`" in reason
    assert f"is managed by resource `Connection` of stack {holder.id}" in reason
    assert connections.only(alias)["id"] == holder.connection_id
    assert connections.only(alias)["status"] == "ACTIVE"
    assert second.delete() == "DELETE_COMPLETE"
    assert connections.only(alias)["status"] == "ACTIVE"
    assert holder.delete() == "DELETE_COMPLETE"


def test_d06_a_connection_made_by_hand_is_refused_and_stays_untouched(stack, connections, alias):
    made = connections.make_by_hand(alias)
    history = len(connections.only(alias)["history"])
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert f"is taken by connection `{made}`" in reason
    assert "Set AdoptExisting to true" in reason
    assert stack.delete() == "DELETE_COMPLETE"
    assert connections.only(alias)["id"] == made
    assert len(connections.only(alias)["history"]) == history


def test_a_connection_made_by_hand_to_another_leader_is_refused_even_for_adoption(
    stack, connections, make_domain, alias, name
):
    elsewhere = make_domain(LEADER, f"{name}-elsewhere")
    made = connections.make_by_hand(alias, leader=elsewhere)
    assert stack.create(AdoptExisting="true") == "ROLLBACK_COMPLETE"
    assert "It leads elsewhere" in stack.reason()
    assert connections.only(alias)["id"] == made
    connections.take_away_what_was_made_by_hand()


def test_an_adopted_connection_is_kept_as_it_is_and_goes_with_the_stack(stack, connections, alias):
    made = connections.make_by_hand(alias)
    assert stack.create(AdoptExisting="true") == "CREATE_COMPLETE"
    assert stack.connection_id == made
    assert stack.delete() == "DELETE_COMPLETE"
    assert connections.live(alias) == []


def test_an_adopted_connection_that_still_waits_is_accepted(stack, connections, alias):
    made = connections.request_by_hand(alias)
    connections.becomes(alias, "PENDING_ACCEPTANCE")
    assert stack.create(AdoptExisting="true") == "CREATE_COMPLETE"
    assert stack.connection_id == made
    assert stack.outputs["Status"] == "ACTIVE"


def test_a_connection_for_reindex_shows_its_endpoint(stack, connections):
    assert stack.create(ConnectionMode="VPC_ENDPOINT") == "CREATE_COMPLETE"
    assert stack.outputs["Endpoint"] == connections.outbound(stack.connection_id)["ConnectionProperties"]["Endpoint"]


def test_wrong_properties_are_all_in_the_reason_and_nothing_is_called(stack, journal):
    properties = stack.template["Resources"]["Connection"]["Properties"]
    properties |= {"ConnectionMod": "DIRECT", "SkipUnavailable": "maybe", "LocalDomain": "UPPER"}
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert "Property ConnectionMod is unknown. Did you mean `ConnectionMode`?" in reason
    assert "Property SkipUnavailable is `maybe`: expected ENABLED or DISABLED." in reason
    assert "Property LocalDomain is `UPPER`: expected the name of a domain" in reason
    assert looks(journal) == 0


def test_d08_other_aliases_domains_and_pages_do_not_hide_the_connection(
    stack, connections, sandbox, make_domain, name, alias
):
    sandbox.control("/behaviour", {"connection_limit": 500})
    # More rows than a page holds, on the same follower and before ours.
    for number in range(105):
        connections.force(connections.request_by_hand(f"{alias}-{number}"), "DELETED")
    # The same alias on another follower is another connection.
    other = make_domain(FOLLOWER, f"{name}-other")
    made = connections.make_by_hand(alias, follower=other)
    assert stack.create() == "CREATE_COMPLETE"
    assert stack.connection_id != made
    assert stack.delete() == "DELETE_COMPLETE"
    assert connections.only(alias)["id"] == made
    connections.take_away_what_was_made_by_hand()
