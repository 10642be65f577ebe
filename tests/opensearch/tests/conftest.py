"""One sandbox with two nodes for all tests; each test has domains of its own, and gets emptied nodes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from opensearch.domains import Pair  # noqa: E402
from sandbox.process import Sandbox  # noqa: E402


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with Sandbox.start(sys.executable, log_path=str(log), nodes=2) as running:
        yield running
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def pair(sandbox):
    """A connected leader and follower."""
    sandbox.control("/journal", method="DELETE")
    with Pair.make(sandbox) as made:
        yield made
    sandbox.control("/faults", method="DELETE")
    notes = sandbox.control("/journal?kind=note")["entries"]
    # What the stand-in or the joining did not expect.
    surprises = [f"{n['what']}: {n['error']}" for n in notes if n["what"].startswith(("replication of", "joining"))]
    assert not surprises
