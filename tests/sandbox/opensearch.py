"""The connection operations over HTTP, and what they change about domains.

ministack routes `/2021-01-01/opensearch/cc/` here but answers "not implemented".
It also lets a connected domain be deleted, and says 404 where the service says 409.
"""

from __future__ import annotations

import json
import re

from ministack.core.responses import get_account_id, get_region
from ministack.services import opensearch

from .connection_requests import INBOUND, OUTBOUND, Domain, ServiceError, invalid
from .wire import Response, answer
from .world import World

_PATH = re.compile(r"/2021-01-01/opensearch/cc/(outbound|inbound)Connection(?:/([^/]+))?(?:/(accept|reject))?/?$")


def install(world: World) -> None:
    """Answer the connection operations and guard the domains."""
    original = opensearch.handle_request

    async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Response:
        match = _PATH.match(path)
        if not match:
            return await original(method, path, headers, body, query_params)
        try:
            return answer(200, _operate(world, method, *match.groups(), body))
        except ServiceError as error:
            return opensearch._error(error.status, error.code, error.message)

    opensearch.handle_request = handle_request
    _guard_deletion(world)
    _correct_not_found()


def _operate(world: World, method: str, side: str, connection_id: str | None, verb: str | None, body: bytes) -> dict:
    connections, caller = world.connections, (get_account_id(), get_region())
    if method == "POST" and connection_id is None and side == OUTBOUND:
        # Create answers the connection itself, every other operation wraps it.
        return connections.view(connections.create(caller, _parse(body)), OUTBOUND, fresh=True)
    if method == "POST" and connection_id == "search":
        page, token = connections.describe(caller, side, _parse(body))
        return {"Connections": page, **({"NextToken": token} if token else {})}
    if method == "PUT" and verb and side == INBOUND:
        act = connections.accept if verb == "accept" else connections.reject
        connection = act(caller, connection_id)
    elif method == "DELETE" and connection_id and not verb:
        connection = connections.delete(caller, side, connection_id)
    else:
        raise invalid(f"Unknown operation {method}.")
    return {"Connection": connections.view(connection, side, fresh=True)}


def _parse(body: bytes) -> dict:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        raise invalid("The request body is not valid JSON.") from None
    if not isinstance(parsed, dict):
        raise invalid("The request body is not an object.")
    return parsed


def _guard_deletion(world: World) -> None:
    """Refuse to delete a connected domain, by API and by CloudFormation alike."""
    original = opensearch.delete_domain_record

    def delete_domain_record(name: str, missing_ok: bool = False) -> dict | None:
        holding = world.connections.holding(Domain(get_account_id(), get_region(), name))
        if holding:
            raise opensearch.OpenSearchServiceError(
                400,
                "ValidationException",
                f"Domain {name} has {len(holding)} cross-cluster connection(s). "
                "Delete all inbound and outbound connections before you delete the domain.",
            )
        return original(name, missing_ok)

    opensearch.delete_domain_record = delete_domain_record


def _correct_not_found() -> None:
    original = opensearch._error

    def error(status: int, code: str, message: str) -> Response:
        return original(409 if code == "ResourceNotFoundException" else status, code, message)

    opensearch._error = error
