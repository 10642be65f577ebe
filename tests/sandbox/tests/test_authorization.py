"""IAM is enforced where the product depends on it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import FOLLOWER, LEADER, Stack

DOMAIN = {"OwnerId": "222222222222", "Region": "us-west-2", "DomainName": "iam-follower"}
REMOTE = {"OwnerId": "111111111111", "Region": "us-east-1", "DomainName": "iam-leader"}
REQUEST = {"LocalDomainInfo": {"AWSDomainInformation": DOMAIN}, "RemoteDomainInfo": {"AWSDomainInformation": REMOTE}}


def role(aws, name, statements, where=FOLLOWER, trust=None):
    """A role of the account with these statements, and credentials of it."""
    trust = trust or {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{where[0]}:root"},
        "Action": "sts:AssumeRole",
    }
    iam = aws("iam", where)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": statements}))
    return arn


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def denied(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("arn:aws:es:us-west-2:222222222222:domain/iam-follower", "ResourceNotFoundException"),
        ("arn:aws:es:*:222222222222:domain/iam-follower", "ResourceNotFoundException"),
        ("arn:aws:es:us-west-2:222222222222:domain/other", "AccessDeniedException"),
        ("arn:aws:es:us-east-1:111111111111:domain/iam-leader", "AccessDeniedException"),
    ],
)
def test_creating_a_connection_needs_the_local_domain(aws, name, resource, expected):
    keys = aws.assume(role(aws, f"r{name}", [allow("es:CreateOutboundConnection", resource)]))
    client = aws("opensearch", credentials=keys)
    assert denied(client.create_outbound_connection, ConnectionAlias="alias", **REQUEST) == expected


def test_the_other_connection_operations_are_evaluated_on_everything(aws, name):
    narrow = allow(["es:DescribeOutboundConnections", "es:DeleteOutboundConnection"], "arn:aws:es:*:*:domain/x")
    client = aws("opensearch", credentials=aws.assume(role(aws, f"n{name}", [narrow])))
    assert denied(client.describe_outbound_connections) == "AccessDeniedException"
    wide = allow(["es:DescribeOutboundConnections", "es:DeleteOutboundConnection"])
    client = aws("opensearch", credentials=aws.assume(role(aws, f"w{name}", [wide])))
    client.describe_outbound_connections()
    assert denied(client.delete_outbound_connection, ConnectionId="c-0000000000") == "ResourceNotFoundException"
    assert denied(client.describe_inbound_connections) == "AccessDeniedException"
    assert denied(client.accept_inbound_connection, ConnectionId="c-0000000000") == "AccessDeniedException"


def test_domain_operations_are_evaluated_on_the_domain(aws, name):
    arn = "arn:aws:es:us-west-2:222222222222:domain/iam-follower"
    client = aws("opensearch", credentials=aws.assume(role(aws, f"d{name}", [allow("es:DescribeDomain", arn)])))
    assert denied(client.describe_domain, DomainName="iam-follower") == "ResourceNotFoundException"
    assert denied(client.describe_domain, DomainName="other-domain") == "AccessDeniedException"
    assert denied(client.delete_domain, DomainName="iam-follower") == "AccessDeniedException"


def test_an_alias_is_invoked_by_whoever_may_invoke_the_alias_and_by_nobody_else(aws, function, name):
    lambdas = aws("lambda")
    lambdas.create_alias(FunctionName=function, Name="questions", FunctionVersion="$LATEST")
    alias = f"{function}:questions"

    def arn(keys, invoked, **more):
        answer = aws("lambda", credentials=keys).invoke(FunctionName=invoked, Payload=b"{}", **more)
        return json.loads(answer["Payload"].read())["arn"]

    may_ask = aws.assume(role(aws, f"q{name}", [allow("lambda:InvokeFunction", alias)]))
    assert arn(may_ask, alias) == arn(may_ask, function, Qualifier="questions") == alias
    asking = aws("lambda", credentials=may_ask)
    for invoked in ({"FunctionName": function}, {"FunctionName": f"{function}:$LATEST"}, {"FunctionName": function, "Qualifier": "$LATEST"}):
        assert denied(asking.invoke, Payload=b"{}", **invoked) == "AccessDeniedException", invoked
    may_invoke = aws.assume(role(aws, f"i{name}", [allow("lambda:InvokeFunction", function)]))
    assert arn(may_invoke, function) == function
    invoking = aws("lambda", credentials=may_invoke)
    for invoked in ({"FunctionName": alias}, {"FunctionName": function, "Qualifier": "questions"}):
        assert denied(invoking.invoke, Payload=b"{}", **invoked) == "AccessDeniedException", invoked


def test_parameters_are_evaluated_by_path(aws, name):
    arn = "arn:aws:ssm:us-west-2:222222222222:parameter/tandem/claims/*"
    actions = ["ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"]
    client = aws("ssm", credentials=aws.assume(role(aws, f"p{name}", [allow(actions, arn)])))
    inside, outside = f"/tandem/claims/{name}/a", f"/tandem/other/{name}"
    client.put_parameter(Name=inside, Value="v", Type="String")
    assert denied(client.put_parameter, Name=inside, Value="w", Type="String") == "ParameterAlreadyExists"
    client.put_parameter(Name=inside, Value="w", Type="String", Overwrite=True)
    assert client.get_parameter(Name=inside)["Parameter"]["Value"] == "w"
    assert denied(client.put_parameter, Name=outside, Value="v", Type="String") == "AccessDeniedException"
    assert denied(client.get_parameter, Name=outside) == "AccessDeniedException"
    client.delete_parameter(Name=inside)
    assert denied(client.get_parameter, Name=inside) == "ParameterNotFound"


def test_a_function_may_be_invoked_by_its_arn_only(aws, name, function):
    keys = aws.assume(role(aws, f"l{name}", [allow("lambda:InvokeFunction", function)]))
    client = aws("lambda", credentials=keys)
    assert client.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")["StatusCode"] == 202
    assert (
        client.invoke(FunctionName=function.rpartition(":")[2], InvocationType="Event", Payload=b"{}")["StatusCode"]
        == 202
    )
    assert denied(client.invoke, FunctionName="other", Payload=b"{}") == "AccessDeniedException"


def test_a_stack_may_be_described_by_its_arn(aws, sandbox, name, function):
    stack = Stack(aws, sandbox, f"s-{name}", function)
    stack.create({"Thing": {}})
    own = f"arn:aws:cloudformation:us-west-2:222222222222:stack/{stack.name}/*"
    every = "arn:aws:cloudformation:us-west-2:222222222222:stack/*"
    other = "arn:aws:cloudformation:us-west-2:222222222222:stack/other/*"
    for number, resource in enumerate((own, every)):
        keys = aws.assume(role(aws, f"c{number}{name}", [allow("cloudformation:DescribeStackResource", resource)]))
        client = aws("cloudformation", credentials=keys)
        for reference in (stack.id, stack.name):
            client.describe_stack_resource(StackName=reference, LogicalResourceId="Thing")
    keys = aws.assume(role(aws, f"o{name}", [allow("cloudformation:DescribeStackResource", other)]))
    client = aws("cloudformation", credentials=keys)
    assert denied(client.describe_stack_resource, StackName=stack.id, LogicalResourceId="Thing") == "AccessDenied"
    stack.delete()


def accepter(aws, name, condition):
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    return role(aws, f"accepter-{name}", [allow("es:DescribeInboundConnections")], LEADER, trust)


def caller(aws, name, accepter_arn):
    return aws.assume(role(aws, f"caller-{name}", [allow("sts:AssumeRole", accepter_arn)]))


def refused(aws, arn, keys, **more):
    with pytest.raises(ClientError) as caught:
        aws.assume(arn, FOLLOWER, keys, **more)
    return caught.value.response["Error"]["Code"] == "AccessDenied"


def test_the_external_id_is_compared(aws, name):
    arn = accepter(aws, name, {"StringEquals": {"sts:ExternalId": "secret"}})
    keys = caller(aws, name, arn)
    assert refused(aws, arn, keys)
    assert refused(aws, arn, keys, ExternalId="wrong")
    leader = aws.assume(arn, FOLLOWER, keys, ExternalId="secret")
    assert aws("sts", LEADER, leader).get_caller_identity()["Account"] == "111111111111"
    aws("opensearch", LEADER, leader).describe_inbound_connections()
    assert denied(aws("opensearch", LEADER, leader).describe_outbound_connections) == "AccessDeniedException"


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike", "StringEquals", "StringLike"])
def test_the_principal_arn_is_that_of_the_role(aws, name, operator):
    mine = f"arn:aws:iam::222222222222:role/caller-{name}"
    arn = accepter(aws, name, {operator: {"aws:PrincipalArn": mine}})
    aws.assume(arn, FOLLOWER, caller(aws, name, arn))
    other = accepter(aws, f"other-{name}", {operator: {"aws:PrincipalArn": mine + "-other"}})
    assert refused(aws, other, caller(aws, f"again-{name}", other))


def test_the_caller_needs_permission_to_assume(aws, name):
    arn = accepter(aws, name, {})
    assert refused(aws, arn, aws.assume(role(aws, f"nothing-{name}", [])))


def test_a_missing_role_is_an_access_denial(aws, name):
    arn = f"arn:aws:iam::111111111111:role/missing-{name}"
    assert refused(aws, arn, caller(aws, name, arn))
