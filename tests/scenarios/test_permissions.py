"""Every permission of the templates is needed: without it a stack fails, and its Reason says what to allow."""

from __future__ import annotations

import pytest

from launches.needed import NEEDED as NEEDED_FOR_DATA

from .deadline import until
from .providers import actions, policies, twins
from .stacks import TEMPLATES, template
from .test_network_permissions import NEEDED as NEEDED_IN_NETWORKS

NEEDED_TO_CREATE = (
    "cloudformation:DescribeStackResource",
    "ssm:GetParameter",
    "ssm:PutParameter",
    "sts:AssumeRole",
    "es:CreateOutboundConnection",
    "es:DescribeOutboundConnections",
    "es:DescribeInboundConnections",
    "es:AcceptInboundConnection",
)
NEEDED_TO_DELETE = ("es:DeleteOutboundConnection", "ssm:DeleteParameter")
NEEDED_TO_GO_ON = ("lambda:InvokeFunction",)
# test_logs.py and test_delivery.py would miss what these allow.
NEEDED_TO_KEEP_A_RECORD = ("logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage")


@pytest.mark.parametrize("action", NEEDED_TO_CREATE)
def test_a_create_without_a_permission_fails_and_says_which(make_provider, make_stack, name, action):
    provider = make_provider(name).without(action).launch()
    stack = make_stack(**provider.connection_parameters)
    # Without access to the claims the rollback fails for the same reason, rather than guess.
    assert stack.create() in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
    reason = stack.reason()
    assert action in reason or ("Allow it on the claims path" in reason and action.partition(":")[2] in reason), reason
    provider.allow_again()
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("action", NEEDED_TO_DELETE)
def test_a_delete_without_a_permission_fails_and_says_which(make_provider, make_stack, name, action):
    provider = make_provider(name).without(action).launch()
    stack = make_stack(**provider.connection_parameters)
    assert stack.create() == "CREATE_COMPLETE"
    assert stack.delete() == "DELETE_FAILED"
    reason = stack.reason("DELETE_FAILED")
    assert action in reason or ("Allow it on the claims path" in reason and action.partition(":")[2] in reason), reason
    provider.allow_again()
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("action", NEEDED_TO_GO_ON)
def test_a_function_that_may_not_invoke_itself_fails_in_time_and_says_so(
    make_provider, make_stack, connections, journal, name, alias, action
):
    provider = make_provider(name).without(action).launch(FunctionTimeoutSeconds="5")
    stack = make_stack(**provider.connection_parameters)
    connections.hold("VALIDATING", alias)
    stack.create(wait=False)
    until(lambda: journal.events(stack.name, "Delete"), "CloudFormation takes the failed Create back")
    connections.release(alias)
    assert stack.settled() == "ROLLBACK_COMPLETE"
    reason = stack.reason()
    assert "The work needs longer than one invocation, and the function cannot invoke itself" in reason
    assert f"Allow {action} on {provider.function.outputs['FunctionArn']} in the function's role." in reason
    assert "last status: VALIDATING" in reason


def test_there_is_no_permission_that_no_scenario_needs():
    allowed = {
        action
        for path in ("provider.yaml", "accepter-role.yaml")
        for policy in policies(template(TEMPLATES / path))
        for entry in policy["Statement"]
        for action in actions(entry)
    }
    needed = {*NEEDED_TO_CREATE, *NEEDED_TO_DELETE, *NEEDED_TO_GO_ON, *NEEDED_TO_KEEP_A_RECORD}
    needed |= set().union(*NEEDED_IN_NETWORKS.values()) | NEEDED_FOR_DATA
    # The service may check an operation under its former name instead; the sandbox does not.
    older = {twin for action in needed if "Connection" in action for twin in twins(action)} - needed
    assert allowed - older == needed
