"""`tandem compare`, as a person runs it: the last word of every scenario."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from opensearch.domains import Domain, Pair

from scenarios.artifact import bootstrap

# How long a difference is looked at again: the real plugin takes minutes to notice settings.
PATIENCE = 300


@dataclass
class Compared:
    """How it ended, and what it printed."""

    code: int
    printed: str
    told: str

    @property
    def report(self) -> dict:
        return json.loads(self.printed)


@dataclass
class Ends(Pair):
    """A pair, and the secret of the master user of both, with which the command reads them."""

    secret: str = ""

    def compare(self, leader_index: str, follower_index: str = "", *options: str, **sides: Domain) -> Compared:
        """`leader=` and `follower=` are other domains than those of the pair."""
        ends = {"leader": self.leader, "follower": self.follower, **sides}
        command = [str(program()), "compare", "--index", leader_index, "--follower-index", follower_index or leader_index]
        for side, domain in ends.items():
            command += [f"--{side}", domain.endpoint, f"--{side}-region", domain.region, f"--{side}-secret", self.secret]
        done = subprocess.run(
            [*command, *options], env=self._environment(), capture_output=True, text=True, timeout=1200, check=False
        )
        return Compared(done.returncode, done.stdout, done.stderr)

    def must_equal(self, leader_index: str, follower_index: str = "", *options: str, **sides: Domain) -> dict:
        """The report of two indexes that are equal, sooner or later."""
        patient = ("--json", "--patience", str(PATIENCE), *options)
        compared = self.compare(leader_index, follower_index, *patient, **sides)
        assert compared.code == 0, f"{compared.printed}\n{compared.told}"
        report = compared.report
        assert (report["verdict"], report["differences"]) == ("equal", 0)
        return report

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": self.follower.account,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": self.follower.region,
            "AWS_ENDPOINT_URL": self.sandbox.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def program() -> Path:
    """Beside the function's."""
    command = Path(os.environ.get("TANDEM_COMMAND", bootstrap().with_name("tandem")))
    assert command.is_file(), f"{command} is missing: run `cargo build` first, or set TANDEM_COMMAND"
    return command
