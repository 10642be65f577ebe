"""Every supported layout renders; in each one every reference is there, the order exists, and nothing has two owners."""

import itertools
import json
import re

import layouts
import pytest
from evaluation import broken, holds
from layouts import ACCOUNTS, EGRESSES
from project import example, launched, outputs_asked_for, parameters, render, template_of
from rules import properties
from sceptre.config.graph import StackGraph
from sceptre.exceptions import SceptreException

LAYOUTS = {name: example(**changes) for name, changes in layouts.LAYOUTS.items()}
# A few in which every two options meet, and in all of them indexes replicate.
REPLICATING = {
    f"{name}, {how}": example(**layouts.replicating(name, how))
    for name in layouts.covering()
    for how in layouts.REPLICATIONS
}
RENDERED = LAYOUTS | REPLICATING
every_layout = pytest.mark.parametrize("variables", RENDERED.values(), ids=RENDERED)


@every_layout
def test_d19_every_reference_is_to_an_output_that_exists_then(variables):
    stacks = launched(render(variables))
    for name, stack in stacks.items():
        declared = template_of(stack).section("Parameters")
        given = parameters(stack)
        assert set(given) <= set(declared), name
        assert {key for key, parameter in declared.items() if "Default" not in parameter} <= set(given), name
        for target, output in outputs_asked_for(stack):
            assert target in stacks, f"{name} refers to {target}, which is not launched"
            found = template_of(stacks[target]).section("Outputs").get(output)
            assert found, f"{target} has no output {output}"
            condition = found.get("Condition")
            if condition:
                assert holds(template_of(stacks[target]), condition, parameters(stacks[target])), (name, target, output)


@every_layout
def test_no_rule_of_a_template_refuses_it(variables):
    stacks = launched(render(variables))
    assert {name: found for name, stack in stacks.items() if (found := broken(template_of(stack), known(stack)))} == {}


@every_layout
def test_there_is_an_order_and_nothing_waits_for_what_is_not_launched(variables):
    stacks = render(variables)
    # A cycle raises.
    StackGraph(set(stacks.values()))
    for stack in launched(stacks).values():
        assert [other.name for other in stack.dependencies if other.ignore or other.obsolete] == []


@every_layout
def test_what_reaches_over_goes_first_when_all_is_deleted(variables):
    # Sceptre deletes in the opposite order: whatever a connection or a peering needs must be launched before it.
    stacks = launched(render(variables))
    for name in ("follower/connection", "leader/connection", "follower/transit-gateway-peering"):
        if name in stacks:
            side, other = ("follower", "leader") if name.startswith("follower") else ("leader", "follower")
            needed = everything_before(stacks[name])
            if name.endswith("/connection"):
                assert needed >= {stack for stack in stacks if stack.endswith("/domain")}
            reached = {f"{side}/provider", f"{side}/egress", f"{other}/accepter-role"}
            assert needed >= reached & set(stacks)
            assert "after_delete" in stacks[name].hooks


@every_layout
def test_what_replicates_goes_before_all_that_it_needs_when_all_is_deleted(variables):
    stacks = launched(render(variables))
    for side, other in (("follower", "leader"), ("leader", "follower")):
        if f"{side}/replication" in stacks:
            needed = everything_before(stacks[f"{side}/replication"])
            mapped = {f"{side}/role-mappings", f"{other}/role-mappings"}
            assert needed >= mapped | {f"{side}/connection", f"{side}/data-provider"}
            # What is not seen is not asked either.
            reached = {f"{side}/egress", f"{other}/data-provider", f"{other}/data-accepter-role"}
            if variables.get("wait_for") != "Syncing":
                assert needed >= reached & set(stacks)
            assert "after_delete" in stacks[f"{side}/replication"].hooks


def everything_before(stack):
    return {name for dependency in stack.dependencies for name in {dependency.name, *everything_before(dependency)}}


