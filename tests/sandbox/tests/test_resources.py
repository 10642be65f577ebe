"""The resource types the templates use: made, seen through the API, and gone after deletion."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

from .conftest import BOOTSTRAP, FOLLOWER, Stack, sys, until

ARN = "arn:${AWS::Partition}:es:${AWS::Region}:${AWS::AccountId}:domain/"


def everything(bucket, name):
    """One of each type, wired to each other as the product's templates are."""
    return {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "GenerateSecretString": {
                    "SecretStringTemplate": '{"username": "master"}',
                    "GenerateStringKey": "password",
                    "PasswordLength": 32,
                }
            },
        },
        "Domain": {
            "Type": "AWS::OpenSearchService::Domain",
            "Properties": {
                "DomainName": f"domain-{name}",
                "EngineVersion": "OpenSearch_2.19",
                "ClusterConfig": {"InstanceType": "m6g.large.search", "InstanceCount": 1},
                "EBSOptions": {"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 20},
                "NodeToNodeEncryptionOptions": {"Enabled": "true"},
                "EncryptionAtRestOptions": {"Enabled": True},
                "DomainEndpointOptions": {"EnforceHTTPS": True},
                "AdvancedSecurityOptions": {
                    "Enabled": True,
                    "InternalUserDatabaseEnabled": True,
                    "MasterUserOptions": {
                        "MasterUserName": "master",
                        "MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"},
                    },
                },
                "AccessPolicies": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": "*"},
                            "Action": "es:ESCrossClusterGet",
                            "Resource": {"Fn::Sub": ARN + f"domain-{name}"},
                        }
                    ]
                },
            },
        },
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
        },
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ]
                },
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ]
                },
                "ManagedPolicyArns": [{"Ref": "ManagedPolicy"}],
                "Policies": [
                    {
                        "PolicyName": "logs",
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                                    "Resource": {"Fn::GetAtt": ["LogGroup", "Arn"]},
                                }
                            ]
                        },
                    }
                ],
            },
        },
        "ManagedPolicy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
            },
        },
        "LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": True}},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Queue"}],
                "PolicyDocument": {
                    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]
                },
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"cfn-{name}",
                "Runtime": "provided.al2023",
                "Handler": "bootstrap",
                "Architectures": ["arm64"],
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"S3Bucket": bucket, "S3Key": "code.zip"},
                "Timeout": "10",
                "LoggingConfig": {"LogFormat": "JSON", "LogGroup": {"Ref": "LogGroup"}},
                "Environment": {"Variables": {"CLAIMS_PATH": "/tandem/claims"}},
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com",
            },
        },
        "Retries": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "Qualifier": "$LATEST",
                "MaximumRetryAttempts": 1,
                "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Queue", "Arn"]}}},
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "AWS/Lambda",
                "MetricName": "Errors",
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "AlarmActions": [{"Ref": "Topic"}],
            },
        },
        "Parameter": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": f"/cfn/{name}",
                "Type": "String",
                "Value": {"Fn::GetAtt": ["Domain", "DomainEndpoint"]},
            },
        },
        "Thing": {"Echo": {"Fn::GetAtt": ["Domain", "Arn"]}, "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}},
    }


@pytest.fixture
def bucket(aws, name):
    """A bucket with the stand-in's zip."""
    s3, bucket_name = aws("s3"), f"code-{name}"
    s3.create_bucket(Bucket=bucket_name, CreateBucketConfiguration={"LocationConstraint": FOLLOWER[1]})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        packed.writestr(info, f"#!{sys.executable}\n{BOOTSTRAP.read_text()}")
    s3.put_object(Bucket=bucket_name, Key="code.zip", Body=archive.getvalue())
    yield bucket_name
    s3.delete_object(Bucket=bucket_name, Key="code.zip")
    s3.delete_bucket(Bucket=bucket_name)


def leftovers(sandbox, ours=""):
    return [item for item in sandbox.control("/leftovers")["items"] if ours in item]


