"""A sandbox, and deployments of the real Sceptre project in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scenarios.session import artifact, aws, running_sandbox  # noqa: E402, F401 - fixtures


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    with running_sandbox(tmp_path_factory) as running:
        yield running