@every_layout
def test_no_two_stacks_own_the_same(variables):
    owners = {}
    for name, stack in launched(render(variables)).items():
        for thing in owned(name, stack):
            assert thing not in owners, f"{thing} is owned by {owners[thing]} and {name}"
            owners[thing] = name


# What a resource is apart from its stack: two of these would be one thing.
IDENTITY = {
    "AWS::EC2::Route": ("RouteTableId", "DestinationCidrBlock"),
    "AWS::EC2::SecurityGroupIngress": ("GroupId", "FromPort", "CidrIp", "SourceSecurityGroupId"),
    "AWS::EC2::SecurityGroupEgress": ("GroupId", "FromPort", "CidrIp"),
    "AWS::EC2::TransitGatewayAttachment": ("TransitGatewayId", "VpcId"),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::OpenSearchService::Domain": ("DomainName",),
    "Custom::CrossClusterConnection": ("LocalDomain", "ConnectionAlias"),
    "Custom::FollowerIndex": ("Endpoint", "LeaderIndex"),
    "Custom::ReplicationRule": ("Endpoint", "ConnectionAlias", "Name"),
    "Custom::TransitGatewayPeering": ("LocalTransitGatewayId", "RemoteTransitGatewayId"),
}


def owned(name, stack):
    """The stack itself, and every resource that exists in this layout and can be told from outside."""
    template = template_of(stack)
    place = (stack.profile, stack.region)
    yield (*place, stack.external_name)
    for logical_id, resource in template.resources(*IDENTITY).items():
        if "Condition" in resource and not holds(template, resource["Condition"], known(stack)):
            continue
        given = [properties(resource).get(key) for key in IDENTITY[resource["Type"]]]
        if any(value is not None for value in given):
            yield (*place, resource["Type"], *(identified(name, stack, value) for value in given))


def identified(name, stack, value):
    """What a property refers to: another stack's output, a value of the vars file, or a resource of this stack."""
    if isinstance(value, dict) and set(value) == {"Ref"}:
        given = parameters(stack).get(value["Ref"])
        if isinstance(given, str):
            return given
        if given is not None:
            return (given.dependency_stack_name, given.output_key)
        default = template_of(stack).section("Parameters").get(value["Ref"], {}).get("Default")
        return default if default is not None else (name, value["Ref"])
    return json.dumps(value)


def known(stack):
    """Parameters with the outputs of other stacks told apart, as they will be."""
    return {
        key: value if isinstance(value, str) else f"{value.dependency_stack_name}::{value.output_key}"
        for key, value in parameters(stack).items()
        if isinstance(value, str) or hasattr(value, "output_key")
    }


def test_what_is_switched_off_again_is_taken_down_in_the_order_of_its_references():
    # `sceptre prune` deletes obsolete stacks, and only if nothing that stays refers to them.
    stacks = render(example())
    obsolete = {name for name, stack in stacks.items() if stack.obsolete}
    assert obsolete == set(stacks) - set(launched(stacks))
    assert "leader/network" in everything_before(stacks["leader/transit-gateway"])
    assert "leader/transit-gateway" in everything_before(stacks["follower/transit-gateway-peering"])
    assert "follower/network" in everything_before(stacks["follower/egress"])
    assert "after_delete" in stacks["follower/transit-gateway-peering"].hooks


def test_the_layouts_that_are_launched_have_every_set_of_stacks():
    def stacks_of(names):
        return {(frozenset(launched(render(LAYOUTS[name]))), LAYOUTS[name].get("egress")) for name in names}

    assert stacks_of(layouts.different()) == stacks_of(LAYOUTS)


# ---- What each switch launches ------------------------------------------------------------------------------------

ALWAYS = {"follower/artifacts", "follower/provider", "follower/connection"}
DOMAIN_STACKS = {"leader/domain", "follower/domain"}


def test_three_values_are_enough():
    stacks = launched(
        render({"follower": {"region": "eu-central-1", "domain_name": "copy"}, "leader": {"domain_name": "original"}})
    )
    assert set(stacks) == ALWAYS | DOMAIN_STACKS
    assert {stack.region for stack in stacks.values()} == {"eu-central-1"}
    assert {stack.profile for stack in stacks.values()} == {None}


