"""What every session against a sandbox has: the sandbox, clients of it, and the function's zip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sandbox.process import Sandbox

from . import artifact as packing
from .aws import Aws


@contextmanager
def running_sandbox(tmp_path_factory, nodes: int = 0) -> Iterator[Sandbox]:
    """A sandbox in its own virtual environment, in whose log no exception is left behind."""
    python = Path(os.environ.get("TANDEM_SANDBOX_PYTHON", packing.ROOT / "target/venv/sandbox/bin/python"))
    assert python.exists(), f"{python} is missing: set TANDEM_SANDBOX_PYTHON to the sandbox's interpreter"
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with Sandbox.start(str(python), log_path=str(log), nodes=nodes) as running:
        yield running
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def aws(sandbox) -> Aws:
    return Aws(sandbox.endpoint)


@pytest.fixture(scope="session")
def artifact(tmp_path_factory) -> Path:
    return packing.pack(tmp_path_factory.mktemp("artifact"))
