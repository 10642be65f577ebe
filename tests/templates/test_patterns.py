"""What the patterns of parameters let through and what they refuse."""

import re

import pytest
from project import template

REGIONS = [
    ("connection.yaml", "FollowerRegion"),
    ("connection.yaml", "LeaderRegion"),
    ("provider.yaml", "FollowerRegion"),
    ("provider.yaml", "LeaderRegion"),
    ("accepter-role.yaml", "LeaderRegion"),
]
ROLE = "arn:aws:iam::222222222222:role/"


def accepts(name, parameter, value):
    return re.search(template(name).section("Parameters")[parameter]["AllowedPattern"], value, re.ASCII) is not None


@pytest.mark.parametrize(("name", "parameter"), REGIONS)
@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "ap-southeast-2", "eusc-de-east-1"])
def test_regions_of_every_partition_are_accepted(name, parameter, region):
    assert accepts(name, parameter, region)


@pytest.mark.parametrize(("name", "parameter"), REGIONS)
@pytest.mark.parametrize("region", ["us-east", "east", "us-east-1a", "US-EAST-1", "us-east-1 ", "us-*-1"])
def test_what_is_no_region_is_refused(name, parameter, region):
    assert not accepts(name, parameter, region)


@pytest.mark.parametrize("role", ["tandem-follower-provider-Role-1ABC", "path/of/several/role", "a+b=c,d.e@f_g"])
def test_the_accepter_role_trusts_one_role(role):
    assert accepts("accepter-role.yaml", "ProviderRoleArn", ROLE + role)


@pytest.mark.parametrize("role", ["", "*", "tandem-*", "tandem-?ole", "${aws:username}"])
def test_the_accepter_role_trusts_no_role_with_wildcards(role):
    assert not accepts("accepter-role.yaml", "ProviderRoleArn", ROLE + role)


@pytest.mark.parametrize("path", ["/tandem/claims", "/claims", "/my/aws/claims"])
def test_a_path_of_claims_is_accepted(path):
    assert accepts("provider.yaml", "ClaimsPath", path)


@pytest.mark.parametrize("path", ["/aws/claims", "/AWS", "/awsome/claims", "/ssm/claims", "/Ssm-claims", "claims", "/a/", "//a"])
def test_a_path_that_ssm_keeps_to_itself_is_refused(path):
    assert not accepts("provider.yaml", "ClaimsPath", path)


PATTERNS = [("replication.yaml", name) for name in ("Pattern", "SecondPattern", "ThirdPattern")]


@pytest.mark.parametrize(("name", "parameter"), PATTERNS)
@pytest.mark.parametrize("pattern", ["", "logs-*", "a*b*c", "2026.11-*", "orders"])
def test_a_pattern_of_indexes_is_accepted(name, parameter, pattern):
    assert accepts(name, parameter, pattern)


@pytest.mark.parametrize(("name", "parameter"), [*PATTERNS, ("replication.yaml", "Index")])
@pytest.mark.parametrize("pattern", ["*", "*-logs", ".kibana*", "_all", "Logs-*", "a,b", "a b", "a/b", "a?", "a:b", 'a"', "-a"])
def test_a_pattern_that_would_match_system_indexes_or_nothing_is_refused(name, parameter, pattern):
    assert not accepts(name, parameter, pattern)


def test_one_index_is_named_without_a_wildcard():
    assert accepts("replication.yaml", "Index", "orders")
    assert not accepts("replication.yaml", "Index", "orders-*")
    assert not accepts("replication.yaml", "FollowerIndexName", "orders-*")


@pytest.mark.parametrize("naming", ["", "{{leader_index}}-copy", "copy-of-{{leader_index}}"])
def test_names_of_followers_hold_the_leaders(naming):
    assert accepts("replication.yaml", "FollowerIndexPattern", naming)


@pytest.mark.parametrize("naming", ["copy", "{{leader}}-copy", "Copy-{{leader_index}}", "{{leader_index}}*"])
def test_names_of_followers_without_the_leaders_are_refused(naming):
    assert not accepts("replication.yaml", "FollowerIndexPattern", naming)


ROLES = [("domain.yaml", "MasterUserArn")] + [
    ("role-mappings.yaml", name)
    for name in ("LeaderBackendRoles", "FollowerBackendRoles", "OperatorBackendRoles", "AdministratorArns")
]


@pytest.mark.parametrize(("name", "parameter"), ROLES)
def test_a_domain_knows_single_roles(name, parameter):
    assert accepts(name, parameter, ROLE + "path/of/role")
    for wrong in ("*", "tandem-*", "tandem-?", "${aws:username}"):
        assert not accepts(name, parameter, ROLE + wrong)


def test_a_function_of_data_calls_hosts():
    for endpoint in ("search-logs-x.us-east-1.es.amazonaws.com", "search-logs-*.us-east-1.es.amazonaws.com", "127.0.0.1:*"):
        assert accepts("provider.yaml", "DomainEndpoints", endpoint)
    for wrong in ("https://logs.example.com", "logs.example.com/path", "logs.example.com:", "user@logs.example.com"):
        assert not accepts("provider.yaml", "DomainEndpoints", wrong)


def test_a_function_is_asked_through_its_alias_for_questions():
    function = "arn:aws:lambda:us-east-1:111111111111:function:tandem-leader-data"
    assert accepts("replication.yaml", "LeaderFunctionArn", f"{function}:questions")
    for wrong in (function, f"{function}:live", f"{function}:$LATEST", f"{function}:questions:questions"):
        assert not accepts("replication.yaml", "LeaderFunctionArn", wrong)


SECRETS = [("provider.yaml", "MasterSecretArns"), ("role-mappings.yaml", "MasterSecretArn")]


@pytest.mark.parametrize(("name", "parameter"), SECRETS)
def test_secrets_are_named_one_by_one(name, parameter):
    secret = "arn:aws:secretsmanager:us-east-1:111111111111:secret:"
    assert accepts(name, parameter, f"{secret}tandem/master-AbCdEf")
    for wrong in ("*", "tandem-*", "tandem-??????"):
        assert not accepts(name, parameter, secret + wrong)
