"""A VPC with a way out for the tests: subnets, groups, an S3 and an EC2 endpoint, a NAT instance with its interface."""

from __future__ import annotations

import json

from .conftest import FOLLOWER, Stack

UBUNTU = "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/{}/hvm/ebs-gp3/ami-id"


def ref(name: str) -> dict:
    return {"Ref": name}


def resource(kind: str, depends: list[str] | None = None, **properties: object) -> dict:
    made = {"Type": kind if ":" in kind else f"AWS::EC2::{kind}", "Properties": properties}
    return {**made, "DependsOn": depends} if depends else made


def https(**peer: object) -> dict:
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **peer}


def vpc(cidr: str = "10.1.0.0/16") -> dict:
    """Subnets `Public` and `Private`, each with its table, groups for functions and endpoints."""
    base = cidr.split(".")[1]
    made = {
        "Vpc": resource("VPC", CidrBlock=cidr, EnableDnsSupport=True, EnableDnsHostnames=True),
        "Gateway": resource("InternetGateway"),
        "Attachment": resource("VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
        "PublicRoute": resource(
            "Route",
            ["Attachment"],
            RouteTableId=ref("PublicTable"),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=ref("Gateway"),
        ),
        "Functions": resource(
            "SecurityGroup",
            VpcId=ref("Vpc"),
            GroupDescription="functions",
            SecurityGroupEgress=[https(CidrIp="0.0.0.0/0")],
        ),
        "Endpoints": resource(
            "SecurityGroup",
            VpcId=ref("Vpc"),
            GroupDescription="endpoints",
            SecurityGroupIngress=[https(SourceSecurityGroupId=ref("Functions"))],
        ),
        "S3": resource(
            "VPCEndpoint",
            VpcId=ref("Vpc"),
            ServiceName={"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
            RouteTableIds=[ref("PrivateTable")],
        ),
        "EC2": resource(
            "VPCEndpoint",
            VpcId=ref("Vpc"),
            VpcEndpointType="Interface",
            ServiceName={"Fn::Sub": "com.amazonaws.${AWS::Region}.ec2"},
            PrivateDnsEnabled=True,
            SubnetIds=[ref("Private")],
            SecurityGroupIds=[ref("Endpoints")],
        ),
    }
    for number, name in enumerate(("Public", "Private")):
        made[name] = resource("Subnet", VpcId=ref("Vpc"), CidrBlock=f"10.{base}.{number}.0/24")
        made[f"{name}Table"] = resource("RouteTable", VpcId=ref("Vpc"))
        made[f"{name}Association"] = resource(
            "SubnetRouteTableAssociation", SubnetId=ref(name), RouteTableId=ref(f"{name}Table")
        )
    return made


def nat(user_data: str = "") -> dict:
    """The NAT instance on an interface of its own, and the route of the private subnet to it."""
    return {
        "Nat": resource(
            "SecurityGroup",
            VpcId=ref("Vpc"),
            GroupDescription="nat",
            SecurityGroupIngress=[https(SourceSecurityGroupId=ref("Functions"))],
            SecurityGroupEgress=[https(CidrIp="0.0.0.0/0")],
        ),
        "Interface": resource(
            "NetworkInterface", SubnetId=ref("Public"), GroupSet=[ref("Nat")], SourceDestCheck=False
        ),
        "Address": resource("EIP", ["Attachment"], Domain="vpc"),
        "AddressAssociation": resource(
            "EIPAssociation",
            AllocationId={"Fn::GetAtt": ["Address", "AllocationId"]},
            NetworkInterfaceId=ref("Interface"),
        ),
        "WayOut": resource(
            "Route",
            RouteTableId=ref("PrivateTable"),
            DestinationCidrBlock="0.0.0.0/0",
            NetworkInterfaceId=ref("Interface"),
        ),
        "Instance": instance(user_data),
    }


def instance(user_data: str = "", kind: str = "t4g.nano", **more: object) -> dict:
    return resource(
        "Instance",
        ["WayOut"],
        ImageId=UBUNTU.format("arm64"),
        InstanceType=kind,
        NetworkInterfaces=[{"DeviceIndex": "0", "NetworkInterfaceId": ref("Interface")}],
        UserData={"Fn::Base64": {"Fn::Sub": user_data}},
        **more,
    )


class NetworkStack(Stack):
    """A stack of networks, which has no function."""

    def __init__(self, aws, sandbox, name, where=FOLLOWER):
        super().__init__(aws, sandbox, name, "", where)

    def ids(self) -> dict[str, str]:
        rows = self.client.describe_stack_resources(StackName=self.id)["StackResources"]
        return {row["LogicalResourceId"]: row.get("PhysicalResourceId", "") for row in rows}

    def must_create(self, resources: dict, **more: object) -> dict[str, str]:
        status = self.create(resources, **more)
        assert status == "CREATE_COMPLETE", self.problems()
        return self.ids()

    def problems(self) -> str:
        events = self.client.describe_stack_events(StackName=self.id)["StackEvents"]
        return json.dumps([(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in events if "FAILED" in e["ResourceStatus"]])
