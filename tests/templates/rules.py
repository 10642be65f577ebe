"""The rules every template keeps, each a function from a template to a list of findings.

A rule whose name begins with a defect's id (d15, d16, ...) refuses what the original sample shipped.
`test_rules.py` runs every rule over every template, and over a small bad template that it has to refuse.
"""

import json
import re

RULES = []


def rule(function):
    RULES.append(function)
    return function


# ---- How a template is written ------------------------------------------------------------------------------------


@rule
def begins_with_a_comment_of_three_lines(template):
    lines = template.text.splitlines()
    head = lines[:3]
    if not all(line.startswith("# ") for line in head) or lines[3].startswith("#"):
        return ["the file does not begin with three lines of comment"]
    openings = ("# Owns ", "# It", "# Costs idle: ")
    return [
        f"line {number} does not begin with {opening!r}"
        for number, (line, opening) in enumerate(zip(head, openings, strict=True), 1)
        if not line.startswith(opening)
    ]


SECTIONS = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Conditions",
    "Resources",
    "Outputs",
]


@rule
def has_its_sections_in_order(template):
    found = [section for section in template.content if not section.startswith("__")]
    expected = [section for section in SECTIONS if section in found]
    return [] if found == expected else [f"sections are {found}, expected {expected}"]


@rule
def describes_every_parameter(template):
    return [
        f"parameter {name} has no Description of one sentence"
        for name, parameter in template.section("Parameters").items()
        if not str(parameter.get("Description", "")).endswith(".")
    ]


@rule
def calls_optional_parameters_optional(template):
    return [
        f"parameter {name}: an empty Default and a Description that begins with Optional go together"
        for name, parameter in template.section("Parameters").items()
        if (parameter.get("Default") == "") != str(parameter.get("Description", "")).startswith("Optional: ")
    ]


@rule
def explains_every_pattern(template):
    return [
        f"parameter {name} has an AllowedPattern without a ConstraintDescription"
        for name, parameter in template.section("Parameters").items()
        if "AllowedPattern" in parameter and "ConstraintDescription" not in parameter
    ]


@rule
def groups_every_parameter(template):
    interface = template.section("Metadata").get("AWS::CloudFormation::Interface", {})
    grouped = [name for group in interface.get("ParameterGroups", []) for name in group["Parameters"]]
    declared = list(template.section("Parameters"))
    return [] if sorted(grouped) == sorted(declared) else [f"groups name {grouped}, parameters are {declared}"]


@rule
def describes_every_output(template):
    return [
        f"output {name} has no Description of one sentence"
        for name, output in template.section("Outputs").items()
        if not str(output.get("Description", "")).endswith(".")
    ]


@rule
def exports_nothing(template):
    return [
        f"output {name} is exported, which reaches neither another Region nor another account"
        for name, output in template.section("Outputs").items()
        if "Export" in output
    ]


# CloudFormation refuses to change a ServiceToken, another account's policy has to name the accepter role before it
# exists, and a connection names its domains: these names are fixed, all others are CloudFormation's.
FIXED_NAMES = {
    ("AWS::Lambda::Function", "FunctionName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::OpenSearchService::Domain", "DomainName"),
}
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::EC2::LaunchTemplate": "LaunchTemplateName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::OpenSearchService::Domain": "DomainName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SQS::Queue": "QueueName",
}


@rule
def leaves_names_to_cloudformation(template):
    findings = []
    for logical_id, resource in template.resources(*NAMES).items():
        key = NAMES[resource["Type"]]
        name = properties(resource).get(key)
        if name is None:
            continue
        if (resource["Type"], key) not in FIXED_NAMES:
            findings.append(f"{logical_id} has a physical name")
        elif not (isinstance(name, dict) and name.get("Ref") in template.section("Parameters")):
            findings.append(f"the name of {logical_id} is not a parameter")
    return findings


# ---- What a resource must not be without --------------------------------------------------------------------------

STATEFUL = (
    "AWS::Logs::LogGroup",
    "AWS::OpenSearchService::Domain",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
)


@rule
def decides_what_happens_to_data(template):
    return [
        f"{logical_id} has no {policy}"
        for logical_id, resource in template.resources(*STATEFUL).items()
        for policy in ("DeletionPolicy", "UpdateReplacePolicy")
        if policy not in resource
    ]


@rule
def keeps_logs_for_a_limited_time(template):
    return [
        f"log group {logical_id} has no RetentionInDays"
        for logical_id, resource in template.resources("AWS::Logs::LogGroup").items()
        if "RetentionInDays" not in properties(resource)
    ]


@rule
def gives_every_function_its_log_group_and_its_retries(template):
    findings = []
    retries = {
        json.dumps(properties(resource).get("FunctionName")): properties(resource)
        for resource in template.resources("AWS::Lambda::EventInvokeConfig").values()
    }
    for logical_id, resource in template.resources("AWS::Lambda::Function").items():
        logging = properties(resource).get("LoggingConfig", {})
        if logging.get("LogFormat") != "JSON":
            findings.append(f"{logical_id} does not log JSON")
        if logging.get("LogGroup", {}).get("Ref") not in template.resources("AWS::Logs::LogGroup"):
            findings.append(f"{logical_id} does not log to a log group of this template")
        asynchronous = retries.get(json.dumps({"Ref": logical_id}), {})
        for key in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
            if key not in asynchronous:
                findings.append(f"{logical_id} has no {key}")
        if "OnFailure" not in asynchronous.get("DestinationConfig", {}):
            findings.append(f"{logical_id} has no destination for events that failed")
    return findings


