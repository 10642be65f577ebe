"""The scripts and units that the NAT instance's user data writes, taken out of templates/egress.yaml as they are.

Every path is put under a directory of the test's own; nothing else is changed.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

EGRESS = Path(__file__).resolve().parents[2] / "templates" / "egress.yaml"
# Where the user data writes, or its scripts keep something.
_PATHS = ("/etc/tandem", "/usr/local/lib/tandem", "/var/lib/tandem", "/etc/systemd/system", "/run/tandem")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each kept as what it holds."""


def _hold(loader: yaml.Loader, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _hold)


def text(**values: str) -> str:
    """The user data with its substitutions made."""
    template = yaml.load(EGRESS.read_text(), _Loader)  # noqa: S506 - a safe loader
    found = template["Resources"]["Instance"]["Properties"]["UserData"]["Fn::Base64"]
    for name, value in values.items():
        found = found.replace("${" + name.replace("__", "::") + "}", value)
    assert "${AWS" not in found and "${Ready" not in found and "${Idle" not in found, "something was not substituted"
    return found


class Machine:
    """A directory with what the user data wrote, ready to be run."""

    def __init__(self, root: Path, ready: str = "http://127.0.0.1:9/", idle_minutes: int = 15):
        self.root = root
        whole = text(Ready=ready, IdleMinutes=str(idle_minutes), AWS__Region="us-west-2", AWS__URLSuffix="amazonaws.com")
        for path in _PATHS:
            whole = whole.replace(path, f"{root}{path}")
        # The last lines hand over to systemd, of which there is none here.
        writing = re.sub(r"^systemctl .*$", "", whole, flags=re.MULTILINE)
        for path in ("/run", "/etc/systemd/system"):
            (root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["bash", "-c", writing], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        self.enabled = re.findall(r"^systemctl enable (.*)$", whole, flags=re.MULTILINE)[0].split()

    def unit(self, name: str) -> str:
        return (self.root / "etc/systemd/system" / name).read_text()

    def command(self, unit: str) -> str:
        """What systemd would start."""
        return re.search(r"^ExecStart=(.*)$", self.unit(unit), flags=re.MULTILINE)[1]

    def set(self, name: str, value: str) -> None:
        """Another value in the settings that the scripts read."""
        settings = self.root / "etc/tandem/settings"
        changed, count = re.subn(rf"^{name}='.*'$", f"{name}='{value}'", settings.read_text(), flags=re.MULTILINE)
        assert count == 1, name
        settings.write_text(changed)
