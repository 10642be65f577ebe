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
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(narrowed))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(whole))


def roles(launched: Launched, path: str) -> Iterator[str]:
    client = launched.aws("cloudformation", launched.place(path.partition("/")[0]))
    name = launched.deployment.stack_name(path)
    for resource in client.describe_stack_resources(StackName=name)["StackResources"]:
        if resource["ResourceType"] == "AWS::IAM::Role":
            yield resource["PhysicalResourceId"]
