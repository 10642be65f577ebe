"""Reads the state of EC2 through its API, with boto3, and finds who is there: functions, domains, instances."""

from __future__ import annotations

from collections.abc import Callable

from .network import Host, Network, Place, find

Client = Callable[[str, Place], object]


def read(client: Client, place: Place) -> Network:
    """Everything that decides who reaches whom in one account and Region."""
    ec2 = client("ec2", place)
    tables = ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]
    return Network(
        vpcs=ec2.describe_vpcs()["Vpcs"],
        subnets=ec2.describe_subnets()["Subnets"],
        route_tables=ec2.describe_route_tables()["RouteTables"],
        security_groups=ec2.describe_security_groups()["SecurityGroups"],
        endpoints=ec2.describe_vpc_endpoints()["VpcEndpoints"],
        interfaces=ec2.describe_network_interfaces()["NetworkInterfaces"],
        instances=[i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]],
        internet_gateways=ec2.describe_internet_gateways()["InternetGateways"],
        nat_gateways=ec2.describe_nat_gateways()["NatGateways"],
        addresses=ec2.describe_addresses()["Addresses"],
        vpc_attachments=ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"],
        peerings=ec2.describe_transit_gateway_peering_attachments()["TransitGatewayPeeringAttachments"],
        transit_tables=[_with_contents(ec2, table) for table in tables],
    )


def _with_contents(ec2: object, table: dict) -> dict:
    """The table with its associations, and both its static and its learned routes."""
    wanted = {"TransitGatewayRouteTableId": table["TransitGatewayRouteTableId"]}
    everything = [{"Name": "type", "Values": ["static", "propagated"]}]
    return {
        **table,
        "Associations": ec2.get_transit_gateway_route_table_associations(**wanted)["Associations"],
        "Routes": ec2.search_transit_gateway_routes(**wanted, Filters=everything)["Routes"],
    }


def function(client: Client, place: Place, name: str) -> Host:
    config = client("lambda", place).get_function_configuration(FunctionName=name).get("VpcConfig") or {}
    subnets, groups = config.get("SubnetIds") or [], config.get("SecurityGroupIds") or []
    return Host("the function", place, tuple(subnets), tuple(groups))


def domain(client: Client, place: Place, name: str, role: str) -> Host:
    status = client("opensearch", place).describe_domain(DomainName=name)["DomainStatus"]
    options = status.get("VPCOptions") or {}
    subnets, groups = options.get("SubnetIds") or [], options.get("SecurityGroupIds") or []
    return Host(f"the {role} domain", place, tuple(subnets), tuple(groups))


def instance(network: Network, place: Place, instance_id: str, name: str) -> Host:
    found = find(network.instances, InstanceId=instance_id)
    groups = tuple(group["GroupId"] for group in found["SecurityGroups"])
    return Host(name, place, (found["SubnetId"],), groups, bool(found.get("PublicIpAddress")))


def interfaces(network: Network, place: Place) -> list[Host]:
    """Every interface there is, as somebody who might try to reach a domain."""
    return [
        Host(
            f"interface {interface['NetworkInterfaceId']} ({interface.get('Description', '')})",
            place,
            (interface["SubnetId"],),
            tuple(group["GroupId"] for group in interface["Groups"]),
        )
        for interface in network.interfaces
    ]
