"""What a resource must not be without."""

import json
import re

from reading import possible, properties, rule, statements

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
