"""What a function in a VPC can call: nothing that its routes, groups and endpoints do not lead to.

Such a function calls AWS under an address of its own, `/_from/<token>`, and every request through it is judged by the
state of EC2 at that moment, with the same analysis as `tests/reachability`. What cannot get there is closed unanswered,
where AWS would let it time out. ministack knows no difference between a function inside a VPC and one outside.
"""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ec2, lambda_svc
from ministack.services.cloudformation import provisioners
from reachability.network import Host, Network, Place, Service
from reachability.paths import Verdict, reaches

from . import functions
from .ec2 import instances, interfaces, routes
from .world import World

PREFIX = "/_from/"
RESPONSES = "/_sandbox/response/"
_CREDENTIAL = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_HOST = re.compile(r"^([a-z0-9-]+)\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com")
# token -> function ARN, and back.
_origins: dict[str, str] = {}


class Passage(NamedTuple):
    """A request on its way out of a VPC."""

    function: str
    target: Service
    verdict: Verdict


def install(world: World) -> None:
    """Give functions in a VPC their address, and refuse those whose role could not make their interfaces."""
    environment = lambda_svc._provided_worker_env

    def worker_environment(config: dict, code_dir: str, port: int) -> dict:
        return {**environment(config, code_dir, port), "AWS_ENDPOINT_URL": address(world, config)}

    lambda_svc._provided_worker_env = worker_environment
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update = handler["create"], handler["update"]

    def create_function(logical_id: str, properties: dict, stack_name: str) -> tuple[str, dict]:
        made = create(logical_id, properties, stack_name)
        try:
            _place(made[0], properties)
        except ValueError:
            handler["delete"](made[0], properties)
            raise
        return made

    def update_function(physical_id: str, old: dict, new: dict, *more: object, **named: object) -> tuple[str, dict]:
        made = update(physical_id, old, new, *more, **named)
        _place(made[0], new)
        return made

    handler.update(create=create_function, update=update_function)


def _place(name: str, properties: dict) -> None:
    """Put the function where its properties say; ministack's CloudFormation forgets that."""
    config = lambda_svc._functions[name]["config"]
    before, config["VpcConfig"] = config.get("VpcConfig"), lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))
    if in_vpc(config) and (action := _forbidden(config)):
        raise ValueError(f"The provided execution role does not have permissions to call {action} on EC2")
    if before != config["VpcConfig"]:
        lambda_svc.invalidate_worker(name, account=get_account_id(), region=get_region())


def _forbidden(config: dict) -> str | None:
    """The first action that Lambda needs to give the function its interfaces, and its role does not allow."""
    prefix, place = f"arn:aws:ec2:{get_region()}:{get_account_id()}", config["VpcConfig"]
    made = [f"{prefix}:network-interface/*"]
    made += [f"{prefix}:subnet/{subnet}" for subnet in place["SubnetIds"]]
    made += [f"{prefix}:security-group/{group}" for group in place.get("SecurityGroupIds") or []]
    needed = {"CreateNetworkInterface": made, "DescribeNetworkInterfaces": ["*"], "DeleteNetworkInterface": [f"{prefix}:*/*"]}
    for action, resources in needed.items():
        if not all(functions._allows(config, f"ec2:{action}", resource) for resource in resources):
            return action
    return None


def in_vpc(config: dict) -> bool:
    return bool((config.get("VpcConfig") or {}).get("SubnetIds"))


def address(world: World, config: dict) -> str:
    """Where this function finds AWS."""
    if not in_vpc(config):
        return world.endpoint
    arn = config["FunctionArn"]
    token = next((token for token, known in _origins.items() if known == arn), None) or secrets.token_hex(8)
    _origins[token] = arn
    return f"{world.endpoint}{PREFIX}{token}"


def split(path: str) -> tuple[str, str]:
    """The token and the path without it; an empty token for a request from elsewhere."""
    if not path.startswith(PREFIX):
        return "", path
    token, _, rest = path.removeprefix(PREFIX).partition("/")
    return token, f"/{rest}"


def judge(world: World, token: str, path: str, query: str, headers: dict[str, str]) -> Passage | None:
    """Whether a function's request gets out; None when the function is gone."""
    arn = _origins.get(token, "")
    parts = arn.split(":")
    if len(parts) < 7:
        return None
    place = Place(parts[4], parts[3])
    record = lambda_svc._functions.get_scoped(place.account, place.region, parts[6])
    if record is None:
        return None
    config = (record.get("config") or record).get("VpcConfig") or {}
    host = Host("the function", place, tuple(config.get("SubnetIds") or ()), tuple(config.get("SecurityGroupIds") or ()))
    target, bucket = _target(path, query, headers)
    passage = Passage(parts[6], target, reaches({place: state_of(place)}, host, target, bucket))
    if not passage.verdict.passes:
        world.journal.add(
            "blocked",
            function=passage.function,
            service=target.name,
            region=target.region,
            missing=passage.verdict.missing,
        )
    return passage


def is_probe(headers: dict[str, str]) -> bool:
    """A request that only wants to know whether somebody answers: unsigned, to a service's own host."""
    return "authorization" not in headers and bool(_HOST.match(headers.get("host", "")))


def _target(path: str, query: str, headers: dict[str, str]) -> tuple[Service, str]:
    if path.startswith(RESPONSES):
        # The Region of the bucket stands in the signed query, as it does on AWS.
        region = query.partition("X-Amz-Credential=")[2].split("%2F")[2]
        return Service("s3", region), f"cloudformation-custom-resource-response-{region.replace('-', '')}"
    if signed := _CREDENTIAL.search(headers.get("authorization", "")):
        return Service(signed[2], signed[1]), ""
    if named := _HOST.match(headers.get("host", "")):
        return Service(named[1], named[2]), ""
    return Service("unknown", "unknown"), ""


def state_of(place: Place) -> Network:
    """The stores in the shapes of the API, with what only the sandbox knows: whether an instance has booted."""
    with request_scope(*place):
        for table in ec2._route_tables.values():
            routes.refresh(table)
        return Network(
            subnets=ec2._subnets.values(),
            route_tables=ec2._route_tables.values(),
            security_groups=ec2._security_groups.values(),
            endpoints=[
                {**endpoint, "Groups": interfaces.named(endpoint.get("SecurityGroupIds") or [])}
                for endpoint in ec2._vpc_endpoints.values()
            ],
            interfaces=ec2._network_interfaces.values(),
            instances=[{**i, "Ready": instances.is_ready(i)} for i in ec2._instances.values()],
            internet_gateways=ec2._internet_gateways.values(),
            nat_gateways=ec2._nat_gateways.values(),
            addresses=ec2._addresses.values(),
        )
