"""Security group rules as resources of their own: AWS::EC2::SecurityGroupIngress and -Egress.

ministack only takes the rules written inside a group.
"""

from __future__ import annotations

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from .types import register
from .xml import new_id

_SIDES = {"Ingress": "IpPermissions", "Egress": "IpPermissionsEgress"}


def install() -> None:
    """Register both types."""
    for side, key in _SIDES.items():
        register(f"AWS::EC2::SecurityGroup{side}", _creator(key), _deleter(key), has_tags=False)


def _creator(key: str):  # noqa: ANN202
    def create(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
        group = ec2._security_groups.get(properties.get("GroupId", ""))
        if group is None:
            raise ValueError(f"The security group '{properties.get('GroupId')}' does not exist")
        for name in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
            if properties.get(name) and not _exists_anywhere(properties[name]):
                raise ValueError(f"The security group '{properties[name]}' does not exist")
        (permission,) = provisioners._ec2_sg_permissions([properties])
        if any(_same(permission, other) for other in group[key]):
            raise ValueError("the specified rule already exists (Error Code: InvalidPermission.Duplicate)")
        permission["SecurityGroupRuleId"] = rule_id = new_id("sgr")
        group[key].append(permission)
        return rule_id, {"Id": rule_id}

    return create


def _deleter(key: str):  # noqa: ANN202
    def delete(physical_id: str, properties: dict) -> None:
        group = ec2._security_groups.get(properties.get("GroupId", ""))
        if group:
            group[key] = [p for p in group[key] if p.get("SecurityGroupRuleId") != physical_id]

    return delete


def _exists_anywhere(group_id: str) -> bool:
    """A peered VPC's group may be in another account."""
    return any(key[2] == group_id for key in ec2._security_groups._data)


def _same(one: dict, other: dict) -> bool:
    def plain(rule: dict) -> dict:
        return {name: value for name, value in ec2._strip_descriptions(rule).items() if name != "SecurityGroupRuleId"}

    return plain(one) == plain(other)
