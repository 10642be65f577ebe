"""Every template keeps every rule, and every rule refuses what it is there to refuse."""

import pytest
from project import TEMPLATES, parse
from rules import RULES

GOOD_HEAD = """\
# Owns nothing.
# Its output is used by nobody.
# Costs idle: nothing.
AWSTemplateFormatVersion: '2010-09-09'
Description: A template for a test
"""



def launched(more=""):
    """An instance that keeps the rules, to break in one place."""
    return (
        """\
Resources:
  T:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: resolve:ssm:/image
        MetadataOptions: {HttpTokens: required}
        BlockDeviceMappings:
          - {DeviceName: /dev/xvda, Ebs: {Encrypted: true}}
  I:
    Type: AWS::EC2::Instance
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref T}
"""
        + more
    )


def nat():
    """A NAT instance that keeps the rules, to break in one place."""
    return """\
Resources:
  Handle:
    Type: AWS::CloudFormation::WaitConditionHandle
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Ready}
  I:
    Type: AWS::EC2::Instance
    DependsOn: [AddressAssociation, Route]
    Properties:
      InstanceInitiatedShutdownBehavior: stop
      UserData: !Sub "#cloud-boothook masquerade ${Ready} systemctl enable"
"""


# What each rule refuses; the d rules get the original sample's own form.
REFUSED = {
    "begins_with_a_comment_of_three_lines": {
        "no header": "AWSTemplateFormatVersion: '2010-09-09'\nDescription: x\nResources: {}\nOutputs: {}\n",
        "no cost": GOOD_HEAD.replace("Costs idle: nothing", "It is cheap") + "Resources: {}\n",
        "a fourth line": "# Owns it.\n# Its.\n# Costs idle: 0.\n# More.\nResources: {}\n",
    },
    "has_its_sections_in_order": {
        "outputs first": GOOD_HEAD + "Outputs: {}\nResources: {}\n",
        "unknown": GOOD_HEAD + "Mappings: {}\nResources: {}\n",
    },
    "describes_every_parameter": {
        "no description": GOOD_HEAD + "Parameters:\n  A:\n    Type: String\nResources: {}\n",
    },
    "calls_optional_parameters_optional": {
        "silently optional": GOOD_HEAD
        + "Parameters:\n  A:\n    Type: String\n    Description: A thing.\n    Default: ''\nResources: {}\n",
        "optional in name": GOOD_HEAD
        + "Parameters:\n  A:\n    Type: String\n    Description: 'Optional: a thing.'\nResources: {}\n",
    },
    "explains_every_pattern": {
        "bare pattern": GOOD_HEAD + "Parameters:\n  A:\n    Type: String\n    AllowedPattern: ^x$\nResources: {}\n",
    },
    "groups_every_parameter": {
        "no group": GOOD_HEAD + "Parameters:\n  A:\n    Type: String\nResources: {}\n",
    },
    "describes_every_output": {
        "no description": GOOD_HEAD + "Resources: {}\nOutputs:\n  A:\n    Value: x\n",
    },
    "exports_nothing": {
        "export": GOOD_HEAD + "Resources: {}\nOutputs:\n  A:\n    Value: x\n    Export:\n      Name: x\n",
    },
    "leaves_names_to_cloudformation": {
        "bucket": GOOD_HEAD + "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: mine\n",
        "literal role name": GOOD_HEAD
        + "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: CrossAccountOpenSearch\n",
    },
    "decides_what_happens_to_data": {
        "only one policy": GOOD_HEAD + "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Delete\n",
    },
    "keeps_logs_for_a_limited_time": {
        "for ever": GOOD_HEAD + "Resources:\n  L:\n    Type: AWS::Logs::LogGroup\n",
    },
    "gives_every_function_its_log_group_and_its_retries": {
        "the sample's": GOOD_HEAD
        + "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Timeout: 600\n",
        "no destination": GOOD_HEAD
        + """\
Resources:
  L:
    Type: AWS::Logs::LogGroup
  F:
    Type: AWS::Lambda::Function
    Properties:
      LoggingConfig: {LogFormat: JSON, LogGroup: !Ref L}
  A:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref F, MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60}
""",
    },
    "limits_the_time_of_every_custom_resource": {
        "the sample's": GOOD_HEAD
        + "Resources:\n  C:\n    Type: AWS::CloudFormation::CustomResource\n    Properties:\n      ServiceToken: x\n",
        "ours": GOOD_HEAD + "Resources:\n  C:\n    Type: Custom::Thing\n    Properties:\n      ServiceToken: x\n",
    },
    "encrypts_everything": {
        "bucket": GOOD_HEAD + "Resources:\n  B:\n    Type: AWS::S3::Bucket\n",
        "queue": GOOD_HEAD + "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n",
        "domain": GOOD_HEAD
        + """\
Resources:
  D:
    Type: AWS::OpenSearchService::Domain
    Properties:
      EncryptionAtRestOptions: {Enabled: true}
      NodeToNodeEncryptionOptions: {Enabled: true}
      DomainEndpointOptions: {EnforceHTTPS: true, TLSSecurityPolicy: Policy-Min-TLS-1-0-2019-07}
""",
    },
    "blocks_public_buckets": {
        "bucket": GOOD_HEAD + "Resources:\n  B:\n    Type: AWS::S3::Bucket\n",
    },
    "supports_a_permissions_boundary": {
        "role": GOOD_HEAD + "Resources:\n  R:\n    Type: AWS::IAM::Role\n",
    },
    "d15_roles_get_no_managed_policy_and_no_wildcard": {
        "AmazonS3FullAccess": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3FullAccess']
""",
        "ec2 on everything": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement: {Effect: Allow, Action: ['ec2:StartInstances', 'ec2:StopInstances'], Resource: '*'}
""",
        "interfaces for the function's own code": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - !If
          - C
          - PolicyDocument:
              Statement:
                - {Effect: Allow, Action: 'ec2:DeleteNetworkInterface', Resource: '*'}
                - {Effect: Deny, Action: 'ec2:DeleteNetworkInterface', Resource: '*', Condition: {StringEquals: {a: b}}}
          - !Ref AWS::NoValue
""",
        "create on everything": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement: !If [C, {Effect: Allow, Action: 'es:CreateOutboundConnection', Resource: ['*']}, !Ref AWS::NoValue]
""",
        "all actions": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument: {Statement: {Effect: Allow, Action: 'ssm:*', Resource: 'arn:aws:ssm:::parameter/x'}}
""",
    },
    "d15_a_star_says_which_action_needs_it": {
        "no comment": GOOD_HEAD + "Resources:\n  R:\n    Resource: '*'\n",
        "comment without the action": GOOD_HEAD + "Resources:\n  R:\n    # It is easier.\n    Resource: '*'\n",
    },
    "d16_other_accounts_are_trusted_by_role_and_external_id": {
        "root of the account": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${OriginAccount}:root'}, Action: 'sts:AssumeRole'}
""",
        "no ExternalId": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {AWS: 'arn:aws:iam::222222222222:root'}
            Condition: {ArnEquals: {aws:PrincipalArn: 'arn:aws:iam::222222222222:role/provider'}}
""",
        "any role": GOOD_HEAD
        + """\
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: '*'
            Condition:
              ArnEquals: {aws:PrincipalArn: 'arn:aws:iam::222222222222:role/*'}
              StringEquals: {sts:ExternalId: x}
""",
    },
    "d17_passwords_are_generated_and_referred_to": {
        "parameter": GOOD_HEAD
        + "Parameters:\n  OpenSearchPassword:\n    Type: String\n    Description: Password.\nResources: {}\n",
        "in the clear": GOOD_HEAD
        + """\
Resources:
  D:
    Type: AWS::OpenSearchService::Domain
    Properties:
      AdvancedSecurityOptions: {MasterUserOptions: {MasterUserPassword: !Ref P}}
""",
    },
    "d18_domains_are_open_to_nobody_in_general": {
        "everything to everyone": GOOD_HEAD
        + """\
Resources:
  D:
    Type: AWS::OpenSearchService::Domain
    Properties:
      AccessPolicies:
        Statement:
          - {Effect: Allow, Principal: {AWS: '*'}, Action: 'es:*', Resource: !Sub 'arn:aws:es:${AWS::Region}:x:domain/*/*'}
""",
        "http to everyone": GOOD_HEAD
        + """\
Resources:
  D:
    Type: AWS::OpenSearchService::Domain
    Properties:
      AccessPolicies:
        Statement: {Effect: Allow, Principal: '*', Action: 'es:ESHttp*', Resource: 'arn:aws:es:us-east-1:1:domain/mine/*'}
""",
        "crossing into all domains": GOOD_HEAD
        + """\
Resources:
  D:
    Type: AWS::OpenSearchService::Domain
    Properties:
      AccessPolicies:
        Statement: {Effect: Allow, Principal: '*', Action: 'es:ESCrossClusterGet', Resource: 'arn:aws:es:us-east-1:1:domain/*'}
""",
        "crossing with a slash and star": GOOD_HEAD
        + """\
Resources:
  D:
    Type: AWS::OpenSearchService::Domain
    Properties:
      AccessPolicies:
        Statement: {Effect: Allow, Principal: '*', Action: 'es:ESCrossClusterGet', Resource: 'arn:aws:es:us-east-1:1:domain/mine/*'}
""",
    },
    "d23_no_availability_zone_is_written_down": {
        "the sample's": GOOD_HEAD
        + "Resources:\n  S:\n    Type: AWS::EC2::Subnet\n    Properties:\n      AvailabilityZone: us-east-1a\n",
    },
    "d22_domains_in_a_vpc_wear_a_security_group_of_their_own": {
        "the sample's": GOOD_HEAD
        + "Resources:\n  D:\n    Type: AWS::OpenSearchService::Domain\n    Properties:\n      VPCOptions: {SubnetIds: [a]}\n",
        "somebody else's": GOOD_HEAD
        + """\
Resources:
  D:
    Type: AWS::OpenSearchService::Domain
    Properties:
      VPCOptions: !If [C, {SubnetIds: [a], SecurityGroupIds: [!Ref Group]}, !Ref AWS::NoValue]
""",
    },
    "d22_nobody_is_let_in_from_everywhere": {
        "in its group": GOOD_HEAD
        + """\
Resources:
  G:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: All}
""",
        "on its own": GOOD_HEAD
        + """\
Resources:
  I:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: x, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: All}
