"""The whole of `make demo-network`, as a reader sees it without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenarios import artifact

ROOT = Path(__file__).resolve().parents[2]
# One run serves them all.
pytestmark = pytest.mark.xdist_group("demo-network")


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo-network")
    command = [sys.executable, "-B", "-m", "demo.network", "--directory", str(directory),
               "--artifact", str(artifact.pack(directory))]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "NO_COLOR": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=570, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_shows_the_nats_life_from_stopped_to_stopped(output):
    second = output.partition("2. Launching")[2].partition("3. Who gets where")[0]
    told = [line for line in second.splitlines() if "the NAT instance" in line]
    life = ("leased by", "found stopped", "starts", "ready: packets", "released by", "stopping", "stopped: it costs")
    rest = iter(told)
    assert [word for word in life if not any(word in line for line in rest)] == [], told


def test_it_shows_the_table_of_flows_and_that_nobody_else_gets_in(output):
    table = output.partition("3. Who gets where")[2]
    assert "the function -> the configuration API of us-east-1" in table
    assert "a client beside the follower -> the leader domain" in table
    assert "Nobody else reaches a domain." in table
    assert "NO:" not in table


def test_it_leaves_nothing_in_either_account(output):
    assert "All as promised" in output
