"""What the control API can do with nodes and the ways between them."""

from __future__ import annotations

from collections.abc import Callable

from ..connection_requests import Domain
from ..world import World, domain_record
from . import describe

Handler = Callable[[World, dict], object]


def _nodes(world: World, values: dict) -> object:
    return {"nodes": describe(world.data)}


def _place(world: World, values: dict) -> object:
    domain = Domain(values["account"], values["region"], values["domain"])
    record = domain_record(domain)
    if record is None:
        raise ValueError(f"there is no domain {domain.name} in {domain.account}, {domain.region}")
    world.data.place(domain, record, start=True)
    return {"endpoint": world.data.endpoint(domain).host}


def _state(world: World, values: dict) -> object:
    placement = world.data.find(values["domain"])
    node, state = placement.node, values.get("state")
    if state == "stopped":
        node.stop()
    elif state == "killed":
        node.kill()
    elif state == "suspended":
        node.suspend()
    elif state == "running":
        world.data.nodes.start_again(node)
    else:
        raise ValueError('`state` is "stopped", "killed", "suspended" or "running"')
    return {"running": node.is_running}


def _links(world: World, values: dict) -> object:
    world.data.settle()
    return {
        "links": [
            {
                "alias": joint.connection.alias,
                "follower": joint.follower.domain.name,
                "leader": joint.leader.domain.name,
                "address": joint.link.address,
                "state": joint.link.state,
                "delay": joint.link.delay,
                "bytes_per_second": joint.link.bytes_per_second,
            }
            for joint in world.data.joints()
        ]
    }


def _impair(world: World, values: dict) -> object:
    more = (values.get("state"), values.get("delay"), values.get("bytes_per_second"))
    changed = world.data.impair(values["alias"], *more)
    if not changed:
        raise ValueError(f"no nodes are joined under the alias {values['alias']!r}")
    return {"links": changed}


def _expire(world: World, values: dict) -> object:
    """As if an index had been paused for more than twelve hours."""
    placement = world.data.find(values["domain"])
    replication = world.data.replication(placement.domain)
    if replication is None:
        raise ValueError("the real plugin's retention leases cannot be expired from here")
    return {"expired": replication.expire(values.get("index"))}


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/nodes"): _nodes,
    ("POST", "/nodes"): _place,
    ("POST", "/nodes/state"): _state,
    ("GET", "/links"): _links,
    ("POST", "/links"): _impair,
    ("POST", "/replication/expire"): _expire,
}
