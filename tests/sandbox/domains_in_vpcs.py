"""Domains in a VPC: the role that AWS owns, one subnet per zone, and groups and subnets that are there.

ministack names that role otherwise, says it exists already in other words, and takes any domain without it.
"""

from __future__ import annotations

from ministack.services import ec2, iam, opensearch

from .wire import Response

SERVICE = "opensearchservice.amazonaws.com"
ROLE = "AWSServiceRoleForAmazonOpenSearchService"


def install() -> None:
    """Wrap the creation of the role and of the domain's record."""
    create_role, new_record = iam._IAM_HANDLERS["CreateServiceLinkedRole"], opensearch._new_domain_record

    def create(p: dict) -> Response:
        if iam._p(p, "AWSServiceName") != SERVICE:
            return create_role(p)
        if ROLE in iam._roles:
            reason = f"Service role name {ROLE} has been taken in this account, please try a different suffix."
            return iam._error(400, "InvalidInput", reason, ns="iam")
        before = set(iam._roles)
        response = create_role(p)
        for name in set(iam._roles) - before:
            role = iam._roles.pop(name)
            iam._roles[ROLE] = {**role, "RoleName": ROLE, "Arn": role["Arn"].replace(name, ROLE)}
            response = (response[0], response[1], response[2].replace(name.encode(), ROLE.encode()))
        return response

    def checked(name: str, payload: dict) -> dict:
        options = payload.get("VPCOptions") or {}
        if options.get("SubnetIds"):
            _check(options, payload.get("ClusterConfig") or {})
        return new_record(name, payload)

    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = create
    opensearch._new_domain_record = checked


def _check(options: dict, cluster: dict) -> None:
    if ROLE not in iam._roles:
        raise _refused(
            "Before you can proceed, you must enable a service-linked role to give Amazon OpenSearch Service "
            "permissions to access your VPC."
        )
    zones = 1
    if str(cluster.get("ZoneAwarenessEnabled")).lower() == "true":
        zones = int((cluster.get("ZoneAwarenessConfig") or {}).get("AvailabilityZoneCount", 2))
    subnets = [ec2._subnets.get(subnet) for subnet in options["SubnetIds"]]
    if None in subnets:
        raise _refused("The subnets do not exist.")
    if len(subnets) != zones or len({subnet["AvailabilityZone"] for subnet in subnets}) != zones:
        raise _refused(f"You must specify exactly {zones} subnet(s), each in an Availability Zone of its own.")
    groups = [ec2._security_groups.get(group) for group in options.get("SecurityGroupIds") or []]
    if None in groups or any(group["VpcId"] != subnets[0]["VpcId"] for group in groups):
        raise _refused("The security groups are not of the VPC of the subnets.")


def _refused(sentence: str) -> opensearch.OpenSearchServiceError:
    return opensearch.OpenSearchServiceError(400, "ValidationException", sentence)
