"""Instances that take their time, functions that only get out where a way leads, and what cannot be deleted."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import FOLLOWER, LEADER, make_function, until
from .networks import NetworkStack, https, instance, nat, ref, resource, vpc

SIGNALLING = "#!/bin/bash\ncurl --request PUT '${Ready}'"


@pytest.fixture
def network(aws, sandbox, name):
    made = NetworkStack(aws, sandbox, f"network-{name}")
    yield made
    sandbox.control("/timing", {"booting": [0.2, 0.6], "stopping": [0.3, 0.8]})
    sandbox.control("/behaviour", {"instance_boot": "success"})
    if made.id and made.status() != "DELETE_COMPLETE":
        made.delete()


def state(ec2, instance_id):
    (found,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"]
    return found["State"]["Name"]


def test_an_instance_takes_time_to_stop_and_to_start_and_is_not_started_meanwhile(aws, network):
    nat_id, ec2 = network.must_create({**vpc(), **nat()})["Instance"], aws("ec2")
    assert state(ec2, nat_id) == "running"
    assert ec2.start_instances(InstanceIds=[nat_id])["StartingInstances"][0]["CurrentState"]["Name"] == "running"
    changed = ec2.stop_instances(InstanceIds=[nat_id])["StoppingInstances"][0]
    assert (changed["PreviousState"]["Name"], changed["CurrentState"]["Name"]) == ("running", "stopping")
    with pytest.raises(ClientError) as refused:
        ec2.start_instances(InstanceIds=[nat_id])
    assert refused.value.response["Error"]["Code"] == "IncorrectInstanceState"
    ec2.stop_instances(InstanceIds=[nat_id])
    until(lambda: state(ec2, nat_id) == "stopped")
    ec2.stop_instances(InstanceIds=[nat_id])
    ec2.start_instances(InstanceIds=[nat_id])
    assert state(ec2, nat_id) == "pending"
    with pytest.raises(ClientError) as refused:
        ec2.stop_instances(InstanceIds=[nat_id])
    assert refused.value.response["Error"]["Code"] == "IncorrectInstanceState"
    until(lambda: state(ec2, nat_id) == "running")
    assert network.delete() == "DELETE_COMPLETE"


def test_a_malformed_and_an_unknown_instance_are_told_apart(aws):
    for instance_id, code in (("i-x", "InvalidInstanceID.Malformed"), ("i-" + "0" * 17, "InvalidInstanceID.NotFound")):
        with pytest.raises(ClientError) as refused:
            aws("ec2").start_instances(InstanceIds=[instance_id])
        assert refused.value.response["Error"]["Code"] == code


def test_an_instance_keeps_its_interface_and_address_when_it_stops(aws, network):
    ids, ec2 = network.must_create({**vpc(), **nat()}), aws("ec2")

    def route():
        (table,) = ec2.describe_route_tables(RouteTableIds=[ids["PrivateTable"]])["RouteTables"]
        return next(r["State"] for r in table["Routes"] if r["DestinationCidrBlock"] == "0.0.0.0/0")

    (found,) = ec2.describe_instances(InstanceIds=[ids["Instance"]])["Reservations"][0]["Instances"]
    assert found["PublicIpAddress"] == ids["Address"]
    assert found["NetworkInterfaces"][0]["NetworkInterfaceId"] == ids["Interface"]
    assert route() == "active"
    ec2.stop_instances(InstanceIds=[ids["Instance"]])
    until(lambda: state(ec2, ids["Instance"]) == "stopped")
    assert route() == "blackhole"
    (address,) = [a for a in ec2.describe_addresses()["Addresses"] if a["PublicIp"] == ids["Address"]]
    assert address["NetworkInterfaceId"] == ids["Interface"]


@pytest.mark.parametrize(("outcome", "status"), [("success", "CREATE_COMPLETE"), ("failure", "ROLLBACK_COMPLETE")])
def test_a_stack_waits_for_what_the_first_boot_reports(sandbox, network, outcome, status):
    sandbox.control("/behaviour", {"instance_boot": outcome})
    made = network.create(
        {
            **vpc(),
            **nat(SIGNALLING),
            "Ready": resource("AWS::CloudFormation::WaitConditionHandle"),
            "IsNat": resource("AWS::CloudFormation::WaitCondition", ["Instance"], Handle=ref("Ready"), Timeout="20"),
        }
    )
    assert made == status


def test_an_image_of_the_other_architecture_does_not_launch(network):
    assert network.create({**vpc(), **nat(), "Instance": instance(kind="t3.nano")}) == "ROLLBACK_COMPLETE"
    assert "architecture 'x86_64' of the specified instance type" in network.problems()


def test_a_halted_instance_is_stopped_and_its_leases_are_in_the_journal(aws, sandbox, network):
    nat_id, ec2 = network.must_create({**vpc(), **nat()})["Instance"], aws("ec2")
    ec2.create_tags(Resources=[nat_id], Tags=[{"Key": "tandem:lease:r", "Value": "1"}])
    sandbox.control("/instances/halt", {"id": nat_id})
    until(lambda: state(ec2, nat_id) == "stopped")
    ec2.delete_tags(Resources=[nat_id], Tags=[{"Key": "tandem:lease:r"}])
    told = [(e["state"], e["tags"]) for e in sandbox.control(f"/journal?kind=instance&instance={nat_id}")["entries"]]
    assert [what for what, _ in told][-5:] == ["tagged", "halts itself", "stopping", "stopped", "untagged"]
    assert told[-5][1] == {"tandem:lease:r": "1"}
    assert told[-1][1] == {}


def test_starting_is_authorized_on_the_instance_and_tagging_on_what_is_tagged(aws, network, name):
    ids = network.must_create({**vpc(), **nat()})
    iam = aws("iam")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": FOLLOWER[0]}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=f"waker-{name}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    own = f"arn:aws:ec2:{FOLLOWER[1]}:{FOLLOWER[0]}:instance/{ids['Instance']}"
    actions = ["ec2:StartInstances", "ec2:StopInstances", "ec2:CreateTags", "ec2:DeleteTags"]
    policy = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": own}]}
    iam.put_role_policy(RoleName=f"waker-{name}", PolicyName="p", PolicyDocument=json.dumps(policy))
    ec2 = aws("ec2", FOLLOWER, aws.assume(arn))
    ec2.create_tags(Resources=[ids["Instance"]], Tags=[{"Key": "a", "Value": "b"}])
    ec2.start_instances(InstanceIds=[ids["Instance"]])
    for call in (
        lambda: ec2.create_tags(Resources=[ids["Instance"], ids["Vpc"]], Tags=[{"Key": "a", "Value": "b"}]),
        lambda: ec2.stop_instances(InstanceIds=["i-" + "0" * 17]),
        lambda: ec2.describe_instances(),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "UnauthorizedOperation"


class Inside:
    """A function in the VPC, and what becomes of its calls."""

    def __init__(self, aws, ids, name, tmp_path):
        actions = ("ec2:*", "sts:*", "ssm:*", "es:*")
        self.client, self.name = aws("lambda"), f"inside-{name}"
        config = {"SubnetIds": [ids["Private"]], "SecurityGroupIds": [ids["Functions"]]}
        self.arn = make_function(aws, self.name, tmp_path, actions=actions, VpcConfig=config)

    def call(self, *calls):
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps({"calls": calls}))
        return json.load(answer["Payload"])


CONFIG_API = ("es", "us-west-2", "", {})
OTHER_REGION = ("es", "us-east-1", "", {})
DESCRIBE = ("ec2", "us-west-2", "describe_instances", {})
IDENTITY = ("sts", "us-west-2", "get_caller_identity", {})
CLOSED = ("ConnectionClosedError", "RemoteDisconnected", "ConnectionResetError")


def test_a_function_in_a_vpc_gets_out_only_while_the_nat_works(aws, sandbox, network, name, tmp_path):
    ids, ec2 = network.must_create({**vpc(), **nat()}), aws("ec2")
    until(lambda: any(i["id"] == ids["Instance"] and i["works"] for i in sandbox.control("/instances")["instances"]))
    inside = Inside(aws, ids, name, tmp_path)
    assert inside.call(CONFIG_API, OTHER_REGION, DESCRIBE, IDENTITY) == ["403", "403", "ok", "ok"]
    ec2.stop_instances(InstanceIds=[ids["Instance"]])
    until(lambda: state(ec2, ids["Instance"]) == "stopped")
    config_api, other, describe, identity = inside.call(CONFIG_API, OTHER_REGION, DESCRIBE, IDENTITY)
    assert describe == "ok", "through the interface endpoint"
    assert {config_api, other, identity} <= set(CLOSED)
    blocked = sandbox.control(f"/journal?kind=blocked&function={inside.name}")["entries"]
    assert {entry["missing"] for entry in blocked} == {"NAT instance, which is stopped"}
    # Running is not enough: it has to boot.
    sandbox.control("/timing", {"booting": [1.5, 1.5]})
    ec2.start_instances(InstanceIds=[ids["Instance"]])
    until(lambda: state(ec2, ids["Instance"]) == "running")
    assert inside.call(CONFIG_API)[0] in CLOSED
    until(lambda: inside.call(CONFIG_API) == ["403"])
    aws("lambda").delete_function(FunctionName=inside.name)


def test_the_answer_goes_through_the_s3_endpoint_whatever_the_nat_does(aws, sandbox, network, name, tmp_path):
    ids = network.must_create(vpc())
    inside = Inside(aws, ids, name, tmp_path)
    thing = NetworkStack(aws, sandbox, f"thing-{name}")
    thing.token = inside.arn
    assert thing.create({"Thing": {"OnCreate": "sleep=0"}}) == "CREATE_COMPLETE"
    assert thing.delete() == "DELETE_COMPLETE"
    assert inside.call(CONFIG_API)[0] in CLOSED
    aws("lambda").delete_function(FunctionName=inside.name)


def test_a_function_that_may_not_make_interfaces_does_not_go_into_a_vpc(aws, network, name):
    role = resource(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument={
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ]
        },
    )
    function = resource(
        "AWS::Lambda::Function",
        Runtime="python3.12",
        Handler="index.handler",
        Code={"ZipFile": "def handler(event, context): pass"},
        Role={"Fn::GetAtt": ["Role", "Arn"]},
        VpcConfig={"SubnetIds": [ref("Private")], "SecurityGroupIds": [ref("Functions")]},
    )
    made = network.create({**vpc(), "Role": role, "Function": function}, Capabilities=["CAPABILITY_IAM"])
    assert made == "ROLLBACK_COMPLETE"
    assert "does not have permissions to call CreateNetworkInterface" in network.problems()


def test_what_is_in_use_is_not_deleted(aws, sandbox, network, name):
    ids = network.must_create(vpc())
    other = NetworkStack(aws, sandbox, f"other-{name}")
    other.must_create({"Guest": resource("NetworkInterface", SubnetId=ids["Private"], GroupSet=[ids["Functions"]])})
    assert network.delete() == "DELETE_FAILED"
    assert "DependencyViolation" in network.problems()
    assert other.delete() == "DELETE_COMPLETE"
    assert network.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"Attachment": None, "PublicRoute": {"GatewayId": "igw-0"}}, "belong to different networks"),
        ({"EC2": {"ServiceName": "com.amazonaws.us-west-2.es"}}, "InvalidServiceName"),
        ({"Private": {"CidrBlock": "10.1.0.0/25"}}, "InvalidSubnet.Conflict"),
        ({"Vpc": {"EnableDnsHostnames": False}}, "Enabling private DNS requires"),
        ({"Private": {"CidrBlock": "10.2.0.0/24"}}, "InvalidSubnet.Range"),
    ],
)
def test_what_aws_refuses_is_refused(network, broken, reason):
    resources = vpc()
    for logical_id, changes in broken.items():
        if changes is None:
            del resources[logical_id]
        else:
            resources[logical_id]["Properties"].update(changes)
            resources[logical_id].pop("DependsOn", None)
    assert network.create(resources) == "ROLLBACK_COMPLETE"
    assert reason in network.problems()


def test_two_places_have_nothing_in_common(aws, network):
    ids = network.must_create(vpc())
    assert ids["Vpc"] in {v["VpcId"] for v in aws("ec2").describe_vpcs()["Vpcs"]}
    assert ids["Vpc"] not in {v["VpcId"] for v in aws("ec2", LEADER).describe_vpcs()["Vpcs"]}


def domain(name, subnets):
    return resource(
        "AWS::OpenSearchService::Domain",
        DomainName=f"inside-{name}",
        EngineVersion="OpenSearch_2.19",
        ClusterConfig={"InstanceType": "m6g.large.search", "InstanceCount": 2, "ZoneAwarenessEnabled": len(subnets) > 1},
        EBSOptions={"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 20},
        VPCOptions={"SubnetIds": [ref(subnet) for subnet in subnets], "SecurityGroupIds": [ref("Endpoints")]},
    )


def test_a_domain_in_a_vpc_needs_the_role_of_aws_and_a_subnet_per_zone(aws, sandbox, name):
    # In an account of its own, because the role stays.
    there = ("333333333333", "eu-west-1")
    first = NetworkStack(aws, sandbox, f"domain-a-{name}", there)
    assert first.create({**vpc(), "Domain": domain(name, ["Private"])}) == "ROLLBACK_COMPLETE"
    assert "you must enable a service-linked role" in first.problems()
    iam = aws("iam", there)
    iam.create_service_linked_role(AWSServiceName="opensearchservice.amazonaws.com")
    assert iam.get_role(RoleName="AWSServiceRoleForAmazonOpenSearchService")
    with pytest.raises(ClientError, match="has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="opensearchservice.amazonaws.com")
    second = NetworkStack(aws, sandbox, f"domain-b-{name}", there)
    # Both subnets of these tests are in one zone.
    assert second.create({**vpc(), "Domain": domain(name, ["Private", "Public"])}) == "ROLLBACK_COMPLETE"
    assert "each in an Availability Zone of its own" in second.problems()
    third = NetworkStack(aws, sandbox, f"domain-c-{name}", there)
    ids = third.must_create({**vpc(), "Domain": domain(name, ["Private"])})
    status = aws("opensearch", there).describe_domain(DomainName=f"inside-{name}")["DomainStatus"]
    assert status["VPCOptions"]["SubnetIds"] == [ids["Private"]]
    assert third.delete() == "DELETE_COMPLETE"