def test_existing_domains_and_an_existing_vpc_need_three_stacks():
    for egress in EGRESSES.values():
        variables = example(existing_domains=True, **ACCOUNTS["one account"], **egress)
        more = {"follower/network", "follower/egress"} if egress.get("egress") == "nat-instance" else set()
        assert set(launched(render(variables))) == ALWAYS | more
    two = launched(render(example(existing_domains=True, **EGRESSES["existing egress"])))
    assert set(two) == ALWAYS | {"leader/accepter-role"}
    assert parameters(two["follower/provider"])["SubnetIds"] == "subnet-1,subnet-2"


CONTROL = ALWAYS | {"leader/accepter-role", *DOMAIN_STACKS}
DATA = {
    "follower/data-provider",
    "leader/artifacts",
    "leader/data-provider",
    "leader/role-mappings",
    "follower/role-mappings",
    "follower/replication",
}
ONE_PLACE = {"follower__account_id": "111111111111", "leader__region": "us-west-2"}


@pytest.mark.parametrize("key", ["pattern", "second_pattern", "third_pattern", "index"])
def test_what_replicates_launches_a_function_of_data_beside_each_domain(key):
    assert set(launched(render(example()))) == CONTROL
    stacks = launched(render(example(**{key: "logs"})))
    assert set(stacks) == CONTROL | DATA | {"leader/data-accepter-role"}


def test_in_one_account_and_region_one_function_of_data_is_enough():
    stacks = launched(render(example(pattern="logs-*", **ONE_PLACE)))
    assert set(stacks) == ALWAYS | DOMAIN_STACKS | DATA - {"leader/artifacts", "leader/data-provider"}
    function = parameters(stacks["follower/data-provider"])
    assert (function["Sides"], function["LeaderDomainName"]) == ("both", "tandem-leader")
    assert "LeaderFunctionArn" not in parameters(stacks["follower/replication"])
    # In VPCs neither function reaches the other's domain.
    assert set(launched(render(example(pattern="logs-*", network=True, **ONE_PLACE)))) >= DATA


def asked(stack, parameter):
    found = parameters(stack)[parameter]
    return found.dependency_stack_name.removesuffix(".yaml"), found.output_key


@pytest.mark.parametrize("changes", [{}, ONE_PLACE], ids=["two accounts", "one place"])
def test_who_lets_indexes_follow_is_mapped_on_both_sides(changes):
    for reverse in ({}, {"reverse_pattern": "orders-*"}):
        stacks = launched(render(example(pattern="logs-*", **changes, **reverse)))
        follower, leader = (stacks[f"{side}/role-mappings"] for side in ("follower", "leader"))
        who = ("follower/data-provider", "RoleArn")
        assert asked(follower, "FollowerBackendRoles") == asked(leader, "LeaderBackendRoles") == who
        if reverse:
            who = ("leader/data-provider", "RoleArn")
            assert asked(leader, "FollowerBackendRoles") == asked(follower, "LeaderBackendRoles") == who


def test_a_public_domain_knows_its_functions_role_as_master_user_and_one_in_a_vpc_its_secret():
    stacks = launched(render(example(pattern="logs-*")))
    for side in ("leader", "follower"):
        assert asked(stacks[f"{side}/domain"], "MasterUserArn") == (f"{side}/data-provider", "RoleArn")
        assert "MasterSecretArn" not in parameters(stacks[f"{side}/role-mappings"])
        assert "MasterSecretArns" not in parameters(stacks[f"{side}/data-provider"])
    stacks = launched(render(example(pattern="logs-*", network=True, egress="nat-instance")))
    for side in ("leader", "follower"):
        assert "MasterUserArn" not in parameters(stacks[f"{side}/domain"])
        secret = (f"{side}/domain", "MasterUserSecretArn")
        assert asked(stacks[f"{side}/role-mappings"], "MasterSecretArn") == secret
        assert asked(stacks[f"{side}/data-provider"], "MasterSecretArns") == secret
        # Not being the master user, it looks under a role of its own.
        assert asked(stacks[f"{side}/role-mappings"], "OperatorBackendRoles") == (f"{side}/data-provider", "RoleArn")


