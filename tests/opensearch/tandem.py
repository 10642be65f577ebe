"""`tandem compare`, run as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .domains import MASTER, PASSWORD, Domain

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Compared:
    """How it ended, what it printed, and what it needed."""

    code: int
    printed: str
    told: str
    # The most memory it held, in kilobytes.
    resident: int = 0

    @property
    def report(self) -> dict:
        return json.loads(self.printed)

    def named(self) -> dict[str, list[str]]:
        """kind of difference -> the ids that are named."""
        return {kind: [d["id"] for d in named["first"]] for kind, named in self.report["documents"].items()}

    def sentences(self) -> list[str]:
        return [finding["sentence"] for finding in self.report["findings"]]


def program() -> Path:
    """What `make build` makes, or another that is named."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    path = Path(os.environ.get("TANDEM_COMMAND") or target / "debug" / "tandem")
    assert path.is_file(), f"{path} is missing: run `make build` first"
    return path


def master_secret(domain: Domain) -> str:
    """A secret with the master user of every domain here; its ARN."""
    client = domain.client("secretsmanager")
    name = f"master-of-{domain.name}"
    text = json.dumps({"username": MASTER, "password": PASSWORD})
    return client.create_secret(Name=name, SecretString=text)["ARN"]


def environment(domain: Domain, credentials: dict | None = None) -> dict[str, str]:
    """The environment of somebody in the domain's account and Region, its root user unless credentials are given."""
    keys = credentials or {"AccessKeyId": domain.account, "SecretAccessKey": "sandbox"}
    named = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    named |= {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_REGION": domain.region,
        "AWS_ENDPOINT_URL": domain.sandbox.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return named | ({"AWS_SESSION_TOKEN": keys["SessionToken"]} if keys.get("SessionToken") else {})


def run(given: dict[str, str], *options: object) -> Compared:
    """Run `tandem` with these options in this environment."""
    command = [str(program()), *(str(option) for option in options)]
    resident = 0
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as told:
        with subprocess.Popen(command, env=given, stdout=printed, stderr=told) as process:
            while process.poll() is None:
                resident = max(resident, _resident(process.pid))
                time.sleep(0.02)
        for file in (printed, told):
            file.seek(0)
        return Compared(process.returncode, printed.read(), told.read(), resident)


def _resident(pid: int) -> int:
    """The most memory that a process has held so far, in kilobytes; 0 where it cannot be known."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def compare(leader: Domain, follower: Domain, index: str, *options: object, secret: str, **sides: str) -> Compared:
    """Both sides by their endpoints, as the master user. `follower_index` is a name of its own."""
    reached = []
    for side, domain in (("leader", leader), ("follower", follower)):
        reached += [f"--{side}", domain.endpoint, f"--{side}-region", domain.region, f"--{side}-secret", secret]
    reached += ["--index", index, "--follower-index", sides.get("follower_index", index)]
    return run(environment(follower), "compare", *reached, "--json", *options)
