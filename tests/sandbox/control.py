"""The control API under `/_sandbox/`: faults, holds, the journal, what is left over.

For tests and the demo only; it listens on the loopback address like everything here and asks for no credentials.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from urllib.parse import parse_qs

from ministack.core.responses import request_scope
from ministack.services import ec2 as stores

from . import custom_resources, leftovers
from .data import control as data
from .ec2 import instances, peerings
from .settings import retimed
from .wire import Response, answer
from .world import World

Handler = Callable[[World, dict], object]


async def serve(world: World, method: str, path: str, query: str, body: bytes) -> Response:
    """Answer one control request; what is wrong with it comes back as 400 with a sentence."""
    handler = _ROUTES.get((method, path.removeprefix("/_sandbox").rstrip("/")))
    if handler is None:
        known = ", ".join(sorted(f"{m} /_sandbox{p}" for m, p in _ROUTES))
        return answer(404, {"error": f"no such control; there are: {known}"})
    try:
        values = {name: found[-1] for name, found in parse_qs(query).items()}
        values.update(json.loads(body) if body else {})
        # What is asked of nodes takes time, and in that time the rest goes on.
        if handler in data.ROUTES.values():
            return answer(200, await asyncio.to_thread(handler, world, values))
        return answer(200, handler(world, values))
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        return answer(400, {"error": f"{type(error).__name__}: {error}"})


def _status(world: World, values: dict) -> object:
    return {
        "speed": world.speed,
        "seed": world.seed,
        "endpoint": world.endpoint,
        "timing": vars(world.timing),
        "behaviour": vars(world.behaviour),
        "response_bucket": world.response_bucket,
        "faults": world.faults.all(),
        "throttles": world.faults.limits(),
        "duplicates": world.duplicates,
    }


def _add_fault(world: World, values: dict) -> object:
    return vars(world.faults.add(**values))


def _list_faults(world: World, values: dict) -> object:
    return {"faults": world.faults.all(), "throttles": world.faults.limits()}


def _clear_faults(world: World, values: dict) -> object:
    world.faults.clear(int(values["id"]) if "id" in values else None)
    return {"faults": world.faults.all()}


def _throttle(world: World, values: dict) -> object:
    world.faults.limit(values.get("operation", "es:*"), values.get("per_second"), values.get("burst", 1))
    return {"throttles": world.faults.limits()}


def _response_bucket(world: World, values: dict) -> object:
    if values.get("state") not in ("up", "unavailable", "reset"):
        raise ValueError('`state` is "up", "unavailable" (503) or "reset" (no answer)')
    world.response_bucket = values["state"]
    return {"state": world.response_bucket}


def _behaviour(world: World, values: dict) -> object:
    world.behaviour.change(values)
    return vars(world.behaviour)


def _timing(world: World, values: dict) -> object:
    world.timing = retimed(world.timing, values)
    return vars(world.timing)


def _connections(world: World, values: dict) -> object:
    now = world.clock()
    return {
        "connections": [
            {
                "id": c.id,
                "alias": c.alias,
                "status": c.status,
                "message": c.message,
                "mode": c.mode,
                "local": c.local._asdict(),
                "remote": c.remote._asdict(),
                "outbound": world.connections.seen_status(c, "outbound", now),
                "inbound": world.connections.seen_status(c, "inbound", now),
                "held_in": sorted(c.hold_in),
                "history": [
                    {"seconds_ago": round(now - at, 3), "status": status, "by": cause, "message": message}
                    for at, status, cause, message in c.history
                ],
            }
            for c in world.connections.all()
            if values.get("alias") in (None, c.alias)
        ]
    }


def _hold(world: World, values: dict) -> object:
    world.connections.hold(values["state"], values.get("alias"))
    return {}


def _release(world: World, values: dict) -> object:
    return {"moved": world.connections.release(values.get("alias"))}


def _outcome(world: World, values: dict) -> object:
    world.connections.decide(values["next"], values.get("message", "Decided by the sandbox."), values.get("alias"))
    return {}


def _force(world: World, values: dict) -> object:
    connection = world.connections.force(values["id"], values["state"], values.get("message", ""))
    return {"id": connection.id, "status": connection.status}


def _instances(world: World, values: dict) -> object:
    return {
        "instances": [
            {
                "id": name,
                "account": account,
                "region": region,
                "state": instance["State"]["Name"],
                "works": instances.is_ready(instance),
                "tags": {t["Key"]: t.get("Value", "") for t in stores._tags.get_scoped(account, region, name) or []},
            }
            for (account, region, name), instance in list(stores._instances._data.items())
        ]
    }


def _halt(world: World, values: dict) -> object:
    account, region, instance = instances.find(values["id"])
    with request_scope(account, region):
        instances.halt(instance)
    return {"state": instance["State"]["Name"]}


def _peerings(world: World, values: dict) -> object:
    now = world.clock()
    return {
        "peerings": [
            {
                "id": peering.id,
                "state": peering.state,
                "requester": peering.requester._asdict(),
                "accepter": peering.accepter._asdict(),
                "seen_by_accepter": (peering.seen(peering.accepter, now) or (None,))[0],
                "history": [{"seconds_ago": round(now - at, 3), "state": state} for at, state, _ in peering.history],
            }
            for peering in peerings.all_peerings()
        ]
    }


def _journal(world: World, values: dict) -> object:
    kind, after = values.pop("kind", None), int(values.pop("after", 0))
    return {"entries": world.journal.read(kind, after, **values)}


def _clear_journal(world: World, values: dict) -> object:
    world.journal.clear()
    return {}


def _duplicate(world: World, values: dict) -> object:
    world.duplicates.append({"copies": 2, **values})
    return {"duplicates": world.duplicates}


def _no_duplicates(world: World, values: dict) -> object:
    world.duplicates.clear()
    return {"duplicates": []}


def _redeliver(world: World, values: dict) -> object:
    if not custom_resources.redeliver(world, values["request_id"]):
        raise ValueError(f"no event with the request id {values['request_id']!r}")
    return {}


def _leftovers(world: World, values: dict) -> object:
    return leftovers.count(world)


_ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", ""): _status,
    ("POST", "/faults"): _add_fault,
    ("GET", "/faults"): _list_faults,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/throttle"): _throttle,
    ("POST", "/response-bucket"): _response_bucket,
    ("POST", "/behaviour"): _behaviour,
    ("POST", "/timing"): _timing,
    ("GET", "/connections"): _connections,
    ("POST", "/connections/hold"): _hold,
    ("POST", "/connections/release"): _release,
    ("POST", "/connections/outcome"): _outcome,
    ("POST", "/connections/force"): _force,
    ("GET", "/instances"): _instances,
    ("POST", "/instances/halt"): _halt,
    ("GET", "/peerings"): _peerings,
    ("GET", "/journal"): _journal,
    ("DELETE", "/journal"): _clear_journal,
    ("POST", "/duplicates"): _duplicate,
    ("DELETE", "/duplicates"): _no_duplicates,
    ("POST", "/redeliver"): _redeliver,
    ("GET", "/leftovers"): _leftovers,
    **data.ROUTES,
}
