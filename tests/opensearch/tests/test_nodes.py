"""Nodes start, stop, keep their data, and end with whoever started them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from opensearch.domains import Domain, until
from opensearch.node import Distribution, Node, identity
from sandbox.process import LEADER_ACCOUNT, Sandbox


@pytest.fixture(scope="module")
def node():
    with Node(Distribution.read(), "alone") as running:
        running.await_ready()
        yield running


def test_data_and_ports_survive_a_stop_and_a_power_cut(node):
    node.request("PUT", "/books/_doc/1?refresh=true", {"n": 1})
    port = node.http_port
    for end in (node.stop, node.kill):
        end()
        assert not node.is_running
        node.start()
        node.await_ready()
        assert node.http_port == port
        until(lambda: node.request("GET", "/books/_doc/1").status == 200)


def test_it_listens_on_loopback_only_and_is_not_root(node):
    if not os.path.exists("/proc"):
        pytest.skip("no /proc here")
    assert os.stat(f"/proc/{node.pid}").st_uid != 0
    listening = set()
    for name in ("tcp", "tcp6"):
        for row in Path(f"/proc/{node.pid}/net/{name}").read_text().splitlines()[1:]:
            address, port = row.split()[1].split(":")
            if int(port, 16) in (node.http_port, node.transport_port) and row.split()[3] == "0A":
                listening.add(address)
    assert listening <= {"0100007F", "0000000000000000FFFF00000100007F"}
    assert listening


def test_it_is_small(node):
    assert node.rss_megabytes() < (700 if node.distribution.kind == "full" else 450)


def test_the_front_proxy_is_believed_and_nobody_else(node):
    headers = identity("arn:aws:iam::111111111111:role/r", ("arn:aws:iam::111111111111:role/r",))
    answer = node.request("GET", "/_plugins/_security/authinfo", headers=headers)
    assert answer.json()["backend_roles"] == ["arn:aws:iam::111111111111:role/r"]
    del headers["x-forwarded-for"]
    assert node.request("GET", "/_plugins/_security/authinfo", headers=headers).status == 401


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a killed sandbox leaves its nodes")
def test_nodes_end_with_a_sandbox_that_is_killed(tmp_path):
    sandbox = Sandbox.start(sys.executable, log_path=str(tmp_path / "log"), nodes=1)
    try:
        Domain.make(sandbox, LEADER_ACCOUNT, "us-east-1", "killed")
        pid = until(lambda: sandbox.control("/nodes")["nodes"][0]["pid"])
        os.kill(sandbox.pid, signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{pid}") or _state(pid) == "Z", 20)
    finally:
        sandbox.stop()


def test_nodes_end_with_their_sandbox(tmp_path):
    sandbox = Sandbox.start(sys.executable, log_path=str(tmp_path / "log"), nodes=1)
    Domain.make(sandbox, LEADER_ACCOUNT, "us-east-1", "ended")
    pid = until(lambda: sandbox.control("/nodes")["nodes"][0]["pid"])
    started = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - started < 4
    until(lambda: not os.path.exists(f"/proc/{pid}") or _state(pid) == "Z", 10)


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