def named(stack):
    return parameters(stack)["DomainEndpoints"].split(",")


def test_a_function_of_data_calls_the_domains_of_its_sides_and_no_other_host():
    here, there = "search-tandem-follower-*.us-west-2.es.amazonaws.com", "search-tandem-leader-*.us-east-1.es.amazonaws.com"
    stacks = launched(render(example(pattern="logs-*")))
    assert (named(stacks["follower/data-provider"]), named(stacks["leader/data-provider"])) == ([here], [there])
    china = {"leader__region": "cn-north-1", "follower__region": "cn-northwest-1"}
    assert named(launched(render(example(pattern="logs-*", **china)))["leader/data-provider"]) == [
        "search-tandem-leader-*.cn-north-1.es.amazonaws.com.cn"
    ]
    # One for both.
    both = launched(render(example(pattern="logs-*", leader__other_endpoints="a.example.com,b.example.com", **ONE_PLACE)))
    there = there.replace("us-east-1", "us-west-2")
    assert named(both["follower/data-provider"]) == [here, there, "a.example.com", "b.example.com"]
    # With a password it is the endpoint itself.
    stacks = launched(render(example(pattern="logs-*", network=True, egress="nat-instance")))
    for side in ("leader", "follower"):
        assert asked(stacks[f"{side}/data-provider"], "DomainEndpoints") == (f"{side}/domain", "DomainEndpoint")
    existing = {"existing_domains": True, "leader__endpoint": "leader.example.com", "follower__endpoint": "follower.example.com"}
    stacks = launched(render(example(pattern="logs-*", follower__other_endpoints="custom.example.com", **existing)))
    assert named(stacks["follower/data-provider"]) == ["follower.example.com", "custom.example.com"]
    assert named(stacks["leader/data-provider"]) == ["leader.example.com"]


def test_without_what_replicates_a_domain_keeps_its_password():
    for changes in ({}, {"network": True}, ONE_PLACE):
        stacks = launched(render(example(**changes)))
        assert not [name for name in stacks if "data" in name or "role-mappings" in name]
        for side in ("leader", "follower"):
            assert "MasterUserArn" not in parameters(stacks[f"{side}/domain"])


def test_a_function_of_data_is_in_the_vpc_of_its_domain_and_otherwise_in_none():
    stacks = launched(render(example(pattern="logs-*")))
    for side in ("leader", "follower"):
        assert "SubnetIds" not in parameters(stacks[f"{side}/data-provider"])
    for egress in ("none", "nat-instance"):
        stacks = launched(render(example(pattern="logs-*", network=True, leader__region="us-west-2", egress=egress)))
        for side in ("leader", "follower"):
            function, domain = stacks[f"{side}/data-provider"], stacks[f"{side}/domain"]
            assert asked(function, "SubnetIds") == (f"{side}/network", "FunctionSubnetIds")
            # The group that it wears is the one that the domain lets in.
            assert asked(function, "SecurityGroupIds") == asked(domain, "FunctionSecurityGroupId")


def test_what_cannot_be_reached_is_neither_asked_nor_permitted():
    stacks = launched(render(example(pattern="logs-*", reverse_pattern="a", network=True, wait_for="Syncing")))
    assert not [name for name in stacks if name.endswith("/data-accepter-role")]
    for side in ("leader", "follower"):
        assert "LeaderFunctionName" not in parameters(stacks[f"{side}/data-provider"])
        assert "LeaderAccountId" not in parameters(stacks[f"{side}/data-provider"])
        assert not {"LeaderEndpoint", "LeaderFunctionArn"} & set(parameters(stacks[f"{side}/replication"]))