""",
        "ssh": GOOD_HEAD
        + """\
Resources:
  I:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: x, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8, Description: Office}
""",
        "under a condition": GOOD_HEAD
        + """\
Resources:
  G:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupIngress:
        - !If [C, {IpProtocol: '-1', CidrIp: 10.0.0.0/8, Description: All}, !Ref AWS::NoValue]
""",
        "nobody in particular": GOOD_HEAD
        + """\
Resources:
  I:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: x, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}
""",
    },
    "security_groups_say_what_goes_out": {
        "nothing said": GOOD_HEAD + "Resources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n",
        "everything": GOOD_HEAD
        + """\
Resources:
  E:
    Type: AWS::EC2::SecurityGroupEgress
    Properties: {GroupId: x, IpProtocol: '-1', CidrIp: 0.0.0.0/0}
""",
    },
    "subnets_give_no_public_addresses": {
        "public": GOOD_HEAD
        + "Resources:\n  S:\n    Type: AWS::EC2::Subnet\n    Properties:\n      MapPublicIpOnLaunch: true\n",
        "nothing said": GOOD_HEAD + "Resources:\n  S:\n    Type: AWS::EC2::Subnet\n",
    },
    "gateway_endpoints_let_through_what_is_named": {
        "the sample's": GOOD_HEAD
        + "Resources:\n  E:\n    Type: AWS::EC2::VPCEndpoint\n    Properties:\n      VpcEndpointType: Gateway\n",
        "all buckets": GOOD_HEAD
        + """\
