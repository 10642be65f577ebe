"""Reading a template: what its properties can be, and which statements its policies hold."""

import json
import re

RULES = []


def rule(function):
    """Registers a rule: a function from a template to a list of findings."""
    RULES.append(function)
    return function


def properties(resource):
    return resource.get("Properties", {})


def listed(value):
    return value if isinstance(value, list) else [value]


def possible(template, value):
    """The values that a property can have; those of a parameter are its AllowedValues."""
    if isinstance(value, dict) and value.get("Ref") in template.section("Parameters"):
        return template.section("Parameters")[value["Ref"]].get("AllowedValues", ["anything"])
    return branches(value) or [None]


def branches(value):
    """The values that an expression can have, AWS::NoValue left out."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        return [branch for option in value["Fn::If"][1:] for branch in branches(option)]
    if value is None or value == {"Ref": "AWS::NoValue"}:
        return []
    return [value]


def statements(policy):
    return [branch for entry in listed(policy.get("Statement", [])) for branch in branches(entry)]


def granted(role):
    return [
        statement
        for policy in inline(role)
        for statement in statements(policy["PolicyDocument"])
        if statement["Effect"] == "Allow"
    ]


def policies(resource):
    given = properties(resource)
    found = [given[key] for key in ("AssumeRolePolicyDocument", "PolicyDocument", "AccessPolicies") if key in given]
    return [document(policy) for policy in found] + [policy["PolicyDocument"] for policy in inline(resource)]


def document(policy):
    """A policy document; where CloudFormation wants it as text, what the text says, with its substitutions left in."""
    if "Fn::Sub" in policy:
        text = listed(policy["Fn::Sub"])[0]
        # The one kind of substitution that is not inside a string adds a further element or nothing.
        return json.loads(re.sub(r'(?<=")\$\{\w+\}(?=\])', "", text))
    return policy


def inline(role):
    """The inline policies of a role, those of every condition included."""
    return [policy for entry in properties(role).get("Policies", []) for policy in branches(entry)]


def anyone(statement):
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        principal = principal.get("AWS")
    return "*" in listed(principal)
