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
MAPPING = "Custom::RoleMapping"
CONTROL = [CONNECTION, PEERING]
DATA = [MAPPING, "Custom::FollowerIndex", "Custom::ReplicationRule"]
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


def of(declared, kinds, side):
    return set().union(*(declared[kind][side] for kind in kinds))


def test_d15_the_provider_may_do_exactly_what_the_kinds_and_the_egress_declare(declared):
    connection, peering = declared[CONNECTION], declared[PEERING]
    # A role is mapped on one domain, whichever side that is; leader is what the other kinds read there.
    mapping = declared[MAPPING]["follower"]
    conditional = {"sts:AssumeRole", "secretsmanager:GetSecretValue"}
    assert by_condition("provider.yaml") == {
        None: OF_LAMBDA | (of(declared, CONTROL + DATA, "function") - conditional),
        "ServesControl": connection["follower"],
        "AcceptsInThisAccount": connection["leader"],
        "LeaderIsInAnotherAccount": {"sts:AssumeRole"},
        "AsksInThisAccount": {"lambda:InvokeFunction"},
        "SpeaksToTheFollower": of(declared, DATA, "follower"),
        "SpeaksToTheLeader": mapping | of(declared, DATA, "leader"),
        "HasMasterSecrets": {"secretsmanager:GetSecretValue"},
        "HasNatInstance": declared["egress"],
        "HasTransitGateway": peering["follower"],
        "HasLeaderTransitGatewayInThisAccount": peering["leader"] - LISTING,
        "IsInVpc": OF_LAMBDA_IN_A_VPC,
    }


def test_the_function_says_which_kinds_it_serves_and_every_kind_is_served_by_one(declared):
    function = template("provider.yaml").resources("AWS::Lambda::Function")["Function"]
    condition, control, data = function["Properties"]["Environment"]["Variables"]["KINDS"]["Fn::If"]
    assert condition == "ServesControl"
    assert (control.split(","), data.split(",")) == (CONTROL, DATA)
    assert sorted(CONTROL + DATA) == sorted(set(declared) - {"egress"})


def test_what_is_common_to_both_is_needed_by_both(declared):
    common = {"cloudformation:DescribeStackResource", "lambda:InvokeFunction"}
    common |= {"ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"}
    for kinds in (CONTROL, DATA):
        assert of(declared, kinds, "function") >= common


def places(name, *actions):
    return [
        json.dumps(statement["Resource"])
        for statement in granted(template(name).resources("AWS::IAM::Role")["Role"])
        if set(actions) & set(listed(statement["Action"]))
    ]


def test_d15_a_function_of_data_speaks_to_named_domains_of_its_account_and_to_their_paths_only():
    found = places("provider.yaml", "es:ESHttpGet")
    assert len(found) == 2
    for place, side in zip(found, ("Follower", "Leader"), strict=True):
        assert f":${{AWS::AccountId}}:domain/${{{side}DomainName}}/*" in place


def test_d15_a_function_of_data_reads_named_secrets_and_asks_one_function_through_its_alias():
    assert places("provider.yaml", "secretsmanager:GetSecretValue") == ['{"Ref": "MasterSecretArns"}']
    for name, count in (("provider.yaml", 2), ("accepter-role.yaml", 1)):
        found = places(name, "lambda:InvokeFunction")
        assert len(found) == count
        assert found[-1].endswith(':function:${LeaderFunctionName}:questions"}')
    # By itself it is invoked by nobody else but CloudFormation.
    assert places("provider.yaml", "lambda:InvokeFunction")[0].endswith(':function:${FunctionName}"}')


def test_d15_the_alias_that_is_asked_is_that_of_the_running_function_and_its_arn_is_what_is_given_out():
    alias = template("provider.yaml").resources("AWS::Lambda::Alias")["Questions"]
    assert alias["Properties"] == {"FunctionName": {"Ref": "Function"}, "Name": "questions", "FunctionVersion": "$LATEST"}
    assert template("provider.yaml").section("Outputs")["QuestionsArn"]["Value"] == {"Ref": "Questions"}


