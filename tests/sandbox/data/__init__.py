"""The data plane: real nodes behind the endpoints of domains, joined as their connections say.

`install` is called once; without nodes it changes nothing but the control API.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass

from ministack.core.responses import get_account_id, get_region
from ministack.services import opensearch

from ..connection_requests import Domain
from ..connections import Connection
from ..world import World
from . import nodes
from .endpoint import Endpoint
from .links import Link, Links
from .nodes import Nodes, Placement
from .replication import Replication


@dataclass
class Joint:
    """A connection as the nodes know it."""

    connection: Connection
    follower: Placement
    leader: Placement
    link: Link


class DataPlane:
    """Domains with nodes, their endpoints, and what joins them."""

    def __init__(self, world: World, count: int):
        self.world, self.nodes, self.links = world, Nodes(world.temporary), Links()
        self._endpoints: dict[Domain, Endpoint] = {}
        self._replications: dict[Domain, Replication] = {}
        self._joints: dict[str, Joint] = {}
        self._faults: dict[str, dict] = {}
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.nodes.begin(count)

    def started(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on connections are looked at."""
        self._loop = loop
        threading.Thread(target=self._keep_joined, daemon=True, name="sandbox-join").start()

    # Domains.

    def place(self, domain: Domain, record: dict, start: bool = False) -> Placement | None:
        """Give the domain a node and an endpoint, if there is one to give."""
        placement = self.nodes.place(domain, record, start)
        if placement is None or domain in self._endpoints:
            return placement
        # Only the real plugin, where it is, knows how to replicate.
        replication = None if placement.node.distribution.replicates else Replication(self, placement)

        def hook(method, target, body, user):  # noqa: ANN001, ANN202
            if target.startswith(("/_plugins/_replication", "/_remote", "/_resolve")) or ":" in target:
                self.settle()
            return replication.intercept(method, target, body, user) if replication else None

        endpoint = Endpoint(self.world, placement, hook)
        with self._lock:
            self._endpoints[domain] = endpoint
            if replication:
                self._replications[domain] = replication
        record["_Endpoint"] = endpoint.host
        if record.get("VPCOptions"):
            record["Endpoints"] = {"vpc": endpoint.host}
        else:
            record["Endpoint"] = endpoint.host
        return placement

    def remove(self, domain: Domain) -> None:
        with self._lock:
            endpoint, replication = self._endpoints.pop(domain, None), self._replications.pop(domain, None)
        if replication:
            replication.close()
        # At once, so that a domain made right after this one gets its node.
        self.nodes.take_back(domain)
        if endpoint:
            threading.Thread(target=endpoint.close, daemon=True, name="sandbox-close").start()

    def find(self, name: str) -> Placement:
        """The placement of a domain by its name, for the control API."""
        found = [p for p in self.nodes.placements() if p.domain.name == name]
        if len(found) != 1:
            known = ", ".join(sorted(p.domain.name for p in self.nodes.placements())) or "none"
            raise ValueError(f"{len(found)} domains named {name!r} have a node; with nodes: {known}")
        return found[0]

    def replication(self, domain: Domain) -> Replication | None:
        with self._lock:
            return self._replications.get(domain)

    def endpoint(self, domain: Domain) -> Endpoint | None:
        with self._lock:
            return self._endpoints.get(domain)

    # Connections.

    def joint(self, follower: Domain, alias: str) -> Joint | None:
        with self._lock:
            for joint in self._joints.values():
                if joint.follower.domain == follower and joint.connection.alias == alias:
                    return joint
        return None

    def joints(self) -> list[Joint]:
        with self._lock:
            return list(self._joints.values())

    def impair(self, alias: str, state: str | None, delay: float | None, bytes_per_second: float | None) -> int:
        """Change every way of this alias; answers how many there are."""
        self.settle()
        found = [joint.link for joint in self.joints() if joint.connection.alias == alias]
        for link in found:
            self.links.change(link, state, delay, bytes_per_second)
        return len(found)

    def settle(self) -> None:
        """Join and part nodes until they are connected as the connections say."""
        if self._loop is None:
            return

        async def snapshot() -> list[Connection]:
            return [c for c in self.world.connections.all() if c.status == "ACTIVE"]

        active = asyncio.run_coroutine_threadsafe(snapshot(), self._loop).result(timeout=30)
        with self._lock:
            wanted = {}
            for connection in active:
                follower, leader = (self.nodes.placement(d) for d in (connection.local, connection.remote))
                if follower and leader:
                    wanted[connection.id] = (connection, follower, leader)
            for key in [key for key in self._joints if key not in wanted]:
                self._part(key)
            for key, found in wanted.items():
                if key not in self._joints:
                    self._join(key, *found)

    def _join(self, key: str, connection: Connection, follower: Placement, leader: Placement) -> None:
        for placement in (follower, leader):
            placement.await_ready()
            # Nobody may have asked the other domain for anything yet.
            nodes.apply_master(placement)
        link = self.links.open(connection.alias, ("127.0.0.1", leader.node.transport_port))
        remote = {
            "mode": "proxy",
            "proxy_address": link.address,
            "skip_unavailable": connection.skip_unavailable == "ENABLED",
        }
        self._remote(follower, connection.alias, remote)
        self._joints[key] = Joint(connection, follower, leader, link)

    def _part(self, key: str) -> None:
        joint = self._joints.pop(key)
        remote = {"mode": None, "proxy_address": None, "skip_unavailable": None}
        try:
            self._remote(joint.follower, joint.connection.alias, remote)
        except OSError:
            # The node is down, and is emptied before anybody else gets it.
            pass
        self.links.close(joint.link)

    def _remote(self, follower: Placement, alias: str, values: dict) -> None:
        body = {"persistent": {f"cluster.remote.{alias}.{name}": value for name, value in values.items()}}
        answer = follower.node.request("PUT", "/_cluster/settings", body, seconds=30)
        if answer.status != 200:
            raise OSError(f"the node refuses the remote {alias}: {answer.body[:300]!r}")

    def _keep_joined(self) -> None:
        while True:
            time.sleep(0.1)
            try:
                if self.nodes.placements():
                    self.settle()
            except Exception as error:  # noqa: BLE001 - the next look may go better
                self.world.journal.add("note", what="joining nodes", error=repr(error))
                time.sleep(1)

    def kill(self) -> None:
        self.nodes.kill()


def install(world: World, count: int) -> None:
    """Give nodes to domains as they are made, and take them back when they are deleted."""
    world.data = plane = DataPlane(world, count)
    new_record, delete_record = opensearch._new_domain_record, opensearch.delete_domain_record

    def made(name: str, payload: dict) -> dict:
        record = new_record(name, payload)
        plane.place(Domain(get_account_id(), get_region(), name), record)
        return record

    def deleted(name: str, missing_ok: bool = False) -> dict | None:
        record = delete_record(name, missing_ok)
        if record:
            plane.remove(Domain(get_account_id(), get_region(), name))
        return record

    opensearch._new_domain_record, opensearch.delete_domain_record = made, deleted


def describe(plane: DataPlane) -> list[dict]:
    """What the control API shows of every node that serves a domain."""
    return [
        {**nodes.describe(p), "endpoint": e.host if (e := plane.endpoint(p.domain)) else None}
        for p in plane.nodes.placements()
    ]
