"""What stands beside connections, launched from the templates without Sceptre: a NAT instance, and pairs of gateways."""

from __future__ import annotations

from sandbox.process import Sandbox

from .aws import Place
from .deadline import until
from .deployment import Deployment
from .stacks import OWN_TEMPLATES, TEMPLATES, Stack, template

MARKS = "tandem:"


class Nat:
    """A VPC with a NAT instance in the follower's account, asleep; what functions of scenarios use as their way out."""

    def __init__(self, sandbox: Sandbox, base: Deployment, name: str = "shared-nat"):
        self._sandbox, self._ec2 = sandbox, base.aws("ec2", base.follower)
        client = base.aws("cloudformation", base.follower)
        parameters = {"VpcCidr": "10.0.32.0/20", "PublicSubnets": "true", "Ec2Endpoint": "true"}
        self.network = Stack(client, f"{name}-network", template(TEMPLATES / "network.yaml"), parameters)
        self.egress = Stack(client, f"{name}-egress", template(TEMPLATES / "egress.yaml"), {})

    def launch(self) -> Nat:
        assert self.network.create() == "CREATE_COMPLETE"
        made = self.network.outputs
        given = ("VpcId", "FunctionRouteTableId", "FunctionSecurityGroupId", "EndpointSecurityGroupId")
        parameters = {key: made[key] for key in given}
        assert self.egress.create(PublicSubnetId=made["FirstPublicSubnetId"], **parameters) == "CREATE_COMPLETE"
        self.id = self.egress.outputs["NatInstanceId"]
        self.sleep()
        return self

    @property
    def provider_parameters(self) -> dict[str, str]:
        """What a provider stack needs to have its function behind this NAT."""
        made = self.network.outputs
        return {
            "Egress": "nat-instance",
            "SubnetIds": made["FunctionSubnetIds"],
            "SecurityGroupIds": made["FunctionSecurityGroupId"],
            "NatInstanceId": self.id,
        }

    @property
    def state(self) -> str:
        return self._described["State"]["Name"]

    @property
    def marks(self) -> list[str]:
        """The names of the tags by which its holders know of each other."""
        return sorted(tag["Key"] for tag in self._described["Tags"] if tag["Key"].startswith(MARKS))

    @property
    def _described(self) -> dict:
        return self._ec2.describe_instances(InstanceIds=[self.id])["Reservations"][0]["Instances"][0]

    def becomes(self, state: str) -> None:
        until(lambda: self.state == state, f"the NAT instance is {state}")

    def wake(self) -> None:
        """Started by hand, and booted."""
        self._ec2.start_instances(InstanceIds=[self.id])
        until(lambda: self._is_ready, "the NAT instance works")

    @property
    def _is_ready(self) -> bool:
        seen = {instance["id"]: instance for instance in self._sandbox.control("/instances")["instances"]}
        return seen[self.id]["works"]

    def sleep(self) -> None:
        """Stopped by hand, and nothing on it of whoever held it."""
        if self.state != "stopped":
            until(lambda: self.state not in ("pending", "stopping"), "the NAT instance does not change")
            self._ec2.stop_instances(InstanceIds=[self.id])
            self.becomes("stopped")
        if self.marks:
            self._ec2.delete_tags(Resources=[self.id], Tags=[{"Key": key} for key in self.marks])


class Gateway:
    """A transit gateway with two route tables of its own, and nothing attached to it."""

    def __init__(self, base: Deployment, place: Place, name: str):
        self.place = place
        self._ec2 = base.aws("ec2", place)
        self.stack = Stack(base.aws("cloudformation", place), name, template(OWN_TEMPLATES / "gateway.yaml"), {})
        assert self.stack.create() == "CREATE_COMPLETE"
        made = self.stack.outputs
        self.id, self.table, self.other_table = made["GatewayId"], made["RouteTableId"], made["OtherRouteTableId"]

    def routes(self, table: str) -> list[str]:
        wanted = [{"Name": "type", "Values": ["static"]}]
        found = self._ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=wanted)["Routes"]
        return [route["DestinationCidrBlock"] for route in found]
