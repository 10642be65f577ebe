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
