"""Start and stop a sandbox from another virtual environment; standard library only.

with Sandbox.start(python="target/venv/sandbox/bin/python") as sandbox:
    sandbox.control("/faults", {"operation": "PutParameter", "action": "throttle", "nth": 1})
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

LEADER_ACCOUNT, FOLLOWER_ACCOUNT = "111111111111", "222222222222"


class Profile(NamedTuple):
    """A named set of credentials; the account is its own access key id."""

    name: str
    account: str
    region: str


PROFILES = (Profile("leader", LEADER_ACCOUNT, "us-east-1"), Profile("follower", FOLLOWER_ACCOUNT, "us-west-2"))


class ControlError(Exception):
    """The control API did not like a request; the text says why."""


class Sandbox:
    """A running sandbox, ended by its process id."""

    def __init__(self, process: subprocess.Popen, port: int, log_path: str):
        self._process, self.port, self.log_path = process, port, log_path

    @classmethod
    def start(
        cls,
        python: str,
        port: int = 0,
        speed: str = "fast",
        log_path: str | None = None,
        seed: int = 0,
        auth: bool = True,
        wait_seconds: float = 60,
        nodes: int = 0,
    ) -> Sandbox:
        """Start on a free port (or the given one) and come back when it answers.

        `nodes` real OpenSearch nodes are started with it, for the first domains that are made; they take longer.
        """
        port = port or free_port()
        log_path = log_path or os.path.join(tempfile.gettempdir(), f"tandem-sandbox-{port}.log")
        command = [str(python), "-m", "sandbox", "--port", str(port), "--speed", speed, "--seed", str(seed)]
        command += ["--nodes", str(nodes)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent), "PYTHONUNBUFFERED": "1"}
        with open(log_path, "ab") as log:
            process = subprocess.Popen(
                command + ([] if auth else ["--no-auth"]),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        sandbox = cls(process, port, log_path)
        try:
            sandbox._await_health(wait_seconds)
        except BaseException:
            sandbox.stop()
            raise
        return sandbox

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def control(self, path: str, body: dict | None = None, method: str | None = None, seconds: float = 30) -> dict:
        """Ask the control API: GET without a body, POST with one, unless a method is given."""
        method = method or ("GET" if body is None else "POST")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox{path}", data=data, method=method)
        try:
            with _opener.open(request, timeout=seconds) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ControlError(error.read().decode(errors="replace")) from None

    def write_profiles(self, directory: str | Path, profiles: tuple[Profile, ...] = PROFILES) -> dict[str, str]:
        """Write an AWS config and credentials file; answers the environment that makes tools use them."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        config, credentials = directory / "config", directory / "credentials"
        config.write_text(
            "".join(
                f"[profile {p.name}]\nregion = {p.region}\noutput = json\nendpoint_url = {self.endpoint}\n\n"
                for p in profiles
            )
        )
        credentials.write_text(
            "".join(
                f"[{p.name}]\naws_access_key_id = {p.account}\naws_secret_access_key = sandbox\n\n" for p in profiles
            )
        )
        return {
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=5)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _await_health(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the sandbox ended with {self._process.returncode}; see {self.log_path}")
            try:
                with _opener.open(f"{self.endpoint}/_ministack/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"the sandbox did not answer within {seconds} s; see {self.log_path}")


# Proxies of the environment are for the internet.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