def test_d15_the_functions_own_code_may_not_use_what_lambda_needs_in_a_vpc():
    assert by_condition("provider.yaml", "Deny") == {"IsInVpc": OF_LAMBDA_IN_A_VPC}


def test_d15_the_nat_instance_is_the_only_one_that_is_woken():
    found = places("provider.yaml", "ec2:StartInstances", "ec2:StopInstances")
    assert len(found) == 1
    assert found[0].endswith('instance/${NatInstanceId}"}')


CONTROL_HERE = {"ServesControl", "AcceptsInThisAccount"}
CONTROL_ELSEWHERE = {"ServesControl", "LeaderIsInAnotherAccount"}
IN_VPC = {"Egress": "existing", "SubnetIds": "s", "SecurityGroupIds": "g"}
NAT = {**IN_VPC, "Egress": "nat-instance", "NatInstanceId": "i"}
DATA_KINDS = {"Kinds": "data", "FollowerDomainName": "copy", "DomainEndpoints": "copy.example.com"}
OTHER_ACCOUNT = {"LeaderAccountId": "111111111111"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, CONTROL_HERE),
        (OTHER_ACCOUNT, CONTROL_ELSEWHERE),
        (IN_VPC, CONTROL_HERE | {"IsInVpc"}),
        (NAT, CONTROL_HERE | {"IsInVpc", "HasNatInstance"}),
        (
            {"TransitGatewayId": "t", "LeaderTransitGatewayId": "t"},
            CONTROL_HERE | {"HasTransitGateway", "HasLeaderTransitGatewayInThisAccount"},
        ),
        (
            {"TransitGatewayId": "t", "LeaderTransitGatewayId": "t", **OTHER_ACCOUNT},
            CONTROL_ELSEWHERE | {"HasTransitGateway"},
        ),
        (DATA_KINDS, {"SpeaksToTheFollower"}),
        ({**DATA_KINDS, "Sides": "both", "LeaderDomainName": "original"}, {"SpeaksToTheFollower", "SpeaksToTheLeader"}),
        ({**DATA_KINDS, "Sides": "leader", "LeaderDomainName": "original"}, {"SpeaksToTheLeader"}),
        ({**DATA_KINDS, "LeaderFunctionName": "f"}, {"SpeaksToTheFollower", "AsksInThisAccount"}),
        (
            {**DATA_KINDS, "LeaderFunctionName": "f", **OTHER_ACCOUNT},
            {"SpeaksToTheFollower", "LeaderIsInAnotherAccount"},
        ),
        (
            {**DATA_KINDS, **NAT, "MasterSecretArns": "arn"},
            {"SpeaksToTheFollower", "HasMasterSecrets", "IsInVpc", "HasNatInstance"},
        ),
    ],
    ids=[
        "smallest",
        "two accounts",
        "existing egress",
        "NAT instance",
        "peering",
        "peering in two accounts",
        "data",
        "data of both sides",
        "data of the leader",
        "data that asks",
        "data that asks in another account",
        "data behind a NAT instance by secret",
    ],
)
def test_d15_permissions_come_with_the_option_that_needs_them(given, expected):
    provider = template("provider.yaml")
    conditions = set(by_condition("provider.yaml")) - {None}
    assert {condition for condition in conditions if holds(provider, condition, given)} == expected


def test_d16_the_accepter_role_may_do_exactly_what_the_leader_side_needs(declared):
    assert by_condition("accepter-role.yaml") == {
        "ServesControl": declared[CONNECTION]["leader"],
        "ServesData": {"lambda:InvokeFunction"},
        "HasTransitGateway": declared[PEERING]["leader"],
    }


def test_every_action_has_its_older_name(declared):
    for side in ("follower", "leader"):
        actions = declared[CONNECTION][side]
        new = {action for action in actions if "CrossClusterSearch" not in action}
        old = {action.replace("Connection", "CrossClusterSearchConnection") for action in new}
        assert actions == new | old