def test_opposite_directions_have_a_connection_each_with_the_roles_swapped():
    stacks = launched(render(example(pattern="logs-*", reverse_pattern="orders-*")))
    there, back = (parameters(stacks[f"{side}/connection"]) for side in ("follower", "leader"))
    for one, other in (("FollowerDomainName", "LeaderDomainName"), ("LeaderDomainName", "FollowerDomainName")):
        assert there[one].dependency_stack_name == back[other].dependency_stack_name
    assert there["ConnectionAlias"] != back["ConnectionAlias"]
    there, back = (parameters(stacks[f"{side}/replication"]) for side in ("follower", "leader"))
    assert (there["Pattern"], there["OppositePatterns"]) == ("logs-*", "orders-*")
    assert (back["Pattern"], back["OppositePatterns"]) == ("orders-*", "logs-*")
    for given, side, other in ((there, "follower", "leader"), (back, "leader", "follower")):
        assert given["ProviderFunctionArn"].dependency_stack_name == f"{side}/data-provider.yaml"
        assert given["LeaderFunctionArn"].dependency_stack_name == f"{other}/data-provider.yaml"
        assert given["LeaderFunctionArn"].output_key == "QuestionsArn"
        assert given["AccepterRoleArn"].dependency_stack_name == f"{other}/data-accepter-role.yaml"


def matches(pattern, name):
    return re.fullmatch(pattern.replace("*", ".*"), name) is not None


@pytest.mark.parametrize("one", ["a", "ab", "a*", "a*b", "a*a", "ab*a", "a**", "a*b*", "b*"])
def test_patterns_of_opposite_directions_are_refused_exactly_if_one_name_fits_both(one):
    names = ["".join(letters) for length in range(1, 7) for letters in itertools.product("ab", repeat=length)]
    for other in ("a", "ba", "a*", "a*b", "b*a", "aa*", "a*ba*", "ab*ab"):
        do_overlap = any(matches(one, name) and matches(other, name) for name in names)
        try:
            render(example(pattern=one, reverse_pattern=other, **ONE_PLACE))
            refused = False
        except SceptreException as error:
            assert f"must not overlap, and {one} and {other} do" in str(error)
            refused = True
        assert refused == do_overlap, (one, other)


def test_every_pattern_and_index_is_held_against_those_of_the_other_way():
    for key in ("pattern", "second_pattern", "third_pattern", "index"):
        for back in ("reverse_pattern", "reverse_index"):
            with pytest.raises(SceptreException, match="must not overlap"):
                render(example(**{key: "orders", back: "orders"}))


def test_everything_switched_on_launches_every_stack():
    switches = {"network": True, "egress": "nat-instance", "transit_gateway": True, "dashboards_tunnel": True}
    stacks = render(example(**switches, pattern="logs-*", reverse_pattern="orders-*", leader__region="us-west-2"))
    assert set(launched(stacks)) == set(stacks)


def test_d21_leader_and_follower_have_the_same_network_and_each_routes_to_the_others_range():
    stacks = launched(render(example(network=True, transit_gateway=True)))
    templates = {template_of(stacks[f"{side}/network"]).name for side in ("leader", "follower")}
    assert templates == {"network.yaml"}
    outputs = template_of(stacks["leader/network"]).section("Outputs")
    assert "Condition" not in outputs["VpcCidr"]
    for side, other in (("leader", "follower"), ("follower", "leader")):
        asked = set(outputs_asked_for(stacks[f"{side}/transit-gateway"]))
        assert {(f"{side}/network", "VpcCidr"), (f"{other}/network", "VpcCidr")} <= asked


def test_d22_a_tunnel_is_let_in_by_the_domain_and_needs_no_nat():
    stacks = launched(render(example(network=True, dashboards_tunnel=True, egress="nat-instance")))
    for side in ("leader", "follower"):
        for stack in ("domain", "dashboards-tunnel"):
            group = parameters(stacks[f"{side}/{stack}"])["ClientSecurityGroupId"]
            assert (group.dependency_stack_name, group.output_key) == (f"{side}/network.yaml", "ClientSecurityGroupId")
        network = parameters(stacks[f"{side}/network"])
        assert (network["SsmEndpoint"], network["SessionManagerEndpoint"]) == ("true", "true")


