"""Changing a connection: what stays, what is changed in place, what is replaced, and the way back."""

from __future__ import annotations

import pytest

from .aws import FOLLOWER, LEADER


@pytest.mark.parametrize(
    "change",
    [{"TimeoutSeconds": "1800"}, {"AdoptExisting": "true"}, {"FollowerRegion": "us-west-2"}],
    ids=lambda change: next(iter(change)),
)
def test_a_change_that_is_none_keeps_the_connection(stack, connections, alias, change):
    stack.create()
    made, history = stack.connection_id, len(connections.only(alias)["history"])
    assert stack.update(**change) == "UPDATE_COMPLETE"
    assert stack.connection_id == made
    assert len(connections.only(alias)["history"]) == history


def test_another_role_for_the_leader_keeps_the_connection(make_provider, make_stack, name):
    provider = make_provider(name).launch()
    stack = make_stack(**provider.connection_parameters)
    stack.create()
    made = stack.connection_id
    provider.rename_role("other")
    assert stack.update(**provider.connection_parameters) == "UPDATE_COMPLETE"
    assert stack.connection_id == made


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        ({"SkipUnavailable": "DISABLED"}, lambda row: row["ConnectionProperties"]["CrossClusterSearch"]["SkipUnavailable"]),
        ({"ConnectionMode": "VPC_ENDPOINT"}, lambda row: row["ConnectionMode"]),
    ],
    ids=["SkipUnavailable", "ConnectionMode"],
)
def test_d07_a_changed_option_is_changed_in_place(stack, connections, alias, change, shows):
    stack.create()
    before, identity = stack.connection_id, stack.resource()["PhysicalResourceId"]
    assert stack.update(**change) == "UPDATE_COMPLETE"
    assert stack.connection_id != before
    assert connections.only(alias)["id"] == stack.connection_id
    made = connections.outbound(stack.connection_id)
    assert made["ConnectionStatus"]["StatusCode"] == "ACTIVE"
    assert shows(made) == next(iter(change.values()))
    assert stack.resource()["PhysicalResourceId"] == identity


def test_d07_another_leader_behind_the_same_alias_is_changed_in_place(stack, connections, make_domain, name, alias):
    stack.create()
    before = stack.connection_id
    other = make_domain(LEADER, f"{name}-other")
    assert stack.update(LeaderDomainName=other) == "UPDATE_COMPLETE"
    (now,) = connections.live(alias)
    assert now["id"] == stack.connection_id != before
    assert now["remote"]["name"] == other
    assert now["status"] == "ACTIVE"
    assert stack.delete() == "DELETE_COMPLETE"


def test_d07_another_alias_is_a_replacement_and_the_old_connection_is_gone(stack, connections, journal, alias):
    stack.create()
    identity = stack.resource()["PhysicalResourceId"]
    assert stack.update(ConnectionAlias=f"{alias}-new") == "UPDATE_COMPLETE"
    assert connections.live(alias) == []
    assert connections.only(f"{alias}-new")["id"] == stack.connection_id
    assert stack.resource()["PhysicalResourceId"] == f"{identity}-new"
    update, delete = journal.events(stack.name)[1:]
    assert (update["request_type"], delete["request_type"], delete["physical_id"]) == ("Update", "Delete", identity)


def test_another_follower_is_a_replacement(make_provider, make_stack, make_domain, connections, name, alias):
    second = make_domain(FOLLOWER, f"{name}-second")
    provider = make_provider(name).launch(FollowerDomainName="*")
    stack = make_stack(**provider.connection_parameters)
    stack.create()
    assert stack.update(FollowerDomainName=second) == "UPDATE_COMPLETE"
    now = connections.only(alias)
    assert (now["id"], now["local"]["name"], now["status"]) == (stack.connection_id, second, "ACTIVE")
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_failed_change_in_place_is_rolled_back_to_what_was(stack, connections, make_domain, name, alias):
    stack.create()
    plain = make_domain(LEADER, f"{name}-plain", encrypted=False)
    assert stack.update(LeaderDomainName=plain) == "UPDATE_ROLLBACK_COMPLETE"
    assert "does not have node-to-node encryption" in stack.reason("UPDATE_FAILED")
    now = connections.only(alias)
    assert (now["status"], now["remote"]["name"]) == ("ACTIVE", connections.leader)


def test_a_failed_replacement_leaves_the_old_connection_as_it_was(stack, connections, alias):
    stack.create()
    made, history = stack.connection_id, len(connections.only(alias)["history"])
    foreign = connections.make_by_hand(f"{alias}-taken")
    assert stack.update(ConnectionAlias=f"{alias}-taken") == "UPDATE_ROLLBACK_COMPLETE"
    assert f"is taken by connection `{foreign}`" in stack.reason("UPDATE_FAILED")
    assert connections.only(alias)["id"] == made
    assert len(connections.only(alias)["history"]) == history
    assert connections.only(f"{alias}-taken")["id"] == foreign


def test_a_failed_replacement_takes_back_what_it_made(stack, connections, make_domain, name, alias):
    stack.create()
    made = stack.connection_id
    plain = make_domain(LEADER, f"{name}-plain", encrypted=False)
    new = f"{alias}-new"
    assert stack.update(ConnectionAlias=new, LeaderDomainName=plain) == "UPDATE_ROLLBACK_COMPLETE"
    assert connections.live(new) == []
    assert connections.only(alias)["id"] == made
    # The alias is free again.
    free = connections.make_by_hand(new)
    assert connections.only(new)["id"] == free


def test_wrong_properties_of_an_update_change_nothing(stack, connections, alias):
    stack.create()
    made = stack.connection_id
    stack.template["Resources"]["Connection"]["Properties"]["ConnectionMod"] = "DIRECT"
    assert stack.update() == "UPDATE_ROLLBACK_COMPLETE"
    assert "Did you mean `ConnectionMode`?" in stack.reason("UPDATE_FAILED")
    assert connections.only(alias)["id"] == made


def test_a_connection_that_somebody_deleted_is_made_again_by_the_next_update(stack, connections, alias):
    stack.create()
    before = stack.connection_id
    connections.delete_by_hand(before)
    assert stack.update(TimeoutSeconds="1800") == "UPDATE_COMPLETE"
    assert connections.only(alias)["id"] == stack.connection_id != before


def test_another_function_is_refused_and_changes_nothing(stack, make_provider, connections, name, alias):
    stack.create()
    made = stack.connection_id
    provider = make_provider(name).launch()
    status = stack.update(ProviderFunctionArn=provider.connection_parameters["ProviderFunctionArn"])
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "service token" in stack.reason("UPDATE_FAILED").lower()
    assert connections.only(alias)["id"] == made
