"""Roles as they are deployed, but for one permission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from .launched import Launched


@contextmanager
def without(launched: Launched, path: str, action: str) -> Iterator[None]:
    """A role as it is deployed, but for one action in the statements that name a domain, a secret, a role or another's function."""
    side = path.partition("/")[0]
    role = next(iter(roles(launched, path)))
    iam = launched.aws("iam", launched.place(side))
    name = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
    whole = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    narrowed, removed = json.loads(json.dumps(whole)), 0
    for statement in narrowed["Statement"]:
        if statement["Sid"] == "ContinuePastOneInvocation":
            continue
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        removed += action in actions
        statement["Action"] = [each for each in actions if each != action]
    assert removed, f"{path} allows no {action}"
    narrowed["Statement"] = [statement for statement in narrowed["Statement"] if statement["Action"]]
    # A policy holds one statement at least.
    if narrowed["Statement"]:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(narrowed))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(whole))


@contextmanager
def assumed(launched: Launched, path: str) -> Iterator[dict]:
    """Credentials of a role as it is deployed, for once though whoever it trusts is somebody else."""
    place = launched.place(path.partition("/")[0])
    role, iam = next(iter(roles(launched, path))), launched.aws("iam", place)
    deployed = iam.get_role(RoleName=role)["Role"]
    anybody = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{place.account}:root"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [anybody]}))
    try:
        yield launched.aws("sts", place).assume_role(RoleArn=deployed["Arn"], RoleSessionName="somebody")["Credentials"]
    finally:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(deployed["AssumeRolePolicyDocument"]))


def roles(launched: Launched, path: str) -> Iterator[str]:
    client = launched.aws("cloudformation", launched.place(path.partition("/")[0]))
    name = launched.deployment.stack_name(path)
    for resource in client.describe_stack_resources(StackName=name)["StackResources"]:
        if resource["ResourceType"] == "AWS::IAM::Role":
            yield resource["PhysicalResourceId"]
