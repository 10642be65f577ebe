"""Every Rule of a template refuses what it is there to refuse, says what to do, and lets everything else through."""

import pytest
from evaluation import broken, holds
from project import TEMPLATES, parse, template
from rules import statements

NAT = {"Egress": "nat-instance", "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "NatInstanceId": "i-1"}
DATA = {"Kinds": "data", "DomainEndpoints": "copy.example.com,copy-2.example.com"}
# Parameters that each template accepts; what is left out is a default.
ACCEPTED = {
    "accepter-role.yaml": [
        {},
        {"TransitGatewayId": "tgw-1", "TransitGatewayRouteTableId": "tgw-rtb-1", "LeaderRegion": "eu-west-1"},
        {"Kinds": "data", "LeaderFunctionName": "data", "LeaderRegion": "eu-west-1"},
    ],
    "connection.yaml": [{}, {"AccepterRoleArn": "arn", "AccepterExternalId": "id"}],
    "domain.yaml": [
        {},
        {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2", "ClientSecurityGroupId": "sg-1", "InternalUsersInVpc": "true"},
        {"MultiAzWithStandby": "true", "AvailabilityZoneCount": 3, "DedicatedMasterCount": 3},
        {"RestoreTarget": "true", "AvailabilityZoneCount": 3, "DedicatedMasterCount": 3},
        {"InstanceType": "t3.small.search", "Connected": "false"},
        {"NodeToNodeEncryption": "false"},
        {"HttpSourceCidrs": "192.0.2.0/24"},
        {"MasterUserArn": "arn"},
        {"MasterUserArn": "arn", "VpcId": "vpc-1", "SubnetIds": "subnet-1"},
    ],
    "provider.yaml": [
        {},
        {"Egress": "existing", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
        NAT,
        {**NAT, "FunctionTimeoutSeconds": 300},
        {"FunctionTimeoutSeconds": 30},
        {"Egress": "existing", "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "FunctionTimeoutSeconds": 30},
        {"TransitGatewayId": "tgw-1", "TransitGatewayRouteTableId": "tgw-rtb-1"},
        {**DATA, "FollowerDomainName": "copy", "MasterSecretArns": "arn", "LeaderFunctionName": "data"},
        {**DATA, "Sides": "leader", "LeaderDomainName": "original"},
        {**DATA, "Sides": "both", "FollowerDomainName": "copy", "LeaderDomainName": "original"},
    ],
    "replication.yaml": [
        {"Pattern": "logs-*", "LeaderEndpoint": "original"},
        {"ThirdPattern": "logs-*", "LeaderEndpoint": "original", "LeaderFunctionArn": "arn"},
        {"Index": "orders", "FollowerIndexName": "orders-copy", "LeaderEndpoint": "original"},
        {"Pattern": "logs-*", "LeaderEndpoint": "original", "AccepterRoleArn": "arn", "AccepterExternalId": "id"},
        {"Pattern": "logs-*", "LeaderEndpoint": "", "WaitFor": "Syncing"},
    ],
    "role-mappings.yaml": [{"LeaderBackendRoles": "arn"}, {"FollowerBackendRoles": "arn,arn"}, {"AdministratorArns": "arn"}],
    "transit-gateway.yaml": [{"VpcCidr": "10.0.0.0/20", "PeerCidr": "10.0.16.0/20"}],
    "transit-gateway-peering.yaml": [
        {"LeaderCidr": "10.0.0.0/20", "FollowerCidr": "10.0.16.0/20"},
        {"LeaderCidr": "10.0.0.0/20", "FollowerCidr": "10.0.16.0/20", "AccepterRoleArn": "arn", "AccepterExternalId": "id"},
    ],
}
IN_VPC = {"VpcId": "vpc-1", "SubnetIds": "subnet-1"}
STANDBY = {"MultiAzWithStandby": "true", "AvailabilityZoneCount": 3, "DedicatedMasterCount": 3}
# Parameters that it refuses, with the beginning of the sentence.
REFUSED = {
    "accepter-role.yaml": [
        ({"TransitGatewayId": "tgw-1", "LeaderRegion": "eu-west-1"}, "TransitGatewayRouteTableId is missing"),
        ({"TransitGatewayId": "tgw-1", "TransitGatewayRouteTableId": "tgw-rtb-1"}, "LeaderRegion is missing; it is the Region of the transit"),
        ({"Kinds": "data", "LeaderRegion": "eu-west-1"}, "LeaderFunctionName is missing"),
        ({"Kinds": "data", "LeaderFunctionName": "data"}, "LeaderRegion is missing; it is the Region of the function"),
        (
            {"Kinds": "data", "LeaderFunctionName": "data", "LeaderRegion": "eu-west-1", "TransitGatewayId": "tgw-1"},
            "TransitGatewayId is for the role of control",
        ),
    ],
    "replication.yaml": [
        ({"LeaderEndpoint": "original"}, "Nothing is to follow"),
        ({"Pattern": "logs-*", "FollowerIndexName": "copy"}, "FollowerIndexName is for the one Index"),
        ({"Pattern": "logs-*"}, "LeaderEndpoint is missing; without it nothing can be compared"),
        ({"Pattern": "logs-*", "WaitFor": "Started", "LeaderFunctionArn": "arn"}, "LeaderEndpoint is missing; it says"),
        ({"Index": "orders", "WaitFor": "Syncing", "ReseedWhenLost": "true"}, "LeaderEndpoint is missing; the leader is asked"),
        ({"Pattern": "logs-*", "LeaderEndpoint": "original", "AccepterRoleArn": "arn"}, "AccepterExternalId is missing"),
    ],
    "role-mappings.yaml": [({}, "Nobody is to be mapped")],
    "connection.yaml": [({"AccepterRoleArn": "arn"}, "AccepterExternalId is missing")],
    "domain.yaml": [
        ({"InstanceType": "t2.small.search"}, "T2, T3 and M3 do not support"),
        ({"InstanceType": "t3.medium.search"}, "T2, T3 and M3 do not support"),
        ({"InstanceType": "m3.large.search"}, "T2, T3 and M3 do not support"),
        ({**STANDBY, "RestoreTarget": "true"}, "Snapshots of domains without standby cannot be restored"),
        ({**STANDBY, "AvailabilityZoneCount": 2}, "Multi-AZ with standby needs three zones"),
        ({**STANDBY, "DedicatedMasterCount": 0}, "Multi-AZ with standby needs dedicated masters"),
        ({"VpcId": "vpc-1"}, "VpcId and SubnetIds are given both"),
        ({"SubnetIds": "subnet-1"}, "VpcId and SubnetIds are given both"),
        ({"ClientSecurityGroupId": "sg-1"}, "FunctionSecurityGroupId, ClientSecurityGroupId"),
        ({"FunctionSecurityGroupId": "sg-1"}, "FunctionSecurityGroupId, ClientSecurityGroupId"),
        ({"ClientCidr": "10.9.0.0/16"}, "FunctionSecurityGroupId, ClientSecurityGroupId"),
        ({"InternalUsersInVpc": "true"}, "FunctionSecurityGroupId, ClientSecurityGroupId"),
        ({**IN_VPC, "HttpSourceCidrs": "192.0.2.0/24"}, "HttpSourceCidrs cannot be used in a VPC"),
        ({**IN_VPC, "InternalUsersInVpc": "true", "NodeToNodeEncryption": "false"}, "InternalUsersInVpc would let everyone in"),
        ({"MasterUserArn": "arn", "HttpSourceCidrs": "192.0.2.0/24"}, "HttpSourceCidrs are for users with passwords"),
        ({**IN_VPC, "MasterUserArn": "arn", "InternalUsersInVpc": "true"}, "InternalUsersInVpc is for users with passwords"),
        ({"MasterUserArn": "arn", "NodeToNodeEncryption": "false"}, "MasterUserArn needs fine-grained access control"),
        ({"HttpSourceCidrs": "192.0.2.0/24", "NodeToNodeEncryption": "false"}, "HttpSourceCidrs would let anyone"),
    ],
    "provider.yaml": [
        ({"Egress": "existing", "SecurityGroupIds": "sg-1"}, "SubnetIds is missing"),
        ({"Egress": "existing", "SubnetIds": "subnet-1"}, "SecurityGroupIds is missing"),
        ({"Egress": "nat-instance", "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}, "NatInstanceId is missing"),
        ({**NAT, "FunctionTimeoutSeconds": 120}, "FunctionTimeoutSeconds is not 300 to 900 in whole minutes"),
        ({"SubnetIds": "subnet-1"}, "SubnetIds is given, but Egress is none"),
        ({"TransitGatewayId": "tgw-1"}, "TransitGatewayRouteTableId is missing"),
        (DATA, "FollowerDomainName is any domain"),
        ({**DATA, "Sides": "both", "FollowerDomainName": "copy"}, "LeaderDomainName is any domain"),
        ({"Kinds": "data", "FollowerDomainName": "copy"}, "DomainEndpoints is missing; a function of data calls the domains"),
        ({**DATA, "FollowerDomainName": "copy", "TransitGatewayId": "tgw-1"}, "TransitGatewayId is for a function of control"),
        ({"DomainEndpoints": "copy.example.com"}, "DomainEndpoints are for a function of data"),
        ({"MasterSecretArns": "arn"}, "MasterSecretArns are for a function of data"),
        ({"LeaderFunctionName": "data"}, "LeaderFunctionName is for a function of data"),
    ],
    "transit-gateway.yaml": [({"VpcCidr": "10.0.0.0/20", "PeerCidr": "10.0.0.0/20"}, "PeerCidr is the range of this side's own")],
    "transit-gateway-peering.yaml": [
        ({"LeaderCidr": "10.0.0.0/20", "FollowerCidr": "10.0.0.0/20"}, "Both VPCs have the same address range"),
        ({**ACCEPTED["transit-gateway-peering.yaml"][0], "AccepterRoleArn": "arn"}, "AccepterExternalId is missing"),
    ],
}


@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name, cases in ACCEPTED.items() for given in cases], ids=lambda value: str(value)
)
def test_accepts(name, given):
    assert broken(template(name), given) == []


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [(name, given, sentence) for name, cases in REFUSED.items() for given, sentence in cases],
    ids=lambda value: str(value),
)
def test_refuses(name, given, sentence):
    assert [finding for finding in broken(template(name), given) if finding.startswith(sentence)]


def test_t04_a_restore_target_has_no_standby_and_says_so():
    given = {**STANDBY, "RestoreTarget": "true"}
    assert len(broken(template("domain.yaml"), given)) == 1
    assert broken(template("domain.yaml"), {**given, "MultiAzWithStandby": "false"}) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_assertion_is_refused_once(path):
    checked = parse(path.name, path.read_text())
    declared = [
        assertion["AssertDescription"]
        for rule in checked.section("Rules").values()
        for assertion in rule["Assertions"]
    ]
    seen = {sentence for given, _ in REFUSED.get(path.name, []) for sentence in broken(checked, given)}
    assert set(declared) == seen


def test_d18_passwords_of_everyone_are_asked_for_only_in_a_vpc():
    domain = template("domain.yaml")
    assert not holds(domain, "HasInternalUsersInVpc", {})
    open_to_all = [
        statement
        for statement in statements(domain.content["Resources"]["Domain"]["Properties"]["AccessPolicies"])
        if statement["Sid"] == "InternalUsersMaySignInWithinTheVpc"
    ]
    assert [statement["Action"] for statement in open_to_all] == ["es:ESHttp*"]
