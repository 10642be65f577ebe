"""Peering as two accounts and Regions see it, and the routes that lead over it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import FOLLOWER, LEADER, until
from .networks import NetworkStack, ref, resource, vpc


def gateway():
    """A gateway attached to the private subnet, with a table of its own."""
    return {
        "Transit": resource("TransitGateway", DefaultRouteTableAssociation="disable",
                            DefaultRouteTablePropagation="disable"),
        "Link": resource("TransitGatewayAttachment", TransitGatewayId=ref("Transit"), VpcId=ref("Vpc"),
                         SubnetIds=[ref("Private")]),
        "Table": resource("TransitGatewayRouteTable", TransitGatewayId=ref("Transit")),
        "LinkAssociation": resource("TransitGatewayRouteTableAssociation", TransitGatewayAttachmentId=ref("Link"),
                                    TransitGatewayRouteTableId=ref("Table")),
        "LinkPropagation": resource("TransitGatewayRouteTablePropagation", TransitGatewayAttachmentId=ref("Link"),
                                    TransitGatewayRouteTableId=ref("Table")),
        "Over": resource("Route", ["Link"], RouteTableId=ref("PrivateTable"), DestinationCidrBlock="10.9.0.0/16",
                         TransitGatewayId=ref("Transit")),
    }  # fmt: skip


class Side:
    """One side's stack, its client, and the calls of a peering."""

    def __init__(self, aws, sandbox, name, where, cidr):
        self.stack, self.ec2, self.where = NetworkStack(aws, sandbox, name, where), aws("ec2", where), where
        self.ids = self.stack.must_create({**vpc(cidr), **gateway()})

    def peering(self, attachment):
        try:
            found = self.ec2.describe_transit_gateway_peering_attachments(TransitGatewayAttachmentIds=[attachment])
        except ClientError as error:
            return error.response["Error"]["Code"]
        return found["TransitGatewayPeeringAttachments"][0]["State"]

    def request(self, other, **more):
        made = self.ec2.create_transit_gateway_peering_attachment(
            TransitGatewayId=self.ids["Transit"],
            PeerTransitGatewayId=other.ids["Transit"],
            PeerAccountId=other.where[0],
            PeerRegion=other.where[1],
            **more,
        )
        return made["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"]

    def associate(self, attachment):
        self.ec2.associate_transit_gateway_route_table(
            TransitGatewayRouteTableId=self.ids["Table"], TransitGatewayAttachmentId=attachment
        )

    def route(self, attachment, cidr):
        return self.ec2.create_transit_gateway_route(
            TransitGatewayRouteTableId=self.ids["Table"], TransitGatewayAttachmentId=attachment,
            DestinationCidrBlock=cidr,
        )["Route"]  # fmt: skip

    def routes(self):
        found = self.ec2.search_transit_gateway_routes(
            TransitGatewayRouteTableId=self.ids["Table"], Filters=[{"Name": "type", "Values": ["static", "propagated"]}]
        )["Routes"]
        return {route["DestinationCidrBlock"]: (route["Type"], route["State"]) for route in found}

    def refused(self, operation, **parameters):
        with pytest.raises(ClientError) as refused:
            getattr(self.ec2, operation)(**parameters)
        return refused.value.response["Error"]["Code"]


@pytest.fixture
def sides(aws, sandbox, name):
    made = [Side(aws, sandbox, f"transit-{name}", where, cidr)
            for where, cidr in ((FOLLOWER, "10.1.0.0/16"), (LEADER, "10.2.0.0/16"))]  # fmt: skip
    yield made
    for side in made:
        for row in side.ec2.describe_transit_gateway_peering_attachments()["TransitGatewayPeeringAttachments"]:
            if row["State"] not in ("deleted", "deleting", "rejected", "failed"):
                side.ec2.delete_transit_gateway_peering_attachment(
                    TransitGatewayAttachmentId=row["TransitGatewayAttachmentId"]
                )
            until(lambda row=row, side=side: side.peering(row["TransitGatewayAttachmentId"]) in
                  ("deleted", "rejected", "failed", "InvalidTransitGatewayAttachmentID.NotFound"))  # fmt: skip
    for side in made:
        assert side.stack.delete() == "DELETE_COMPLETE", side.stack.problems()


def test_a_peering_lives_from_request_to_deletion(sandbox, sides):
    follower, leader = sides
    attachment = follower.request(leader)
    assert leader.peering(attachment) == "InvalidTransitGatewayAttachmentID.NotFound"
    assert follower.refused(
        "create_transit_gateway_route", TransitGatewayRouteTableId=follower.ids["Table"],
        TransitGatewayAttachmentId=attachment, DestinationCidrBlock="10.2.0.0/16",
    ) == "IncorrectState"  # fmt: skip
    until(lambda: leader.peering(attachment) == "pendingAcceptance")
    accept = "accept_transit_gateway_peering_attachment"
    assert follower.refused(accept, TransitGatewayAttachmentId=attachment) == (
        "InvalidTransitGatewayAttachmentID.NotFound"
    )
    leader.ec2.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=attachment)
    assert leader.refused(accept, TransitGatewayAttachmentId=attachment) == "IncorrectState"
    for side in sides:
        until(lambda side=side: side.peering(attachment) == "available")
        side.associate(attachment)
    assert follower.route(attachment, "10.2.0.0/16")["State"] == "active"
    leader.route(attachment, "10.1.0.0/16")
    assert follower.routes() == {"10.1.0.0/16": ("propagated", "active"), "10.2.0.0/16": ("static", "active")}
    follower.ec2.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=attachment)
    for side in sides:
        until(lambda side=side: side.peering(attachment) == "deleted")
    assert leader.routes()["10.1.0.0/16"] == ("static", "blackhole")
    leader.ec2.delete_transit_gateway_route(
        TransitGatewayRouteTableId=leader.ids["Table"], DestinationCidrBlock="10.1.0.0/16"
    )
    history = [p["history"] for p in sandbox.control("/peerings")["peerings"] if p["id"] == attachment][0]
    assert [h["state"] for h in history] == [
        "initiatingRequest", "pendingAcceptance", "pending", "available", "deleting", "deleted",
    ]  # fmt: skip


