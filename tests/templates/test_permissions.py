"""The roles allow exactly what the kinds declare, no action more and none less."""

import json

import pytest
from project import PERMISSIONS, template
from rules import granted, listed

# What Lambda itself does with the function's role; no code of ours calls these.
OF_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}


@pytest.fixture(name="declared")
def declared_by_the_kinds():
    kinds = json.loads(PERMISSIONS.read_text())
    return {
        side: {action for kind in kinds.values() for action in kind[side]} for side in ("follower", "leader", "function")
    }


def actions(name):
    role = template(name).resources("AWS::IAM::Role")["Role"]
    return {action for statement in granted(role) for action in listed(statement["Action"])}


def test_d15_the_provider_may_do_exactly_what_the_kinds_declare(declared):
    assert actions("provider.yaml") == OF_LAMBDA | declared["follower"] | declared["leader"] | declared["function"]


def test_d16_the_accepter_role_may_do_exactly_what_the_leader_side_needs(declared):
    assert actions("accepter-role.yaml") == declared["leader"]


def test_in_another_account_the_provider_may_do_nothing_on_the_leader_side_itself(declared):
    role = template("provider.yaml").resources("AWS::IAM::Role")["Role"]
    conditions = {}
    for policy in role["Properties"]["Policies"]:
        for entry in policy["PolicyDocument"]["Statement"]:
            if "Fn::If" in entry:
                condition, statement, otherwise = entry["Fn::If"]
                assert otherwise == {"Ref": "AWS::NoValue"}
                conditions[condition] = set(listed(statement["Action"]))
    assert conditions == {"LeaderIsInThisAccount": declared["leader"], "LeaderIsInAnotherAccount": {"sts:AssumeRole"}}


def test_every_action_has_its_older_name(declared):
    for side in ("follower", "leader"):
        new = {action for action in declared[side] if "CrossClusterSearch" not in action}
        old = {action.replace("Connection", "CrossClusterSearchConnection") for action in new}
        assert declared[side] == new | old
