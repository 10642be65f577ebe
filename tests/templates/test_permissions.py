"""The roles allow exactly what the kinds declare, no action more and none less."""

import json

import pytest
from evaluation import holds
from project import EGRESS_PERMISSIONS, PERMISSIONS, template
from rules import granted, listed

# What Lambda itself does with the function's role; no code of ours calls these.
OF_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
OF_LAMBDA_IN_A_VPC = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
CONNECTION = "Custom::CrossClusterConnection"
PEERING = "Custom::TransitGatewayPeering"
# Seen with one statement for both sides, because where they are seen is not a place that a policy can name.
LISTING = {"ec2:DescribeTransitGatewayAttachments", "ec2:DescribeTransitGatewayPeeringAttachments"}


@pytest.fixture(name="declared")
def declared_by_the_kinds():
    of_kinds = {
        kind: {side: set(actions) for side, actions in sides.items()}
        for kind, sides in json.loads(PERMISSIONS.read_text()).items()
    }
    return {**of_kinds, "egress": set(json.loads(EGRESS_PERMISSIONS.read_text()))}


def by_condition(name, effect="Allow"):
    """What a role may do, by the condition under which it may; None is always."""
    found = {}
    for policy in template(name).resources("AWS::IAM::Role")["Role"]["Properties"]["Policies"]:
        outer, policy = conditional(policy)
        for entry in policy["PolicyDocument"]["Statement"]:
            inner, statement = conditional(entry)
            assert outer is None or inner is None
            if statement["Effect"] == effect:
                found.setdefault(outer or inner, set()).update(listed(statement["Action"]))
    return found


def conditional(entry):
    if "Fn::If" not in entry:
        return None, entry
    condition, then, otherwise = entry["Fn::If"]
    assert otherwise == {"Ref": "AWS::NoValue"}
    return condition, then


def test_d15_the_provider_may_do_exactly_what_the_kinds_and_the_egress_declare(declared):
    connection, peering = declared[CONNECTION], declared[PEERING]
    assert by_condition("provider.yaml") == {
        None: OF_LAMBDA | connection["follower"] | (connection["function"] | peering["function"]) - {"sts:AssumeRole"},
        "LeaderIsInThisAccount": connection["leader"],
        "LeaderIsInAnotherAccount": {"sts:AssumeRole"},
        "HasNatInstance": declared["egress"],
        "HasTransitGateway": peering["follower"],
        "HasLeaderTransitGatewayInThisAccount": peering["leader"] - LISTING,
        "IsInVpc": OF_LAMBDA_IN_A_VPC,
    }


def test_d15_the_functions_own_code_may_not_use_what_lambda_needs_in_a_vpc():
    assert by_condition("provider.yaml", "Deny") == {"IsInVpc": OF_LAMBDA_IN_A_VPC}


def test_d15_the_nat_instance_is_the_only_one_that_is_woken():
    places = [
        json.dumps(statement["Resource"])
        for statement in granted(template("provider.yaml").resources("AWS::IAM::Role")["Role"])
        if {"ec2:StartInstances", "ec2:StopInstances"} & set(listed(statement["Action"]))
    ]
    assert len(places) == 1
    assert places[0].endswith('instance/${NatInstanceId}"}')


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"LeaderIsInThisAccount"}),
        ({"LeaderAccountId": "111111111111"}, {"LeaderIsInAnotherAccount"}),
        ({"Egress": "existing", "SubnetIds": "s", "SecurityGroupIds": "g"}, {"LeaderIsInThisAccount", "IsInVpc"}),
        (
            {"Egress": "nat-instance", "SubnetIds": "s", "SecurityGroupIds": "g", "NatInstanceId": "i"},
            {"LeaderIsInThisAccount", "IsInVpc", "HasNatInstance"},
        ),
        (
            {"TransitGatewayId": "t", "LeaderTransitGatewayId": "t"},
            {"LeaderIsInThisAccount", "HasTransitGateway", "HasLeaderTransitGatewayInThisAccount"},
        ),
        (
            {"TransitGatewayId": "t", "LeaderTransitGatewayId": "t", "LeaderAccountId": "111111111111"},
            {"LeaderIsInAnotherAccount", "HasTransitGateway"},
        ),
    ],
    ids=["smallest", "two accounts", "existing egress", "NAT instance", "peering", "peering in two accounts"],
)
def test_d15_permissions_come_with_the_option_that_needs_them(given, expected):
    provider = template("provider.yaml")
    conditions = set(by_condition("provider.yaml")) - {None}
    assert {condition for condition in conditions if holds(provider, condition, given)} == expected


def test_d16_the_accepter_role_may_do_exactly_what_the_leader_side_needs(declared):
    assert by_condition("accepter-role.yaml") == {
        None: declared[CONNECTION]["leader"],
        "HasTransitGateway": declared[PEERING]["leader"],
    }


def test_every_action_has_its_older_name(declared):
    for side in ("follower", "leader"):
        actions = declared[CONNECTION][side]
        new = {action for action in actions if "CrossClusterSearch" not in action}
        old = {action.replace("Connection", "CrossClusterSearchConnection") for action in new}
        assert actions == new | old
