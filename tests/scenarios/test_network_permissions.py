"""Every permission that comes with a NAT instance or a peering is needed: without it something fails, and says what to allow."""

from __future__ import annotations

import json

import pytest

from .aws import LEADER, Place
from .deadline import until
from .networks import Gateway
from .providers import actions, policies
from .stacks import TEMPLATES, template

NEEDED_TO_WAKE = ("ec2:CreateTags", "ec2:DescribeInstances", "ec2:StartInstances")
# Without these the work is done, and the way out stays open until it closes by itself.
NEEDED_TO_LET_SLEEP = ("ec2:StopInstances", "ec2:DeleteTags")

NEEDED_TO_REQUEST = (
    "ec2:CreateTransitGatewayPeeringAttachment",
    "ec2:CreateTags",
    "ec2:DescribeTransitGatewayPeeringAttachments",
)
NEEDED_TO_ACCEPT = ("ec2:AcceptTransitGatewayPeeringAttachment",)
NEEDED_TO_LINK = (
    "ec2:AssociateTransitGatewayRouteTable",
    "ec2:CreateTransitGatewayRoute",
    "ec2:SearchTransitGatewayRoutes",
    "ec2:DescribeTransitGatewayAttachments",
)
NEEDED_TO_CHANGE_THE_TABLE = ("ec2:DisassociateTransitGatewayRouteTable",)
NEEDED_TO_UNLINK = ("ec2:DeleteTransitGatewayRoute",)
NEEDED_TO_DELETE_A_PEERING = ("ec2:DeleteTransitGatewayPeeringAttachment",)

# Lambda itself asks for these when it puts a function into a VPC.
NEEDED_TO_ENTER_A_VPC = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")
# And for these, says its documentation (docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html); the sandbox, which
# makes no interfaces for functions, does not.
DOCUMENTED_TO_ENTER_A_VPC = ("ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")

FOLLOWERS = {*NEEDED_TO_REQUEST, *NEEDED_TO_LINK, *NEEDED_TO_CHANGE_THE_TABLE, *NEEDED_TO_UNLINK, *NEEDED_TO_DELETE_A_PEERING}
LEADERS = {
    *NEEDED_TO_ACCEPT,
    *NEEDED_TO_LINK,
    *NEEDED_TO_CHANGE_THE_TABLE,
    *NEEDED_TO_UNLINK,
    "ec2:DescribeTransitGatewayPeeringAttachments",
}
NEEDED = {
    "provider.yaml": {
        *NEEDED_TO_WAKE,
        *NEEDED_TO_LET_SLEEP,
        *NEEDED_TO_ENTER_A_VPC,
        *DOCUMENTED_TO_ENTER_A_VPC,
        *FOLLOWERS,
        *LEADERS,
    },
    "accepter-role.yaml": LEADERS,
}

# The statement that names what one side may do, and whose role the Reason speaks of.
FOLLOWER = ("RequestAndDeletePeeringsOfTheTransitGateway", "the function's role")
LEADER_ELSEWHERE = ("AcceptPeeringsOfTheTransitGateway", "the role that acts on the leader's side (the accepter role)")
LEADER_HERE = ("AcceptPeeringsOfTheLeadersTransitGateway", LEADER_ELSEWHERE[1])


# ---- The NAT instance ----


@pytest.mark.parametrize("action", NEEDED_TO_WAKE)
def test_a_nat_that_cannot_be_woken_fails_the_create_and_says_what_to_allow(
    nat, make_provider, make_stack, journal, name, action
):
    provider = make_provider(name).without(action).launch(**nat.provider_parameters)
    stack = make_stack(**provider.connection_parameters)
    stack.create(wait=False)
    until(lambda: journal.events(stack.name, "Delete"), "CloudFormation takes the failed Create back")
    assert nat.state == "stopped"
    # Whether something was made cannot be seen without a way out; with one the rollback needs no permission.
    nat.wake()
    assert stack.settled() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert f"cannot wake NAT instance `{nat.id}`" in reason
    assert f"Allow {action} on the NAT instance in the function's role." in reason
    provider.allow_again()
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("action", NEEDED_TO_LET_SLEEP)
def test_a_nat_that_cannot_be_let_go_keeps_nobody_from_working_and_the_log_says_why(
    nat, make_provider, make_stack, journal, aws, name, action
):
    provider = make_provider(name).without(action).launch(**nat.provider_parameters)
    stack = make_stack(**provider.connection_parameters)
    assert stack.create() == "CREATE_COMPLETE"
    journal.settle()
    assert nat.state == "running"
    told = until(lambda: warnings(aws, provider), "the log tells of it")
    assert "the lease ends by itself, and then the instance" in told[0], told
    assert action.partition(":")[2] in told[0], told
    # What it left would expire in a minute and a half.
    nat.sleep()
    provider.allow_again()
    assert stack.delete() == "DELETE_COMPLETE"