@rule
def limits_the_time_of_every_custom_resource(template):
    return [
        f"{logical_id} has no ServiceTimeout"
        for logical_id, resource in template.resources().items()
        if resource["Type"].startswith("Custom::") or resource["Type"] == "AWS::CloudFormation::CustomResource"
        if "ServiceTimeout" not in properties(resource)
    ]


@rule
def encrypts_everything(template):
    findings = []
    for logical_id, resource in template.resources().items():
        given = properties(resource)
        match resource["Type"]:
            case "AWS::S3::Bucket":
                if "BucketEncryption" not in given:
                    findings.append(f"{logical_id} is not encrypted")
                if logical_id not in buckets_that_refuse_plain_text(template):
                    findings.append(f"{logical_id} can be reached without TLS")
            case "AWS::SQS::Queue":
                if given.get("SqsManagedSseEnabled") is not True and "KmsMasterKeyId" not in given:
                    findings.append(f"{logical_id} is not encrypted")
            case "AWS::OpenSearchService::Domain":
                if given.get("EncryptionAtRestOptions", {}).get("Enabled") is not True:
                    findings.append(f"{logical_id} is not encrypted at rest")
                # The one switch: a connection to a domain without it fails, and that has to be shown.
                between_nodes = given.get("NodeToNodeEncryptionOptions", {}).get("Enabled")
                if between_nodes not in (True, {"Ref": "NodeToNodeEncryption"}):
                    findings.append(f"{logical_id} is not encrypted between its nodes")
                endpoint = given.get("DomainEndpointOptions", {})
                if endpoint.get("EnforceHTTPS") is not True:
                    findings.append(f"{logical_id} can be reached without TLS")
                for policy in possible(template, endpoint.get("TLSSecurityPolicy")):
                    if not re.match(r"Policy-Min-TLS-1-[2-9]-(PFS|RFC9151)-", str(policy)):
                        findings.append(f"{logical_id} accepts old versions of TLS")
    return findings


def buckets_that_refuse_plain_text(template):
    return {
        properties(resource)["Bucket"]["Ref"]
        for resource in template.resources("AWS::S3::BucketPolicy").values()
        for statement in statements(properties(resource)["PolicyDocument"])
        if statement["Effect"] == "Deny"
        if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    }


@rule
def blocks_public_buckets(template):
    switches = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return [
        f"{logical_id} does not set {switch}"
        for logical_id, resource in template.resources("AWS::S3::Bucket").items()
        for switch in switches
        if properties(resource).get("PublicAccessBlockConfiguration", {}).get(switch) is not True
    ]


@rule
def supports_a_permissions_boundary(template):
    findings = []
    for logical_id, resource in template.resources("AWS::IAM::Role").items():
        if "PermissionsBoundary" not in properties(resource):
            findings.append(f"{logical_id} has no PermissionsBoundary")
        if "PermissionsBoundary" not in template.section("Parameters"):
            findings.append("there is no parameter PermissionsBoundary")
    return findings


# ---- Who may do what ----------------------------------------------------------------------------------------------

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
        if not str(parameter.get("Type")).startswith("AWS::") and "AllowedValues" not in parameter
    ]
    for logical_id, resource in template.resources("AWS::OpenSearchService::Domain").items():
        for options in branches(properties(resource).get("AdvancedSecurityOptions")):
            password = json.dumps(options.get("MasterUserOptions", {}).get("MasterUserPassword", ""))
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


# ---- Networks and instances ---------------------------------------------------------------------------------------


@rule
def d23_no_availability_zone_is_written_down(template):
    return [
        f"line {number} names the zone {zone}"
        for number, line in enumerate(template.text.splitlines(), 1)
        for zone in re.findall(r"\b[a-z]{2}(?:-[a-z]+)+-[0-9][a-f]\b", line)
    ]


@rule
def d22_domains_in_a_vpc_wear_a_security_group_of_their_own(template):
    findings = []
    for logical_id, resource in template.resources("AWS::OpenSearchService::Domain").items():
        for options in branches(properties(resource).get("VPCOptions")):
            groups = [group.get("Ref") for group in options.get("SecurityGroupIds", [])]
            if not groups or not set(groups) <= set(template.resources("AWS::EC2::SecurityGroup")):
                findings.append(f"{logical_id} wears {groups or 'the default group of its VPC'}")
    return findings