Resources:
  E:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcEndpointType: Gateway
      PolicyDocument:
        Statement: {Sid: A, Effect: Allow, Principal: '*', Action: 's3:PutObject', Resource: ['*']}
""",
        "all actions": GOOD_HEAD
        + """\
Resources:
  E:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcEndpointType: Gateway
      PolicyDocument:
        Statement: {Sid: A, Effect: Allow, Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::b/*'}
""",
    },
    "instances_are_closed_and_encrypted": {
        "the sample's": GOOD_HEAD
        + "Resources:\n  I:\n    Type: AWS::EC2::Instance\n    Properties:\n      ImageId: !Ref LatestAmiId\n",
        "with a key": GOOD_HEAD + launched("      KeyName: mine\n"),
        "image looked up at every update": GOOD_HEAD + launched("      ImageId: !Ref LatestAmiId\n"),
        "old metadata": GOOD_HEAD + launched().replace("required", "optional"),
        "clear disk": GOOD_HEAD + launched().replace("Encrypted: true", "Encrypted: false"),
        "fixed image": GOOD_HEAD + launched().replace("resolve:ssm:/image", "ami-1"),
    },
    "d13_a_nat_instance_is_one_after_every_boot_and_says_so": {
        "the sample's": GOOD_HEAD
        + """\
Resources:
  I:
    Type: AWS::EC2::Instance
    Properties:
      UserData: !Base64 "yum install iptables-services -y; iptables -t nat -A POSTROUTING -j MASQUERADE; shutdown -h now"
""",
        "first boot only": GOOD_HEAD + nat().replace("#cloud-boothook", "#!/bin/bash"),
        "with a download": GOOD_HEAD + nat().replace("masquerade", "dnf install nftables; masquerade"),
        "nobody is told": GOOD_HEAD + nat().replace("${Ready}", "nobody"),
        "before it has a way out": GOOD_HEAD + nat().replace("DependsOn: [AddressAssociation, Route]", "DependsOn: Route"),
        "terminated when it halts": GOOD_HEAD + nat().replace("ShutdownBehavior: stop", "ShutdownBehavior: terminate"),
    },
    "names_every_statement": {
        "no Sid": GOOD_HEAD
        + "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n"
        + "        Statement: {Effect: Allow}\n",
    },
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_template_keeps_rule(rule, path):
    assert rule(parse(path.name, path.read_text())) == []


@pytest.mark.parametrize(
    ("rule", "form"),
    [(rule, form) for rule in RULES for form in REFUSED[rule.__name__]],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_rule_refuses(rule, form):
    assert rule(parse(form, REFUSED[rule.__name__][form])) != []


def test_the_head_of_the_refused_templates_is_not_what_is_refused():
    harmless = parse("harmless", GOOD_HEAD + "Resources: {}\n")
    assert [finding for rule in RULES for finding in rule(harmless)] == []


def test_what_the_refused_instances_are_made_from_is_not_what_is_refused():
    for resources, checked in ((launched(), "instances_are_closed_and_encrypted"), (nat(), "d13_a_nat_instance")):
        for rule in RULES:
            if rule.__name__.startswith(checked):
                assert rule(parse("harmless", GOOD_HEAD + resources)) == []
