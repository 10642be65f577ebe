"""How a template is written."""

from reading import properties, rule


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