@rule
def d22_nobody_is_let_in_from_everywhere(template):
    findings = []
    for logical_id, place, entry in security_group_rules(template, "Ingress"):
        if entry.get("CidrIp") in ("0.0.0.0/0", "::/0") or "CidrIpv6" in entry:
            findings.append(f"{logical_id} lets in everybody")
        if (entry.get("IpProtocol"), entry.get("FromPort"), entry.get("ToPort")) != ("tcp", 443, 443):
            findings.append(f"{logical_id} lets in more than HTTPS")
        if "Description" not in entry:
            findings.append(f"{logical_id} does not say whom {place} lets in")
    return findings


@rule
def security_groups_say_what_goes_out(template):
    return [
        f"{logical_id} lets everything out, because no rule says otherwise"
        for logical_id, resource in template.resources("AWS::EC2::SecurityGroup").items()
        if not properties(resource).get("SecurityGroupEgress")
    ] + [
        f"{logical_id} lets out more than HTTPS"
        for logical_id, _, entry in security_group_rules(template, "Egress")
        if entry.get("CidrIp") != "127.0.0.1/32"
        if (entry.get("IpProtocol"), entry.get("FromPort"), entry.get("ToPort")) != ("tcp", 443, 443)
    ]


@rule
def subnets_give_no_public_addresses(template):
    return [
        f"{logical_id} gives public addresses"
        for logical_id, resource in template.resources("AWS::EC2::Subnet").items()
        if properties(resource).get("MapPublicIpOnLaunch") is not False
    ]


@rule
def gateway_endpoints_let_through_what_is_named(template):
    findings = []
    for logical_id, resource in template.resources("AWS::EC2::VPCEndpoint").items():
        given = properties(resource)
        if given.get("VpcEndpointType") != "Gateway":
            continue
        for statement in statements(given.get("PolicyDocument", {"Statement": {"Action": "*", "Resource": "*"}})):
            if any("*" in action for action in listed(statement["Action"])) or "*" in listed(statement["Resource"]):
                findings.append(f"{logical_id} lets everything through")
    return findings


@rule
def instances_are_closed_and_encrypted(template):
    findings = []
    launch = template.resources("AWS::EC2::LaunchTemplate")
    for logical_id, resource in template.resources("AWS::EC2::Instance").items():
        given = properties(resource)
        source = given.get("LaunchTemplate", {}).get("LaunchTemplateId", {}).get("Ref")
        data = properties(launch[source])["LaunchTemplateData"] if source in launch else {}
        if data.get("MetadataOptions", {}).get("HttpTokens") != "required":
            findings.append(f"{logical_id} answers metadata requests without a token")
        disks = data.get("BlockDeviceMappings", [])
        if not disks or not all(disk["Ebs"].get("Encrypted") is True for disk in disks):
            findings.append(f"{logical_id} is not encrypted")
        if "KeyName" in given or "KeyName" in data:
            findings.append(f"{logical_id} has a key pair")
        if "resolve:ssm:" not in json.dumps(data.get("ImageId", "")):
            findings.append(f"the image of {logical_id} is not looked up when it is launched")
        if "ImageId" in given:
            findings.append(f"the image of {logical_id} is looked up again at every update")
    return findings


@rule
def d13_a_nat_instance_is_one_after_every_boot_and_says_so(template):
    findings = []
    for logical_id, resource in template.resources("AWS::EC2::Instance").items():
        script = json.dumps(properties(resource).get("UserData", ""))
        if "masquerade" not in script.lower():
            continue
        findings += [
            f"{logical_id} downloads packages: {tool}"
            for tool in re.findall(r"\b(?:yum|dnf|apt|apt-get|snap|pip3?|npm) (?:-y )?install\b", script)
        ]
        if "#cloud-boothook" not in script or "systemctl enable" not in script:
            findings.append(f"{logical_id} is a NAT after its first boot only")
        waits = [properties(wait) for wait in template.resources("AWS::CloudFormation::WaitCondition").values()]
        if not any("${" + wait["Handle"]["Ref"] + "}" in script for wait in waits):
            findings.append(f"{logical_id} tells nobody whether it is a NAT")
        if not {"AddressAssociation", "Route"} <= set(listed(resource.get("DependsOn", []))):
            findings.append(f"{logical_id} may start before it has a way out")
        if properties(resource).get("InstanceInitiatedShutdownBehavior") != "stop":
            findings.append(f"{logical_id} is gone when it halts itself")
    return findings


def security_group_rules(template, direction):
    """Every rule of a direction, inside its group or on its own, as (logical id, group, rule)."""
    for logical_id, resource in template.resources("AWS::EC2::SecurityGroup").items():
        for option in branches(properties(resource).get(f"SecurityGroup{direction}")):
            for entry in option:
                for branch in branches(entry):
                    yield logical_id, logical_id, branch
    for logical_id, resource in template.resources(f"AWS::EC2::SecurityGroup{direction}").items():
        yield logical_id, properties(resource).get("GroupId"), properties(resource)


@rule
def names_every_statement(template):
    findings = []
    for logical_id, resource in template.resources().items():
        for policy in policies(resource):
            sids = [statement.get("Sid") for statement in statements(policy)]
            if None in sids or len(set(sids)) != len(sids):
                findings.append(f"{logical_id} has statements without a Sid of their own: {sids}")
    return findings


# ---- Reading a template -------------------------------------------------------------------------------------------


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
