"""`make sandbox` as its user runs it: domains that are launched there have nodes, and Ctrl-C leaves no process."""

import os
import signal
import subprocess
import sys

from opensearch.domains import Domain
from sandbox.process import FOLLOWER_ACCOUNT, LEADER_ACCOUNT, Sandbox, free_port

from .project import ROOT
from .test_demo import descendants, gone_soon


def test_both_domains_have_a_node_and_ctrl_c_ends_everything():
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "demo.foreground", "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PYTHONUNBUFFERED": "1"},
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    shown = [line for _, line in zip(range(8), process.stdout, strict=False)]
    assert "Both domains have an OpenSearch node" in shown[-1], shown
    running = Sandbox(process, port, "")
    Domain.make(running, LEADER_ACCOUNT, "us-east-1", "one")
    Domain.make(running, FOLLOWER_ACCOUNT, "us-west-2", "two")
    assert sorted(node["domain"]["name"] for node in running.control("/nodes")["nodes"]) == ["one", "two"]
    children = descendants(process)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert "The local AWS has ended" in rest
    assert gone_soon(children)