def warnings(aws, provider) -> list[str]:
    group = provider.function.outputs["LogGroupName"]
    found = aws("logs").filter_log_events(logGroupName=group, filterPattern="")["events"]
    lines = [json.loads(event["message"]) for event in found if event["message"].startswith("{")]
    told = [line["fields"]["message"] for line in lines if line.get("level") == "WARN"]
    return [text for text in told if "cannot let go of NAT instance" in text]


@pytest.mark.parametrize("action", NEEDED_TO_ENTER_A_VPC)
def test_lambda_puts_no_function_into_a_vpc_whose_role_may_not_have_interfaces(nat, make_provider, name, action):
    function = make_provider(name).without(action).function
    assert function.create(**nat.provider_parameters) == "ROLLBACK_COMPLETE"
    assert f"does not have permissions to call {action.partition(':')[2]}" in function.reason(logical_id="Function")


# ---- The peering ----


class Pair:
    """A gateway on each side and what a peering of them is given."""

    def __init__(self, follower: Gateway, leader: Gateway):
        self.follower, self.leader = follower, leader
        # Whether the function acts for the leader without a role of its account.
        self.is_one_account = follower.place.account == leader.place.account

    @property
    def peering(self) -> dict[str, str]:
        return {
            "FollowerTransitGatewayId": self.follower.id,
            "FollowerRouteTableId": self.follower.table,
            "FollowerCidr": "10.1.0.0/16",
            "LeaderTransitGatewayId": self.leader.id,
            "LeaderRouteTableId": self.leader.table,
            "LeaderCidr": "10.2.0.0/16",
        }

    @property
    def provider(self) -> dict[str, object]:
        parameters = {"TransitGatewayId": self.follower.id, "TransitGatewayRouteTableId": self.follower.table}
        if not self.is_one_account:
            role = {"TransitGatewayId": self.leader.id, "TransitGatewayRouteTableId": self.leader.table}
            return {**parameters, "role": role}
        leader = {"LeaderTransitGatewayId": self.leader.id, "LeaderTransitGatewayRouteTableId": self.leader.table}
        return {**parameters, **leader, "LeaderAccountId": ""}

    @property
    def connection(self) -> dict[str, str]:
        none = {"LeaderAccountId": "", "AccepterRoleArn": "", "AccepterExternalId": ""}
        return none if self.is_one_account else {}

    def routes(self) -> list[str]:
        tables = [(side, table) for side in (self.follower, self.leader) for table in (side.table, side.other_table)]
        return [route for side, table in tables for route in side.routes(table)]


@pytest.fixture(scope="session")
def gateways(base) -> dict[tuple, Gateway]:
    here, there = base.follower, LEADER
    places = {"follower": here, "leader": there, "leader-here": Place(here.account, there.region)}
    return {role: Gateway(base, place, f"shared-{role}-gateway") for role, place in places.items()}


@pytest.fixture
def two_accounts(gateways) -> Pair:
    return Pair(gateways["follower"], gateways["leader"])


@pytest.fixture
def pair_of(gateways, two_accounts):
    """The gateways among which a statement counts."""
    one_account = Pair(gateways["follower"], gateways["leader-here"])
    return lambda statement: one_account if statement is LEADER_HERE else two_accounts


@pytest.fixture
def make_peering(make_stack):
    def make(pair: Pair, provider, **parameters):
        given = provider.connection_parameters | pair.peering | pair.connection | parameters
        return make_stack("peering", template(TEMPLATES / "transit-gateway-peering.yaml"), **given)

    return make


def cases(*sides: tuple[tuple[str, str], tuple[str, ...]]) -> pytest.MarkDecorator:
    """Each action of each side."""
    names = {FOLLOWER: "follower", LEADER_ELSEWHERE: "leader", LEADER_HERE: "leader in the same account"}
    found = [(side, action) for side, listed in sides for action in listed]
    ids = [f"{names[side]}-{action}" for side, action in found]
    return pytest.mark.parametrize(("side", "action"), found, ids=ids)


