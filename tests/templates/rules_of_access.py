"""Who may do what."""

import json
import re

from reading import anyone, branches, granted, inline, listed, policies, properties, rule, statements

# Nothing narrower than '*' is possible for these, says the service's authorization reference.
WITHOUT_RESOURCE = {
    f"es:{verb}{direction}{noun}"
    for direction in ("Inbound", "Outbound")
    for verb, noun in (
        ("Describe", "Connections"),
        ("Describe", "CrossClusterSearchConnections"),
        ("Accept", "Connection"),
        ("Accept", "CrossClusterSearchConnection"),
        ("Delete", "Connection"),
        ("Delete", "CrossClusterSearchConnection"),
    )
} | {
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeTransitGatewayAttachments",
    "ec2:DescribeTransitGatewayPeeringAttachments",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}


# Lambda asks for these on everything before it puts a function into a VPC; the function's own code must then be denied them.
IN_A_VPC = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
}


def denied_to_code(role):
    return {
        action
        for policy in inline(role)
        for statement in statements(policy["PolicyDocument"])
        if statement["Effect"] == "Deny" and "lambda:SourceFunctionArn" in statement["Condition"].get("ArnEquals", {})
        if statement["Resource"] == "*"
        for action in listed(statement["Action"])
    }


@rule
def d15_roles_get_no_managed_policy_and_no_wildcard(template):
    findings = []
    for logical_id, resource in template.resources("AWS::IAM::Role").items():
        if "ManagedPolicyArns" in properties(resource):
            findings.append(f"{logical_id} takes managed policies, which hold more than it needs")
        for statement in granted(resource):
            actions = listed(statement["Action"])
            findings += [f"{logical_id} is granted {action}" for action in actions if "*" in action]
            if "*" in [str(place) for place in listed(statement["Resource"])]:
                findings += [
                    f"{logical_id} is granted {action} on everything"
                    for action in actions
                    if action not in WITHOUT_RESOURCE | (IN_A_VPC & denied_to_code(resource))
                ]
    return findings


@rule
def d15_a_star_says_which_action_needs_it(template):
    findings = []
    lines = template.text.splitlines()
    for number, line in enumerate(lines):
        if line.strip() not in ("Resource: '*'", 'Resource: "*"', "- '*'"):
            continue
        comment = []
        for above in reversed(lines[:number]):
            if not above.strip().startswith("#"):
                break
            comment.insert(0, above)
        if not re.search(r"'\*' because [A-Z][a-zA-Z]+", " ".join(comment)):
            findings.append(f"line {number + 1} has no comment that begins with '*' because and names the action")
    return findings


@rule
def d16_other_accounts_are_trusted_by_role_and_external_id(template):
    findings = []
    for logical_id, resource in template.resources("AWS::IAM::Role").items():
        for statement in statements(properties(resource)["AssumeRolePolicyDocument"]):
            principal = statement.get("Principal", {})
            if principal != "*" and "AWS" not in principal:
                continue
            condition = statement.get("Condition", {})
            who = {key.lower(): value for test in condition.values() for key, value in test.items()}
            if condition.get("ArnEquals", {}).get("aws:PrincipalArn") is None:
                findings.append(f"{logical_id} trusts a whole account: no ArnEquals on aws:PrincipalArn")
            elif "*" in json.dumps(who["aws:principalarn"]):
                findings.append(f"{logical_id} trusts more than one role")
            if condition.get("StringEquals", {}).get("sts:ExternalId") is None:
                findings.append(f"{logical_id} asks for no ExternalId")
    return findings


@rule
def d17_passwords_are_generated_and_referred_to(template):
    findings = [
        f"parameter {name} takes a secret"
        for name, parameter in template.section("Parameters").items()
        if re.search(r"password|secret|token", name, re.IGNORECASE)
        # A switch holds no secret, whatever it switches.
        # A switch holds no secret, whatever it switches; an ARN says where one is, to those who may read it.
        if not str(parameter.get("Type")).startswith("AWS::") and "AllowedValues" not in parameter
        if not re.match(r"\^\(?arn:aws", str(parameter.get("AllowedPattern")))
    ]
    for logical_id, resource in template.resources("AWS::OpenSearchService::Domain").items():
        for options in branches(properties(resource).get("AdvancedSecurityOptions")):
            for master in branches(options.get("MasterUserOptions")):
                password = json.dumps(master.get("MasterUserPassword", ""))
                if password != '""' and "{{resolve:secretsmanager:" not in password:
                    findings.append(f"{logical_id} gets its master password in the clear")
    return findings


@rule
def d18_domains_are_open_to_nobody_in_general(template):
    findings = []
    for logical_id, resource in template.resources("AWS::OpenSearchService::Domain").items():
        for statement in statements(properties(resource).get("AccessPolicies", {})):
            actions = listed(statement["Action"])
            if any(action in ("es:*", "*") for action in actions):
                findings.append(f"{logical_id} allows {actions}")
            place = json.dumps(statement["Resource"])
            crossing = actions == ["es:ESCrossClusterGet"]
            if crossing and re.search(r'/\*"|domain/\*', place):
                findings.append(f"{logical_id} allows es:ESCrossClusterGet elsewhere than on exactly one domain")
            in_vpc = statement in only_in_vpc(template, properties(resource)["AccessPolicies"])
            if not crossing and anyone(statement) and "Condition" not in statement and not in_vpc:
                findings.append(f"{logical_id} allows {actions} to everyone without a condition")
            if "domain/*" in place:
                findings.append(f"the access policy of {logical_id} speaks of all domains")
    return findings


def only_in_vpc(template, policy):
    """Statements under the one switch that works only in a VPC and with passwords; `test_assertions.py` holds the Rules to it."""
    switch = {"Fn::Equals": [{"Ref": "InternalUsersInVpc"}, "true"]}
    return [
        entry["Fn::If"][1]
        for entry in listed(policy["Statement"])
        if "Fn::If" in entry and template.section("Conditions").get(entry["Fn::If"][0]) == switch
    ]


@rule
def names_every_statement(template):
    findings = []
    for logical_id, resource in template.resources().items():
        for policy in policies(resource):
            sids = [statement.get("Sid") for statement in statements(policy)]
            if None in sids or len(set(sids)) != len(sids):
                findings.append(f"{logical_id} has statements without a Sid of their own: {sids}")
    return findings
