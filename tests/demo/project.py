"""The Sceptre project as the demo uses it: the values of vars/example.yaml, and `sceptre` as a process with a log."""

from __future__ import annotations

import os
import platform
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
SCEPTRE = ROOT / "sceptre"
EXAMPLE = SCEPTRE / "vars" / "example.yaml"
DEV_ZIP = ROOT / "target" / "package" / "tandem-dev.zip"


class Side(NamedTuple):
    """One end of the connection."""

    role: str
    profile: str
    account: str
    region: str
    domain: str


class Project:
    """What is launched, and where its files lie."""

    def __init__(self, directory: Path, artifact: Path = DEV_ZIP, **more: object):
        """`more` takes the place of values of the example, those of a side one by one."""
        self.values = yaml.safe_load(EXAMPLE.read_text())
        self.name = self.values["project"]
        self.alias = self.values["connection_alias"]
        self.leader, self.follower = (self._side(role) for role in ("leader", "follower"))
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "sceptre.log"
        self.log.write_text("")
        # Beside the one file a user edits, only what differs on this machine.
        self._local = directory / "vars.yaml"
        architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        local = {"artifact": os.path.relpath(artifact, SCEPTRE), "architecture": architecture}
        for role in ("leader", "follower"):
            # Where the domains of the sandbox answer, each at a port of its own.
            local[role] = {**self.values[role], "other_endpoints": "127.0.0.1:*"}
        for key, value in more.items():
            local[key] = {**local.get(key, self.values[key]), **value} if isinstance(value, dict) else value
        self._local.write_text(yaml.safe_dump(local))

    def _side(self, role: str) -> Side:
        values = self.values[role]
        return Side(role, values["profile"], values["account_id"], values["region"], values["domain_name"])

    def arguments(self, *words: str) -> list[str]:
        files = (os.path.relpath(path, SCEPTRE) for path in (EXAMPLE, self._local))
        return [*(word for path in files for word in ("--var-file", path)), *words]

    def sceptre(self, *words: str) -> Sceptre:
        return Sceptre(self.arguments(*words), self.log)

    def short(self, stack_name: str) -> str:
        """`tandem-follower-domain` is `follower/domain` in Sceptre."""
        return stack_name.removeprefix(f"{self.name}-").replace("-", "/", 1)


class Sceptre:
    """A run of Sceptre in the background; what it says goes to a file."""

    def __init__(self, arguments: list[str], log: Path):
        # As one types it; the empty word is Sceptre's "the whole project".
        self.text = shlex.join(["sceptre", *arguments]).replace("''", '""')
        with log.open("a") as output:
            print(f"$ {self.text}", file=output, flush=True)
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("sceptre"), "--no-colour", *arguments],
                cwd=SCEPTRE, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def succeeded(self) -> bool:
        return self._process.wait() == 0

    def stop(self) -> None:
        """End it and the hooks it started: they are a process group of their own."""
        if self.is_running:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
