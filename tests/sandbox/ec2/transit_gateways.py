"""Transit gateways of one account and Region: their attachments to VPCs, route tables, and what is routed where.

Pure state with the rules of deletion; peering between two of them is in `peerings`.
"""

from __future__ import annotations

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import ec2

from .xml import EC2Error, new_id

GATEWAYS = AccountRegionScopedDict()
ATTACHMENTS = AccountRegionScopedDict()
TABLES = AccountRegionScopedDict()


def gateway(gateway_id: str) -> dict:
    if gateway_id not in GATEWAYS:
        raise EC2Error("InvalidTransitGatewayID.NotFound", f"Transit Gateway {gateway_id} was deleted or does not exist.")
    return GATEWAYS[gateway_id]


def table(table_id: str) -> dict:
    if table_id not in TABLES:
        raise EC2Error(
            "InvalidRouteTableID.NotFound", f"Transit Gateway Route Table {table_id} was deleted or does not exist."
        )
    return TABLES[table_id]


def attached(gateway_id: str, vpc_id: str) -> dict | None:
    """The attachment of a VPC to a gateway, if there is one."""
    for attachment in ATTACHMENTS.values():
        if (attachment["TransitGatewayId"], attachment["VpcId"]) == (gateway_id, vpc_id):
            return attachment
    return None


def create_gateway(options: dict) -> dict:
    gateway_id = new_id("tgw")
    made = GATEWAYS[gateway_id] = {
        "TransitGatewayId": gateway_id,
        "TransitGatewayArn": f"arn:aws:ec2:{get_region()}:{get_account_id()}:transit-gateway/{gateway_id}",
        "State": "available",
        "OwnerId": get_account_id(),
        "Description": options.get("Description", ""),
        "CreationTime": ec2._now_ts(),
        "Options": {
            "AmazonSideAsn": options.get("AmazonSideAsn", 64512),
            "AutoAcceptSharedAttachments": options.get("AutoAcceptSharedAttachments", "disable"),
            "DefaultRouteTableAssociation": options.get("DefaultRouteTableAssociation", "enable"),
            "DefaultRouteTablePropagation": options.get("DefaultRouteTablePropagation", "enable"),
            "VpnEcmpSupport": options.get("VpnEcmpSupport", "enable"),
            "DnsSupport": options.get("DnsSupport", "enable"),
            "MulticastSupport": options.get("MulticastSupport", "disable"),
        },
    }
    settings = made["Options"]
    if "enable" in (settings["DefaultRouteTableAssociation"], settings["DefaultRouteTablePropagation"]):
        first = create_table(gateway_id)["TransitGatewayRouteTableId"]
        for kind in ("Association", "Propagation"):
            if settings[f"DefaultRouteTable{kind}"] == "enable":
                settings[f"{kind}DefaultRouteTableId"] = first
                TABLES[first][f"Default{kind}RouteTable"] = True
    return made


def delete_gateway(gateway_id: str) -> None:
    from . import peerings

    gateway(gateway_id)
    live = [a["TransitGatewayAttachmentId"] for a in ATTACHMENTS.values() if a["TransitGatewayId"] == gateway_id]
    live += [p.id for p in peerings.of_gateway(gateway_id) if p.is_live]
    if live:
        raise EC2Error("IncorrectState", f"{gateway_id} has non-deleted Transit Gateway Attachments: {', '.join(live)}.")
    own = {GATEWAYS[gateway_id]["Options"].get(f"{k}DefaultRouteTableId") for k in ("Association", "Propagation")}
    for table_id, record in TABLES.items():
        if record["TransitGatewayId"] == gateway_id:
            if table_id not in own:
                raise EC2Error("IncorrectState", f"{gateway_id} has non-deleted Transit Gateway Route Tables.")
            TABLES.pop(table_id, None)
    GATEWAYS.pop(gateway_id, None)


