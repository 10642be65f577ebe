"""From a vars file to a connection and back to nothing, with Sceptre as a user runs it."""

from __future__ import annotations

import pytest

from .aws import FOLLOWER, LEADER, Place
from .deadline import until
from .stacks import OWN_TEMPLATES, Stack, template

CONNECTION = "follower/connection.yaml"


@pytest.fixture
def connected(base, connections, alias, reset):
    """Sceptre's connection stack, taken down whatever the scenario did to it."""
    base.variables["connection_alias"] = alias
    yield base
    reset()
    base.delete(CONNECTION)


def test_d19_two_accounts_and_two_regions_are_connected_with_no_edit_between_the_stacks(connected, connections, alias):
    connected.launch(CONNECTION)
    made = connected.outputs("follower/connection")["ConnectionId"]
    assert connections.outbound(made)["ConnectionStatus"]["StatusCode"] == "ACTIVE"
    assert connections.inbound(made)["ConnectionStatus"]["StatusCode"] == "ACTIVE"
    assert connections.only(alias)["remote"]["account"] == LEADER.account
    # The one edit a user ever makes is in the vars file.
    connected.variables["connection_alias"] = f"{alias}-new"
    connected.launch(CONNECTION)
    assert connections.live(alias) == []
    assert connections.only(f"{alias}-new")["status"] == "ACTIVE"


def test_a_failed_launch_shows_the_reason_and_exits_with_an_error_and_the_next_one_goes_through(
    connected, connections, alias
):
    taken = connections.make_by_hand(alias)
    done = connected.run("launch", "-y", CONNECTION)
    assert done.returncode == 1
    assert f"is taken by connection `{taken}`" in done.stdout + done.stderr
    assert connected.described("follower/connection")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert connections.only(alias)["id"] == taken
    connections.take_away_what_was_made_by_hand()
    connected.launch(CONNECTION)
    assert connections.only(alias)["id"] == connected.outputs("follower/connection")["ConnectionId"]


def test_a_connection_that_cannot_be_deleted_keeps_what_it_needs(connected, connections, alias):
    connected.variables["connection_timeout_seconds"] = 10
    try:
        connected.launch(CONNECTION)
        connections.hold("DELETING", alias)
        done = connected.run("delete", "-y", CONNECTION)
        assert done.returncode != 0
        assert "is still there (DELETE_FAILED)" in done.stdout + done.stderr
        assert "last status: DELETING" in done.stdout + done.stderr
    finally:
        del connected.variables["connection_timeout_seconds"]


def test_one_account_needs_no_role_and_serves_the_template_of_the_sample(deploy, sandbox, aws):
    """Everything comes up, the domains among them, and everything goes down in one command each."""
    leader, follower = Place("333333333333", "us-east-1"), Place("333333333333", "us-west-2")
    solo = deploy("solo", leader, follower)
    try:
        solo.launch("")
        made = solo.outputs("follower/connection")
        rows = sandbox.control("/connections?alias=leader")["connections"]
        (row,) = [row for row in rows if row["local"]["account"] == follower.account]
        assert (row["id"], row["status"]) == (made["ConnectionId"], "ACTIVE")
        assert (row["local"]["account"], row["remote"]["account"]) == (follower.account, leader.account)
        assert (row["local"]["region"], row["remote"]["region"]) == (follower.region, leader.region)
        assert not [item for item in sandbox.control("/leftovers")["items"] if "solo-accepter" in item]
        sample = Stack(
            aws("cloudformation", follower),
            "solo-sample",
            template(OWN_TEMPLATES / "sample.yaml"),
            {
                "LambdaArn": solo.outputs("follower/provider")["FunctionArn"],
                "Alias": "from-the-sample",
                "LocalDomain": solo.variables["follower"]["domain_name"],
                "RemoteDomain": solo.variables["leader"]["domain_name"],
                "RemoteAccount": leader.account,
                "RemoteRegion": leader.region,
            },
        )
        assert sample.create() == "CREATE_COMPLETE"
        assert "ACTIVE" in sample.outputs["ReturnMsg"]
        assert sample.delete() == "DELETE_COMPLETE"
        assert [r["status"] for r in sandbox.control("/connections?alias=from-the-sample")["connections"]] == ["DELETED"]
    finally:
        solo.delete("")


def test_one_region_of_one_account(make_provider, make_stack, make_domain, connections, name, alias):
    leader = make_domain(FOLLOWER, f"{name}-lead")
    provider = make_provider(name).launch(
        LeaderAccountId="", LeaderRegion=FOLLOWER.region, LeaderDomainName=leader
    )
    stack = make_stack(
        **provider.connection_parameters | {"LeaderRegion": ""},
        LeaderAccountId="",
        LeaderDomainName=leader,
        AccepterRoleArn="",
        AccepterExternalId="",
    )
    assert stack.create() == "CREATE_COMPLETE"
    row = connections.only(alias)
    assert (row["status"], row["remote"]["region"], row["remote"]["account"]) == ("ACTIVE", *reversed(FOLLOWER))
    until(lambda: connections.inbound(row["id"], FOLLOWER)["ConnectionStatus"]["StatusCode"] == "ACTIVE", "both sides agree")
    assert stack.delete() == "DELETE_COMPLETE"
