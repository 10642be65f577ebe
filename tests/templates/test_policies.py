"""Every IAM policy of every template passes the linter `parliament`, with all statements of all conditions in it."""

import json
import re

import parliament
import pytest
from project import TEMPLATES, parse
from rules import document, inline, properties, statements

# What stands for the parts of a policy that are not known before it is deployed.
SUBSTITUTES = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "Region": "us-east-1",
    "LeaderRegion": "us-east-1",
    "Account": "123456789012",
    "LeaderAccountId": "123456789012",
    "ProviderAccount": "123456789012",
    "ProviderRoleArn": "arn:aws:iam::123456789012:role/provider",
    "ClaimsPath": "/claims",
    "CrossClusterPrincipals": "*",
    "MasterSecretArns": "arn:aws:secretsmanager:us-east-1:123456789012:secret:name-AbCdEf",
    "HttpPrincipals": "arn:aws:iam::123456789012:root",
    "HttpSourceCidrs": "192.0.2.0/24",
}
ARNS = {
    "Bucket.Arn": "arn:aws:s3:::bucket",
    "FailureQueue.Arn": "arn:aws:sqs:us-east-1:123456789012:queue",
    "LogGroup.Arn": "arn:aws:logs:us-east-1:123456789012:log-group:name:*",
}
# Findings that are meant to be, each with its reason.
ACCEPTED = [
    # Lambda asks for these on everything, and the function's code is denied them; rules.py checks that both go together.
    r"RESOURCE_STAR: \['ec2:AssignPrivateIpAddresses', 'ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface', "
    r"'ec2:UnassignPrivateIpAddresses'\]$",
    # In no list of actions, but in the policy that OpenSearch Service documents for its logs, and looks for.
    r"UNKNOWN_ACTION: Unknown action logs:PutLogEventsBatch",
    # A key of Lambda's for what a function's code calls, whichever service it calls.
    r"UNKNOWN_CONDITION_FOR_ACTION: Unknown condition lambda:SourceFunctionArn ",
]


def literal(value):
    """A policy as IAM would get it: every branch that is there, every expression as some value it may have."""
    if isinstance(value, dict):
        match value:
            case {"Ref": name}:
                return SUBSTITUTES.get(name, "value")
            case {"Fn::GetAtt": parts}:
                return ARNS.get(".".join(parts), "arn:aws:iam::123456789012:role/name")
            case {"Fn::Sub": text}:
                text = text if isinstance(text, str) else text[0]
                return re.sub(r"\$\{([^}]+)\}", lambda name: ARNS.get(name[1], SUBSTITUTES.get(name[1], "value")), text)
            case {"Fn::If": [_, then, _]}:
                return literal(then)
        return {key: literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [literal(inner) for inner in value]
    return value


def permissions(template):
    """What roles are permitted, and what endpoints let through, as (where, policy)."""
    for logical_id, resource in template.resources("AWS::IAM::Role").items():
        for policy in inline(resource):
            yield f"{logical_id}/{policy['PolicyName']}", policy["PolicyDocument"]
    for logical_id, resource in template.resources().items():
        for key in ("PolicyDocument", "AccessPolicies"):
            if key in properties(resource):
                yield logical_id, document(properties(resource)[key])


def findings(policy):
    whole = {"Version": policy["Version"], "Statement": literal(statements(policy))}
    analysed = parliament.analyze_policy_string(json.dumps(whole))
    found = [f"{finding.issue}: {finding.detail}" for finding in analysed.findings]
    return [finding for finding in found if not any(re.match(accepted, finding) for accepted in ACCEPTED)]


POLICIES = [
    pytest.param(policy, id=f"{path.name}: {where}")
    for path in TEMPLATES
    for where, policy in permissions(parse(path.name, path.read_text()))
]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_linter_finds_nothing(policy):
    assert findings(policy) == []


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "ec2:StartInstance", "Resource": "*"},
        {"Effect": "Allow", "Action": "ec2:StartInstances", "Resource": "arn:aws:s3:::bucket"},
        {"Effect": "Allow", "Action": "ec2:StopInstances", "Resource": "*"},
        {"Effect": "Alow", "Action": "ec2:StopInstances", "Resource": "arn:aws:ec2:us-east-1:123456789012:instance/i-1"},
    ],
    ids=["misspelt action", "resource of another service", "everything", "misspelt effect"],
)
def test_the_policy_linter_finds_what_is_wrong(statement):
    assert findings({"Version": "2012-10-17", "Statement": [{"Sid": "Wrong", **statement}]}) != []
