"""Which node serves which domain: a pool of real nodes, given to domains as they are made and taken back afterwards.

A node that comes back is emptied and given to the next domain, because emptying takes a second and starting takes ten.
"""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from opensearch.node import SUPERUSER, TARGET, Answer, Distribution, Node

from ..connection_requests import Domain


@dataclass
class Placement:
    """A domain and its node."""

    domain: Domain
    node: Node
    ready: Future
    record: dict
    # What of the domain's master user the node knows.
    master: object = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def await_ready(self, seconds: float = 120) -> None:
        self.ready.result(timeout=seconds)


class Nodes:
    """The pool. One thread starts all nodes, because they end with the thread that started them."""

    def __init__(self, temporary: str, target: str | Path = TARGET):
        self._temporary, self._target = Path(temporary), target
        self._starts: queue.SimpleQueue = queue.SimpleQueue()
        self._free: list[tuple[Node, Future]] = []
        self._all: list[Node] = []
        self._placed: dict[Domain, Placement] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._start_what_is_asked_for, daemon=True, name="sandbox-nodes").start()

    def begin(self, count: int) -> None:
        """Start so many nodes at once, for domains to come."""
        for _ in range(count):
            made = self._make()
            with self._lock:
                self._free.append(made)

    def place(self, domain: Domain, record: dict, start: bool = False) -> Placement | None:
        """Give the domain a node; None when none is free and none shall be started."""
        with self._lock:
            if domain in self._placed:
                return self._placed[domain]
            # One that is ready rather than one that is still being emptied.
            self._free.sort(key=lambda free: not free[1].done())
            found = self._free.pop(0) if self._free else None
        if found is None:
            if not start:
                return None
            found = self._make()
        placement = Placement(domain, *found, record)
        with self._lock:
            self._placed[domain] = placement
        return placement

    def placement(self, domain: Domain) -> Placement | None:
        with self._lock:
            return self._placed.get(domain)

    def placements(self) -> list[Placement]:
        with self._lock:
            return list(self._placed.values())

    def take_back(self, domain: Domain) -> Placement | None:
        """Empty the domain's node and keep it for the next domain."""
        with self._lock:
            placement = self._placed.pop(domain, None)
        if placement is None:
            return None
        emptied: Future = Future()

        def empty_it() -> None:
            try:
                placement.await_ready()
                self._ask(("start", placement.node)).result()
                placement.node.await_ready()
                empty(placement.node)
                emptied.set_result(None)
            except Exception as error:  # noqa: BLE001 - whoever gets the node next learns of it
                emptied.set_exception(error)

        with self._lock:
            self._free.append((placement.node, emptied))
        threading.Thread(target=empty_it, daemon=True, name="sandbox-empty").start()
        return placement

    def start_again(self, node: Node) -> None:
        self._ask(("start", node)).result()
        node.await_ready()

    def kill(self) -> None:
        """End every node at once."""
        for node in list(self._all):
            node.kill()

    def _make(self) -> tuple[Node, Future]:
        distribution = Distribution.read(self._target)
        with self._lock:
            name = f"domain-{len(self._all) + 1}"
            node = Node(distribution, name, str(self._temporary / "nodes" / name), str(self._temporary / "shared"))
            self._all.append(node)
        # The node's user must get at its folder.
        for folder in (self._temporary, self._temporary / "nodes"):
            os.chmod(folder, 0o711)
        started, ready = self._ask(("start", node)), Future()

        def wait() -> None:
            try:
                started.result()
                node.await_ready()
                ready.set_result(None)
            except Exception as error:  # noqa: BLE001 - whoever waits for the node gets it
                ready.set_exception(error)

        threading.Thread(target=wait, daemon=True, name="sandbox-await-node").start()
        return node, ready

    def _ask(self, what: tuple[str, Node]) -> Future:
        done: Future = Future()
        self._starts.put((what[1], done))
        return done

    def _start_what_is_asked_for(self) -> None:
        while True:
            node, done = self._starts.get()
            try:
                node.resume()
                node.start()
                done.set_result(None)
            except Exception as error:  # noqa: BLE001 - whoever asked gets it
                done.set_exception(error)


def apply_master(placement: Placement) -> None:
    """Make the domain's master user the one its record names; does nothing when it is so already."""
    options = (placement.record.get("AdvancedSecurityOptions") or {}).get("MasterUserOptions") or {}
    with placement.lock:
        if placement.master == options:
            return
        node = placement.node
        mapping: dict[str, list[str]] = {"backend_roles": [], "users": []}
        if arn := options.get("MasterUserARN"):
            mapping["users" if ":user/" in arn or arn.endswith(":root") else "backend_roles"].append(arn)
        if name := options.get("MasterUserName"):
            body = {"password": options.get("MasterUserPassword", ""), "backend_roles": []}
            _must(node.request("PUT", f"/_plugins/_security/api/internalusers/{name}", body))
            mapping["users"].append(name)
        if any(mapping.values()):
            _must(node.request("PUT", "/_plugins/_security/api/rolesmapping/all_access", mapping))
        placement.master = options


def empty(node: Node) -> None:
    """Take everything away that a domain left behind."""
    settings = node.request("GET", "/_cluster/settings?flat_settings=true").json()
    gone = {kind: dict.fromkeys(settings.get(kind) or {}) for kind in ("persistent", "transient")}
    if any(gone.values()):
        _must(node.request("PUT", "/_cluster/settings", gone))
    streams = node.request("GET", "/_data_stream").json().get("data_streams", [])
    for stream in streams:
        _must(node.request("DELETE", f"/_data_stream/{stream['name']}"))
    listed = node.request("GET", "/_cat/indices?format=json&expand_wildcards=all&h=index").json()
    for index in sorted(row["index"] for row in listed):
        if index != ".opendistro_security":
            _must(node.request("DELETE", f"/{index}"))
    for kind in ("_index_template", "_component_template", "_template", "_snapshot", "_ingest/pipeline"):
        found = node.request("GET", f"/{kind}").json()
        names = [
            item["name"]
            for items in (found.get("index_templates"), found.get("component_templates"))
            for item in items or []
        ] or [name for name in found if name not in ("index_templates", "component_templates")]
        for name in names:
            _must(node.request("DELETE", f"/{kind}/{name}"))
    for kind in ("rolesmapping", "internalusers", "roles", "actiongroups", "tenants"):
        found = node.request("GET", f"/_plugins/_security/api/{kind}").json()
        for name, item in found.items():
            if not (item.get("reserved") or item.get("hidden") or item.get("static")):
                _must(node.request("DELETE", f"/_plugins/_security/api/{kind}/{name}"))


def describe(placement: Placement) -> dict:
    node = placement.node
    is_ready = placement.ready.done() and placement.ready.exception() is None
    return {
        "domain": placement.domain._asdict(),
        "name": node.name,
        "ready": is_ready and node.is_running,
        "running": node.is_running,
        "pid": node.pid,
        "http_port": node.http_port,
        "transport_port": node.transport_port,
        "rss_megabytes": node.rss_megabytes(),
        "replicates": node.distribution.replicates,
        "version": node.distribution.version,
        "user": SUPERUSER,
    }


def _must(answer: Answer) -> None:
    if answer.status >= 300 and answer.status != 404:
        raise RuntimeError(f"a node answered {answer.status}: {answer.body[:500]!r}")
