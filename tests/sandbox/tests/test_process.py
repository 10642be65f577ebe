"""Starting and stopping."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sandbox.process import Sandbox, free_port

from .conftest import Aws, Stack, make_function, until
from .test_functions import is_running


def own_directories(port):
    return [p for p in Path(tempfile.gettempdir()).glob(f"tandem-sandbox-{port}-*") if p.is_dir()]


def test_the_helper_needs_no_ministack():
    code = "import sys; sys.modules['ministack'] = None; import sandbox.process, sandbox.connections"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_it_stops_at_once_with_work_in_flight_and_leaves_nothing(tmp_path):
    with Sandbox.start(sys.executable, log_path=str(tmp_path / "log")) as sandbox:
        aws = Aws(sandbox.endpoint)
        function = make_function(aws, "fn", tmp_path, timeout=900)
        stack = Stack(aws, sandbox, "stack", function)
        stack.create({"Thing": {"OnCreate": "hang"}, "Other": {"OnCreate": "silent"}}, wait=False)
        until(lambda: len(stack.events()) == 2)
        children = until(lambda: running_children(sandbox.pid))
        assert own_directories(sandbox.port)
        started = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - started < 2
    until(lambda: not any(map(is_running, children)))
    assert not own_directories(sandbox.port)
    assert "Traceback" not in (tmp_path / "log").read_text()


def running_children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def test_two_sandboxes_do_not_know_each_other(tmp_path, sandbox):
    with Sandbox.start(sys.executable, log_path=str(tmp_path / "log"), speed="real", auth=False) as other:
        assert other.port != sandbox.port
        function = make_function(Aws(other.endpoint), "fn", tmp_path)
        stack = Stack(Aws(other.endpoint), other, "stack", function)
        assert stack.create({"Thing": {}}) == "CREATE_COMPLETE"
        assert other.control("")["speed"] == "real"
        assert "stack" not in str(sandbox.control("/journal?kind=event&stack=stack")["entries"])
    assert sandbox.control("")["speed"] == "fast"


def test_it_writes_profiles(sandbox, tmp_path):
    environment = sandbox.write_profiles(tmp_path)
    config, credentials = configparser.ConfigParser(), configparser.ConfigParser()
    config.read(environment["AWS_CONFIG_FILE"])
    credentials.read(environment["AWS_SHARED_CREDENTIALS_FILE"])
    assert config["profile leader"]["region"] == "us-east-1"
    assert credentials["follower"]["aws_access_key_id"] == "222222222222"


def test_the_environment_of_the_caller_does_not_reach_it(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with Sandbox.start(sys.executable, port=free_port(), log_path=str(tmp_path / "log")) as sandbox:
        assert sandbox.control("")["endpoint"] == sandbox.endpoint
