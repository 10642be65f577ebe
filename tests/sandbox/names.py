"""Names and references as AWS makes them where ministack has its own.

A `Ref` to a secret is its ARN and to an instance profile its name, a domain's endpoint is a host name without a port.
"""

from __future__ import annotations

import hashlib

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, opensearch, secretsmanager
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Rename in all places."""
    _refer_to_secrets_by_arn()
    _refer_to_profiles_by_name()
    _name_domain_endpoints()


def _refer_to_secrets_by_arn() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def create_secret(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
        _, attributes = create(logical_id, properties, stack_name)
        return attributes["Arn"], attributes

    def update_secret(physical_id: str, *arguments: object) -> tuple[str, dict]:
        _, attributes = update(_name(physical_id), *arguments)
        return attributes["Arn"], attributes

    def delete_secret(physical_id: str, properties: dict) -> None:
        delete(_name(physical_id), properties)

    handler.update(create=create_secret, update=update_secret, delete=delete_secret)


def _name(arn: str) -> str:
    return next((name for name, secret in secretsmanager._secrets.items() if secret["ARN"] == arn), arn)


def _refer_to_profiles_by_name() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::IAM::InstanceProfile"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def arn(name: str) -> str:
        return (iam._instance_profiles.get(name) or {}).get("Arn", name)

    def named(made: tuple[str, dict]) -> tuple[str, dict]:
        return made[0].rpartition("/")[2], made[1]

    def update_profile(physical_id: str, *arguments: object, **more: object) -> tuple[str, dict]:
        return named(update(arn(physical_id), *arguments, **more))

    handler.update(
        create=lambda *arguments: named(create(*arguments)),
        update=update_profile,
        delete=lambda physical_id, properties: delete(arn(physical_id), properties),
    )


def _name_domain_endpoints() -> None:
    original = opensearch._new_domain_record

    def new_record(name: str, payload: dict) -> dict:
        record = original(name, payload)
        region = get_region()
        mark = hashlib.sha256(f"{get_account_id()}/{region}/{name}".encode()).hexdigest()[:26]
        endpoint = f"-{name}-{mark}.{region}.es.amazonaws.com"
        record["_Endpoint"] = ("search" if "Endpoint" in record else "vpc") + endpoint
        if "Endpoint" in record:
            record["Endpoint"] = record["_Endpoint"]
        else:
            record["Endpoints"] = {"vpc": record["_Endpoint"]}
        return record

    opensearch._new_domain_record = new_record