def test_two_peerings_of_the_same_gateways_are_one_too_many(sides):
    follower, leader = sides
    follower.request(leader)
    with pytest.raises(ClientError, match="DuplicateTransitGatewayAttachment"):
        follower.request(leader)


def test_a_rejected_peering_can_be_asked_for_again(sides):
    follower, leader = sides
    attachment = follower.request(leader)
    until(lambda: leader.peering(attachment) == "pendingAcceptance")
    leader.ec2.reject_transit_gateway_peering_attachment(TransitGatewayAttachmentId=attachment)
    until(lambda: follower.peering(attachment) == "rejected")
    assert follower.request(leader) != attachment


def test_a_request_to_a_gateway_that_is_not_there_fails_later(sides):
    follower, leader = sides
    leader.ids["Transit"], kept = "tgw-0", leader.ids["Transit"]
    attachment = follower.request(leader)
    until(lambda: follower.peering(attachment) == "failed")
    assert leader.peering(attachment) == "InvalidTransitGatewayAttachmentID.NotFound"
    leader.ids["Transit"] = kept


def test_a_gateway_with_a_live_peering_is_not_deleted(sides):
    follower, leader = sides
    attachment = follower.request(leader)
    until(lambda: leader.peering(attachment) == "pendingAcceptance")
    assert follower.stack.delete() == "DELETE_FAILED"
    assert "has non-deleted Transit Gateway Attachments" in follower.stack.problems()
    follower.ec2.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=attachment)
    until(lambda: follower.peering(attachment) == "deleted")


def test_a_route_to_a_gateway_needs_the_attachment(aws, sandbox, name):
    stack = NetworkStack(aws, sandbox, f"unattached-{name}")
    resources = {**vpc(), **gateway()}
    for logical_id in ("Link", "LinkAssociation", "LinkPropagation"):
        del resources[logical_id]
    resources["Over"].pop("DependsOn")
    assert stack.create(resources) == "ROLLBACK_COMPLETE"
    assert "InvalidTransitGatewayID.NotFound" in stack.problems()


def test_accepting_is_authorized_on_the_attachment(aws, sides, name):
    follower, leader = sides
    iam = aws("iam", LEADER)
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": LEADER[0]}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=f"accepter-{name}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def allow(resources):
        actions = ["ec2:AcceptTransitGatewayPeeringAttachment", "ec2:CreateTransitGatewayRoute"]
        policy = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]}
        iam.put_role_policy(RoleName=f"accepter-{name}", PolicyName="p", PolicyDocument=json.dumps(policy))

    prefix = f"arn:aws:ec2:{LEADER[1]}:{LEADER[0]}"
    attachment = follower.request(leader)
    until(lambda: leader.peering(attachment) == "pendingAcceptance")
    accepter = aws("ec2", LEADER, aws.assume(arn, LEADER))
    allow([f"{prefix}:transit-gateway/*"])
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        accepter.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=attachment)
    allow([f"{prefix}:transit-gateway-attachment/{attachment}"])
    accepter.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=attachment)
    until(lambda: leader.peering(attachment) == "available")
    route = {"TransitGatewayRouteTableId": leader.ids["Table"], "TransitGatewayAttachmentId": attachment,
             "DestinationCidrBlock": "10.1.0.0/16"}  # fmt: skip
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        accepter.create_transit_gateway_route(**route)
    allow([f"{prefix}:transit-gateway-attachment/{attachment}", f"{prefix}:transit-gateway-route-table/*"])
    accepter.create_transit_gateway_route(**route)


def test_a_request_that_brings_tags_is_authorized_as_tagging_too(aws, sides, name):
    follower, leader = sides
    iam = aws("iam", FOLLOWER)
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": FOLLOWER[0]}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=f"tagger-{name}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def allow(*actions):
        policy = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.put_role_policy(RoleName=f"tagger-{name}", PolicyName="p", PolicyDocument=json.dumps(policy))

    tags = [{"ResourceType": "transit-gateway-attachment", "Tags": [{"Key": "of", "Value": name}]}]
    allow("ec2:CreateTransitGatewayPeeringAttachment")
    follower.ec2 = aws("ec2", FOLLOWER, aws.assume(arn, FOLLOWER))
    try:
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            follower.request(leader, TagSpecifications=tags)
        allow("ec2:CreateTransitGatewayPeeringAttachment", "ec2:CreateTags")
        follower.request(leader, TagSpecifications=tags)
    finally:
        follower.ec2 = aws("ec2", FOLLOWER)
