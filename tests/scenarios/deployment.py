"""The project's own Sceptre configuration, run as a user runs it, with a vars file of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml
from sandbox.process import Profile, Sandbox

from .artifact import ROOT
from .aws import Aws, Place

SCEPTRE = ROOT / "sceptre"


class Deployment:
    """One `vars` file, the profiles it names, and the stacks that come of it."""

    def __init__(self, sandbox: Sandbox, aws: Aws, directory: Path, artifact: Path, project: str, leader: Place, follower: Place):
        self.aws, self.project, self.leader, self.follower = aws, project, leader, follower
        profiles = (Profile("leader", *leader), Profile("follower", *follower))
        self._environment = {**os.environ, **sandbox.write_profiles(directory / "aws", profiles)}
        self._file = directory / "vars.yaml"
        self.variables = yaml.safe_load((SCEPTRE / "vars/example.yaml").read_text())
        self.variables |= {"project": project, "artifact": str(artifact), "architecture": "x86_64"}
        for group, place in (("leader", leader), ("follower", follower)):
            domain = f"{project}-{group}"
            self.variables[group] |= {"account_id": place.account, "region": place.region, "domain_name": domain}
            # Where the domains of the sandbox answer, each at a port of its own.
            self.variables[group]["other_endpoints"] = "127.0.0.1:*"

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """`sceptre --var-file … …` with the variables as they are now."""
        self._file.write_text(yaml.safe_dump(self.variables))
        command = [Path(sys.executable).with_name("sceptre"), "--no-colour", "--var-file", str(self._file), *arguments]
        return subprocess.run(command, cwd=SCEPTRE, env=self._environment, capture_output=True, text=True, timeout=180)

    def must(self, *arguments: str) -> str:
        """Run it and be content with nothing but success."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"sceptre {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def launch(self, path: str) -> str:
        return self.must("launch", "-y", path)

    def delete(self, path: str) -> str:
        return self.must("delete", "-y", path)

    def stack_name(self, path: str) -> str:
        return f"{self.project}-{path.replace('/', '-').removesuffix('.yaml')}"

    def described(self, path: str) -> dict:
        place = self.leader if path.startswith("leader/") else self.follower
        client = self.aws("cloudformation", place)
        return client.describe_stacks(StackName=self.stack_name(path))["Stacks"][0]

    def outputs(self, path: str) -> dict[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in self.described(path).get("Outputs", [])}

    def parameters(self, path: str) -> dict[str, str]:
        return {p["ParameterKey"]: p["ParameterValue"] for p in self.described(path)["Parameters"]}