def test_every_type_of_the_templates_works_and_leaves_nothing(aws, sandbox, name, bucket):
    before = leftovers(sandbox)
    stack = Stack(aws, sandbox, f"all-{name}", "")
    resources = everything(bucket, name)
    assert stack.create(resources, Capabilities=["CAPABILITY_NAMED_IAM"]) == "CREATE_COMPLETE", stack.reasons("Domain")
    physical = {
        r["LogicalResourceId"]: r["PhysicalResourceId"]
        for r in stack.client.describe_stack_resources(StackName=stack.id)["StackResources"]
    }
    domain = aws("opensearch").describe_domain(DomainName=physical["Domain"])["DomainStatus"]
    assert domain["NodeToNodeEncryptionOptions"]["Enabled"]
    assert domain["AdvancedSecurityOptions"]["Enabled"]
    assert domain["EngineVersion"] == "OpenSearch_2.19"
    assert domain["ClusterConfig"]["InstanceType"] == "m6g.large.search"
    assert domain["DomainEndpointOptions"]["EnforceHTTPS"]
    assert "ESCrossClusterGet" in domain["AccessPolicies"]
    assert physical["Secret"].startswith("arn:aws:secretsmanager:us-west-2:222222222222:secret:")
    assert domain["Endpoint"].endswith(".us-west-2.es.amazonaws.com")
    secret = json.loads(aws("secretsmanager").get_secret_value(SecretId=physical["Secret"])["SecretString"])
    assert (secret["username"], len(secret["password"])) == ("master", 32)
    config = aws("lambda").get_function_event_invoke_config(FunctionName=physical["Function"], Qualifier="$LATEST")
    assert config["MaximumRetryAttempts"] == 1
    assert "arm64" in aws("lambda").get_function_configuration(FunctionName=physical["Function"])["Architectures"]
    assert aws("cloudwatch").describe_alarms()["MetricAlarms"]
    parameter = aws("ssm").get_parameter(Name=f"/cfn/{name}")["Parameter"]["Value"]
    assert parameter == domain["Endpoint"]
    (created,) = stack.sent("Thing")
    assert created["event"]["ResourceProperties"]["Echo"] == domain["ARN"]
    assert until(lambda: aws("logs").describe_log_streams(logGroupName=physical["LogGroup"])["logStreams"])
    aws("lambda").invoke(FunctionName=physical["Function"], InvocationType="Event", Payload=b'{"fail": true}')
    notes = until(
        lambda: [
            n for n in sandbox.control("/journal?kind=note")["entries"] if n.get("function") == physical["Function"]
        ]
    )
    assert not notes[-1]["allowed"]
    resources["Secret"]["Properties"]["Description"] = "changed"
    assert stack.update(resources, Capabilities=["CAPABILITY_NAMED_IAM"]) == "UPDATE_COMPLETE"
    assert aws("secretsmanager").describe_secret(SecretId=physical["Secret"])["Description"] == "changed"
    assert stack.delete() == "DELETE_COMPLETE"
    assert leftovers(sandbox) == before


def test_a_bucket_with_versions_cannot_be_deleted(aws, sandbox, name):
    s3, stack = aws("s3"), Stack(aws, sandbox, f"bucket-{name}", "")
    bucket = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": f"b-{name}", "VersioningConfiguration": {"Status": "Enabled"}},
    }
    stack.create({"Bucket": bucket})
    s3.put_object(Bucket=f"b-{name}", Key="k", Body=b"1")
    s3.delete_object(Bucket=f"b-{name}", Key="k")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=f"b-{name}")
    assert stack.delete() == "DELETE_FAILED"
    assert any("The bucket you tried to delete is not empty" in reason for reason in stack.reasons("Bucket"))
    versions = s3.list_object_versions(Bucket=f"b-{name}")
    for item in versions.get("Versions", []) + versions.get("DeleteMarkers", []):
        s3.delete_object(Bucket=f"b-{name}", Key=item["Key"], VersionId=item["VersionId"])
    stack.client.delete_stack(StackName=stack.name)
    until(lambda: stack.status() == "DELETE_COMPLETE")


@pytest.mark.parametrize(
    "form",
    [
        "https://{bucket}.s3.us-west-2.amazonaws.com/t.json",
        "https://{bucket}.s3.amazonaws.com/t.json",
        "{endpoint}/{bucket}/t.json",
    ],
)
def test_templates_are_read_from_any_style_of_url(aws, sandbox, name, form):
    stack, s3 = Stack(aws, sandbox, f"url-{name}", ""), aws("s3")
    s3.create_bucket(Bucket=f"u-{name}", CreateBucketConfiguration={"LocationConstraint": FOLLOWER[1]})
    body = stack.template({"Topic": {"Type": "AWS::SNS::Topic"}})
    s3.put_object(Bucket=f"u-{name}", Key="t.json", Body=body.encode())
    url = form.format(bucket=f"u-{name}", endpoint=sandbox.endpoint)
    stack.id = stack.client.create_stack(StackName=stack.name, TemplateURL=url)["StackId"]
    assert stack.settled() == "CREATE_COMPLETE"
    stack.delete()


def test_a_role_sees_its_requests_as_encrypted_in_transit(aws, name, bucket):
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    aws("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [deny]}))
    from .test_authorization import allow, role

    keys = aws.assume(role(aws, f"s3-{name}", [allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")]))
    aws("s3", credentials=keys).get_object(Bucket=bucket, Key="code.zip")