@cases(
    (FOLLOWER, ("ec2:CreateTransitGatewayPeeringAttachment", "ec2:CreateTags", *NEEDED_TO_LINK[:3])),
    (LEADER_ELSEWHERE, (*NEEDED_TO_ACCEPT, *NEEDED_TO_LINK[:3])),
    (LEADER_HERE, (*NEEDED_TO_ACCEPT, *NEEDED_TO_LINK[:3])),
)
def test_a_peering_without_a_permission_fails_and_says_which(
    make_provider, make_peering, pair_of, name, side, action
):
    pair, (sid, role) = pair_of(side), side
    provider = make_provider(name).without(action, sid).launch(**pair.provider)
    stack = make_peering(pair, provider)
    assert stack.create() == "ROLLBACK_COMPLETE", stack.reason("DELETE_FAILED", "Peering")
    reason = stack.reason(logical_id="Peering")
    assert "Allow ec2:" in reason and action in reason and role in reason, reason
    assert pair.routes() == []
    provider.allow_again()
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("action", ["ec2:DescribeTransitGatewayAttachments", "ec2:DescribeTransitGatewayPeeringAttachments"])
@pytest.mark.parametrize("who", ["function", "role"])
def test_a_peering_that_one_role_cannot_see_fails_and_says_so(make_provider, make_peering, two_accounts, name, who, action):
    provider = make_provider(name)
    provider.without(action, of=(getattr(provider, who),)).launch(**two_accounts.provider)
    stack = make_peering(two_accounts, provider)
    assert stack.create() == "ROLLBACK_COMPLETE", stack.reason("DELETE_FAILED", "Peering")
    role = "the function's role" if who == "function" else LEADER_ELSEWHERE[1]
    assert f"Allow {action} in {role}." in stack.reason(logical_id="Peering")
    provider.allow_again()
    assert stack.delete() == "DELETE_COMPLETE"


@cases(
    (FOLLOWER, (*NEEDED_TO_UNLINK, *NEEDED_TO_DELETE_A_PEERING)),
    (LEADER_ELSEWHERE, NEEDED_TO_UNLINK),
    (LEADER_HERE, NEEDED_TO_UNLINK),
)
def test_a_peering_that_cannot_be_deleted_without_a_permission_says_which(
    make_provider, make_peering, pair_of, name, side, action
):
    pair, (sid, role) = pair_of(side), side
    provider = make_provider(name).without(action, sid).launch(**pair.provider)
    stack = make_peering(pair, provider)
    assert stack.create() == "CREATE_COMPLETE", stack.reason(logical_id="Peering")
    assert stack.delete() == "DELETE_FAILED"
    assert f"Allow {action} in {role}" in stack.reason("DELETE_FAILED", "Peering")
    provider.allow_again()
    assert stack.delete() == "DELETE_COMPLETE"
    assert pair.routes() == []


@cases(*((side, NEEDED_TO_CHANGE_THE_TABLE) for side in (FOLLOWER, LEADER_ELSEWHERE, LEADER_HERE)))
def test_a_peering_that_cannot_leave_its_table_says_what_to_allow(make_provider, make_peering, pair_of, name, side, action):
    pair, (sid, role) = pair_of(side), side
    which, gateway = ("Follower", pair.follower) if side is FOLLOWER else ("Leader", pair.leader)
    # The templates name one table; for the time of a change the role has to name both.
    provider = make_provider(name).naming_any("transit-gateway-route-table").without(action, sid).launch(**pair.provider)
    stack = make_peering(pair, provider)
    assert stack.create() == "CREATE_COMPLETE", stack.reason(logical_id="Peering")
    change = {f"{which}RouteTableId": gateway.other_table}
    assert stack.update(**change) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"Allow {action} in {role}" in stack.reason("UPDATE_FAILED", "Peering")
    provider.allow_again()
    assert stack.update(**change) == "UPDATE_COMPLETE"
    assert len(gateway.routes(gateway.other_table)) == 1
    assert gateway.routes(gateway.table) == []
    assert stack.delete() == "DELETE_COMPLETE"
    assert pair.routes() == []


def test_each_side_has_the_permissions_that_its_scenarios_need_and_no_other():
    for path, needed in NEEDED.items():
        listed = (entry for policy in policies(template(TEMPLATES / path)) for entry in policy["Statement"])
        conditional = {action for entry in listed if "Fn::If" in entry for action in actions(entry)}
        assert {action for action in conditional if action.startswith("ec2:")} == needed, path
