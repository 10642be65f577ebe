"""Networks and instances: who reaches whom, and what they are."""

import json
import re

from reading import branches, listed, properties, rule, statements


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
