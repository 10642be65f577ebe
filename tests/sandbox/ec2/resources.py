"""The ARNs an EC2 request is authorized on, as the service authorization reference lists them.

ministack knows some by the request's fields; a policy that names an instance for CreateTags would deny everything.
"""

from __future__ import annotations

import re
from contextvars import ContextVar

from ministack.core import iam_actions, iam_evaluator
from ministack.services import ec2

# action -> (kind, field) each; a list field is asked for as "Field.1", "Field.2", ...
_ATTACHMENT = ("transit-gateway-attachment", "TransitGatewayAttachmentId")
_TABLE = ("transit-gateway-route-table", "TransitGatewayRouteTableId")
_RESOURCES: dict[str, tuple[tuple[str, str], ...]] = {
    "StartInstances": (("instance", "InstanceId"),),
    "StopInstances": (("instance", "InstanceId"),),
    "TerminateInstances": (("instance", "InstanceId"),),
    "RebootInstances": (("instance", "InstanceId"),),
    "CreateTags": (("", "ResourceId"),),
    "DeleteTags": (("", "ResourceId"),),
    "CreateTransitGatewayPeeringAttachment": (
        ("transit-gateway", "TransitGatewayId"),
        ("transit-gateway-attachment", "*"),
    ),
    "AcceptTransitGatewayPeeringAttachment": (_ATTACHMENT,),
    "RejectTransitGatewayPeeringAttachment": (_ATTACHMENT,),
    "DeleteTransitGatewayPeeringAttachment": (_ATTACHMENT,),
    "AssociateTransitGatewayRouteTable": (_TABLE, _ATTACHMENT),
    "DisassociateTransitGatewayRouteTable": (_TABLE, _ATTACHMENT),
    # The attachment is optional in the reference, and authorized when the request names one.
    "CreateTransitGatewayRoute": (_TABLE, _ATTACHMENT),
    "DeleteTransitGatewayRoute": (_TABLE,),
    "SearchTransitGatewayRoutes": (_TABLE,),
    "GetTransitGatewayRouteTableAssociations": (_TABLE,),
    "GetTransitGatewayRouteTablePropagations": (_TABLE,),
}
_KINDS = (
    ("tgw-attach-", "transit-gateway-attachment"),
    ("tgw-rtb-", "transit-gateway-route-table"),
    ("tgw-", "transit-gateway"),
)
# What the request of now tags while it makes it, which is authorized as ec2:CreateTags too.
_tagged: ContextVar[str] = ContextVar("tagged", default="")


def install() -> None:
    """Answer both questions ministack asks: for the first resource, and for the others."""
    first, others = iam_actions.extract_resource_arn, iam_actions.verified_access_resource_arns

    def extract(service, method, path, headers, body, query_params, region, account_id):  # noqa: ANN001, ANN202
        _tagged.set("")
        if service == "ec2" and (arns := _arns(query_params, region, account_id)) is not None:
            is_tagging = any(name.startswith("TagSpecification.") for name in query_params)
            _tagged.set(next((arn for arn in arns if is_tagging and arn.endswith("/*")), ""))
            return arns[0] if arns else "*"
        return first(service, method, path, headers, body, query_params, region, account_id)

    def extract_all(query_params: dict, region: str, account_id: str) -> list[str]:
        arns = _arns(query_params, region, account_id)
        return others(query_params, region, account_id) if arns is None else arns

    enforce = iam_evaluator.enforce

    def enforce_tagging(access_key_id, iam_action, service, region, **more):  # noqa: ANN001, ANN003, ANN202
        denied = enforce(access_key_id, iam_action, service, region, **more)
        if denied or service != "ec2" or not _tagged.get():
            return denied
        return enforce(access_key_id, "ec2:CreateTags", service, region, **{**more, "resource_arn": _tagged.get()})

    iam_evaluator.enforce = enforce_tagging
    iam_actions.extract_resource_arn = extract
    iam_actions.verified_access_resource_arns = extract_all
    guess = ec2._guess_resource_type
    ec2._guess_resource_type = lambda resource_id: next(
        (kind for prefix, kind in _KINDS if resource_id.startswith(prefix)), None
    ) or guess(resource_id)


def _arns(query_params: dict, region: str, account_id: str) -> list[str] | None:
    """All resources of the request; an action that is read for all of them has none; None leaves it to ministack."""
    action = ec2._p(query_params, "Action")
    if action.startswith("Describe"):
        return []
    fields = _RESOURCES.get(action)
    if fields is None:
        return None
    found = []
    for kind, field in fields:
        values = ["*"] if field == "*" else _values(query_params, field)
        found += [f"arn:aws:ec2:{region}:{account_id}:{kind or ec2._guess_resource_type(v)}/{v}" for v in values]
    return list(dict.fromkeys(found))


def _values(query_params: dict, field: str) -> list[str]:
    pattern = re.compile(rf"{field}(?:\.\d+)?$")
    return [ec2._p(query_params, name) for name in sorted(query_params) if pattern.match(name)]