def create_attachment(gateway_id: str, vpc_id: str, subnet_ids: list[str], options: dict) -> dict:
    settings = gateway(gateway_id)["Options"]
    if vpc_id not in ec2._vpcs:
        raise EC2Error("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    zones = [ec2._subnets[subnet]["AvailabilityZone"] for subnet in subnet_ids if subnet in ec2._subnets]
    if not subnet_ids or len(zones) < len(subnet_ids) or any(ec2._subnets[s]["VpcId"] != vpc_id for s in subnet_ids):
        raise EC2Error("InvalidSubnetID.NotFound", f"The subnets {subnet_ids} are not all of {vpc_id}.")
    if len(set(zones)) < len(zones):
        raise EC2Error("DuplicateSubnetsInSameZone", "Duplicate Subnets for same AZ")
    if attached(gateway_id, vpc_id):
        raise EC2Error("DuplicateTransitGatewayAttachment", f"{gateway_id} has a non-deleted attachment to {vpc_id}.")
    attachment_id = new_id("tgw-attach")
    ATTACHMENTS[attachment_id] = {
        "TransitGatewayAttachmentId": attachment_id,
        "TransitGatewayId": gateway_id,
        "VpcId": vpc_id,
        "VpcOwnerId": get_account_id(),
        "State": "available",
        "SubnetIds": list(subnet_ids),
        "CreationTime": ec2._now_ts(),
        "Options": {"DnsSupport": "enable", "Ipv6Support": "disable", "ApplianceModeSupport": "disable", **options},
    }
    if settings.get("AssociationDefaultRouteTableId"):
        associate(settings["AssociationDefaultRouteTableId"], attachment_id)
    if settings.get("PropagationDefaultRouteTableId"):
        propagate(settings["PropagationDefaultRouteTableId"], attachment_id)
    return ATTACHMENTS[attachment_id]


def delete_attachment(attachment_id: str) -> None:
    ATTACHMENTS.pop(attachment_id, None)
    forget(attachment_id)


def create_table(gateway_id: str) -> dict:
    gateway(gateway_id)
    table_id = new_id("tgw-rtb")
    TABLES[table_id] = {
        "TransitGatewayRouteTableId": table_id,
        "TransitGatewayId": gateway_id,
        "State": "available",
        "DefaultAssociationRouteTable": False,
        "DefaultPropagationRouteTable": False,
        "CreationTime": ec2._now_ts(),
        "_associations": [],
        "_propagations": [],
        "_routes": {},
    }
    return TABLES[table_id]


def delete_table(table_id: str) -> None:
    if table(table_id)["_associations"]:
        raise EC2Error("IncorrectState", f"{table_id} has non-deleted Associations.")
    TABLES.pop(table_id, None)


def association_of(attachment_id: str) -> str | None:
    for record in TABLES.values():
        if attachment_id in record["_associations"]:
            return record["TransitGatewayRouteTableId"]
    return None


def associate(table_id: str, attachment_id: str) -> None:
    record, _ = table(table_id), _usable(attachment_id, table_id)
    if association_of(attachment_id):
        raise EC2Error(
            "Resource.AlreadyAssociated", f"Transit Gateway Attachment {attachment_id} is already associated."
        )
    record["_associations"].append(attachment_id)


def disassociate(table_id: str, attachment_id: str) -> None:
    if attachment_id not in table(table_id)["_associations"]:
        raise EC2Error("InvalidAssociation.NotFound", f"{attachment_id} is not associated with {table_id}.")
    TABLES[table_id]["_associations"].remove(attachment_id)


def propagate(table_id: str, attachment_id: str) -> None:
    record = table(table_id)
    if _usable(attachment_id, table_id)["kind"] == "peering":
        raise EC2Error("InvalidParameterValue", f"{attachment_id} is a peering attachment, which cannot propagate.")
    if attachment_id not in record["_propagations"]:
        record["_propagations"].append(attachment_id)


def stop_propagation(table_id: str, attachment_id: str) -> None:
    if table_id in TABLES and attachment_id in TABLES[table_id]["_propagations"]:
        TABLES[table_id]["_propagations"].remove(attachment_id)


def create_route(table_id: str, cidr: str, attachment_id: str | None) -> dict:
    record = table(table_id)
    if attachment_id:
        _usable(attachment_id, table_id)
    if cidr in record["_routes"]:
        raise EC2Error("RouteAlreadyExists", f"Route {cidr} already exists in Transit Gateway Route Table {table_id}.")
    record["_routes"][cidr] = attachment_id
    return next(route for route in routes(table_id) if route["DestinationCidrBlock"] == cidr)


def delete_route(table_id: str, cidr: str) -> None:
    if cidr not in table(table_id)["_routes"]:
        raise EC2Error("InvalidRoute.NotFound", f"Route {cidr} does not exist in Transit Gateway Route Table {table_id}.")
    del TABLES[table_id]["_routes"][cidr]


def routes(table_id: str) -> list[dict]:
    """Static and propagated; a static route whose attachment is gone is a blackhole."""
    record = table(table_id)
    found = []
    for cidr, attachment_id in record["_routes"].items():
        towards = describe(attachment_id) if attachment_id else None
        found.append(_route(cidr, "static", towards, "active" if towards and towards["is_live"] else "blackhole"))
    for attachment_id in record["_propagations"]:
        attachment = ATTACHMENTS.get(attachment_id)
        cidr = (ec2._vpcs.get(attachment["VpcId"]) or {}).get("CidrBlock") if attachment else None
        if cidr and cidr not in record["_routes"]:
            found.append(_route(cidr, "propagated", describe(attachment_id), "active"))
    return found


def forget(attachment_id: str) -> None:
    """An attachment that is gone is associated with nothing; static routes to it stay behind."""
    for record in TABLES.values():
        for name in ("_associations", "_propagations"):
            record[name] = [other for other in record[name] if other != attachment_id]


def describe(attachment_id: str) -> dict | None:
    """What a route or an association needs to know of an attachment of either kind, seen from here."""
    from . import peerings

    if vpc := ATTACHMENTS.get(attachment_id):
        return {"id": attachment_id, "kind": "vpc", "resource": vpc["VpcId"], "gateway": vpc["TransitGatewayId"],
                "is_live": True, "state": vpc["State"]}  # fmt: skip
    peering = peerings.find(attachment_id)
    side = peering and peering.side_of(attachment_id, get_account_id(), get_region())
    if side is None:
        return None
    other = peering.requester if side is peering.accepter else peering.accepter
    return {"id": attachment_id, "kind": "peering", "resource": other.gateway, "gateway": side.gateway,
            "is_live": peering.state == "available", "state": peering.state}  # fmt: skip


def _usable(attachment_id: str, table_id: str) -> dict:
    found = describe(attachment_id)
    if found is None or found["gateway"] != TABLES[table_id]["TransitGatewayId"]:
        raise EC2Error(
            "InvalidTransitGatewayAttachmentID.NotFound",
            f"Transit Gateway Attachment {attachment_id} was deleted or does not exist.",
        )
    if not found["is_live"]:
        raise EC2Error("IncorrectState", f"{attachment_id} is in invalid state: {found['state']}")
    return found


def _route(cidr: str, kind: str, towards: dict | None, state: str) -> dict:
    reached = [] if towards is None else [
        {"ResourceId": towards["resource"], "TransitGatewayAttachmentId": towards["id"], "ResourceType": towards["kind"]}
    ]  # fmt: skip
    return {"DestinationCidrBlock": cidr, "TransitGatewayAttachments": reached, "Type": kind, "State": state}