def test_d23_gateways_are_peered_only_when_asked_for_and_then_with_routes():
    without = launched(render(example(network=True)))
    assert not [name for name in without if "transit-gateway" in name]
    assert not {"TransitGatewayId", "LeaderTransitGatewayId"} & set(parameters(without["follower/provider"]))
    assert not {"TransitGatewayId"} & set(parameters(without["leader/accepter-role"]))
    stacks = launched(render(example(network=True, transit_gateway=True)))
    assert {"leader/transit-gateway", "follower/transit-gateway", "follower/transit-gateway-peering"} <= set(stacks)
    assert len({parameters(stacks[f"{side}/transit-gateway"])["AmazonSideAsn"] for side in ("leader", "follower")}) == 2


def test_interface_endpoints_cost_money_so_only_what_needs_one_gets_one():
    def switched_on(side, **changes):
        given = parameters(launched(render(example(**changes)))[f"{side}/network"])
        return {key for key, value in given.items() if key.endswith("Endpoint") and value == "true"}

    assert switched_on("leader", network=True) == switched_on("follower", network=True) == set()
    assert switched_on("follower", egress="nat-instance") == {"Ec2Endpoint"}
    assert switched_on("leader", network=True, egress="nat-instance") == set()
    assert switched_on("leader", network=True, dashboards_tunnel=True) == {"SsmEndpoint", "SessionManagerEndpoint"}
    assert switched_on("leader", network=True, leader__endpoints="sts, logs") == {"StsEndpoint", "LogsEndpoint"}
    # A function of data in a VPC has no way out but these, or a NAT instance.
    data = {f"{service}Endpoint" for service in ("CloudFormation", "Lambda", "SecretsManager", "Ssm")}
    here = {"network": True, "pattern": "logs-*", "leader__region": "us-west-2"}
    assert switched_on("leader", **here) == data
    assert switched_on("follower", **here) == data | {"StsEndpoint"}
    assert switched_on("follower", **here, follower__account_id="111111111111") == data
    assert switched_on("follower", **here, egress="nat-instance") == {"Ec2Endpoint"}
    assert switched_on("follower", pattern="logs-*", egress="nat-instance") == {"Ec2Endpoint"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": True, "existing_domains": True}, "network: true is for domains launched from here"),
        ({"transit_gateway": True}, "it needs network: true"),
        ({"dashboards_tunnel": "true"}, "it needs network: true"),
        ({"egress": "existing"}, "needs follower.function_subnet_ids"),
        ({"egress": "nat-gateway"}, "egress is none, nat-instance or existing"),
        ({"reverse_pattern": "orders-*"}, "for one way only, swap leader and follower"),
        ({"pattern": "*"}, "begins with a letter or a digit"),
        ({"pattern": "logs-*", "reverse_index": ".kibana"}, "begins with a letter or a digit"),
        ({"pattern": "logs-*", "existing_domains": True}, "needs leader.endpoint and follower.endpoint"),
        ({"index": "orders", "leader__node_to_node_encryption": False}, "needs fine-grained access control"),
        ({"index": "orders", "follower__http_source_cidrs": "192.0.2.0/24"}, "http_source_cidrs, for passwords, has to be empty"),
        ({"pattern": "logs-*", "network": True}, "needs egress: nat-instance; or set wait_for: Syncing"),
        (
            {"pattern": "logs-*", "reverse_index": "orders", "network": True, "egress": "nat-instance"},
            "what replicates the other way between VPCs of two Regions cannot be compared",
        ),
    ],
)
def test_options_that_do_not_go_together_say_so_before_anything_is_launched(changes, sentence):
    with pytest.raises(SceptreException, match=sentence):
        render(example(**changes))
