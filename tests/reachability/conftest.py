"""A sandbox, and deployments of the real Sceptre project in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sandbox.process import Sandbox  # noqa: E402
from scenarios import artifact as packing  # noqa: E402
from scenarios.aws import Aws  # noqa: E402


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    python = os.environ.get("TANDEM_SANDBOX_PYTHON", packing.ROOT / "target/venv/sandbox/bin/python")
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with Sandbox.start(str(python), log_path=str(log)) as running:
        yield running
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def aws(sandbox):
    return Aws(sandbox.endpoint)


@pytest.fixture(scope="session")
def artifact(tmp_path_factory):
    return packing.pack(tmp_path_factory.mktemp("artifact"))
