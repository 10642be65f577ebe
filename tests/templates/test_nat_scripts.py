"""What the NAT instance writes to itself at every boot, run here with its files in a directory and its commands replaced.

What it is to others, and when it halts itself, is shown by tests/nat.
"""

import os
import re
import subprocess

import pytest
from project import template

PLACES = ("/etc/tandem", "/usr/local/lib/tandem", "/var/lib/tandem", "/etc/systemd/system", "/run/tandem-held")
SETTINGS = {"Ready": "https://ready.example/url?signature=a%2Bb", "AWS::Region": "us-west-2", "AWS::URLSuffix": "amazonaws.com"}
# A record of everything that curl is asked for.
CURL = r"""#!/bin/bash
for address; do :; done
echo "$address" >>"$ASKED"; [[ "$*" == *--data-binary* ]] && cat >>"$ASKED"; exit "${UNREACHABLE:-0}"
"""
NFT = """#!/bin/bash
[ "$1" = list ] && { [ -e "$RULES" ] && cat "$RULES"; exit; }
cat >"$RULES"
"""


def script(**settings):
    """The user data as CloudFormation writes it."""
    text = template("egress.yaml").content["Resources"]["Instance"]["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    known = {**SETTINGS, "IdleMinutes": "15", **settings}
    assert set(re.findall(r"\$\{([^}!]+)\}", text)) == set(known)
    return re.sub(r"\$\{([^}!]+)\}", lambda name: known[name[1]], text)


class Machine:
    """A NAT instance whose file system begins in a directory."""

    def __init__(self, root):
        self.root = root
        commands = root / "bin"
        for directory in (commands, root / "run", root / "etc/systemd/system"):
            directory.mkdir(parents=True)
        called = root / "called"
        for name, text in (
            ("curl", CURL),
            ("nft", NFT),
            # No test has to wait; tests/nat checks when it is slept.
            ("sleep", "#!/bin/bash\n"),
            ("systemctl", f'#!/bin/bash\necho "$*" >>{called}\n'),
        ):
            (commands / name).write_text(text)
            (commands / name).chmod(0o755)
        self.environment = {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "ASKED": str(root / "asked"),
            "RULES": str(root / "rules"),
        }

    def boot(self, **settings):
        text = script(**settings)
        for place in PLACES:
            text = text.replace(place, f"{self.root}{place}")
        text = text.replace("/proc/sys/net/ipv4/ip_forward", f"{self.root}/ip_forward")
        subprocess.run(["bash", "-c", text], env=self.environment, check=True)
        return self

    def run(self, name, **environment):
        program = self.root / "usr/local/lib/tandem" / name
        return subprocess.run(
            [program], env={**self.environment, **environment}, capture_output=True, text=True, check=False
        )

    def read(self, name):
        file = self.root / name
        return file.read_text() if file.exists() else ""


@pytest.fixture(name="machine")
def machine_that_booted(tmp_path):
    return Machine(tmp_path).boot()


def test_d13_every_boot_writes_and_starts_the_same(machine):
    files = {path: path.read_text() for place in ("etc", "usr") for path in (machine.root / place).rglob("*") if path.is_file()}
    first = machine.read("called")
    machine.boot()
    assert {path: path.read_text() for path in files} == files
    assert machine.read("called") == first * 2
    assert "enable tandem-nat.service tandem-report.service tandem-idle.timer" in first


def test_d13_it_forwards_and_masquerades_however_often_it_is_told_to(machine):
    for _ in range(2):
        assert machine.run("nat").returncode == 0
    assert machine.read("ip_forward") == "1\n"
    assert "masquerade" in machine.read("rules")
    # Within one transaction the old table goes and the new one comes.
    assert machine.read("rules").splitlines()[:2] == ["table ip tandem", "delete table ip tandem"]


def test_d13_it_reports_success_only_as_a_nat(machine):
    assert machine.run("check").stdout == "the kernel does not forward\n"
    machine.run("nat")
    assert machine.run("check").stdout == ""
    assert machine.run("report").returncode == 0
    asked = machine.read("asked").splitlines()
    assert asked[0] == asked[1] == "https://es.us-west-2.amazonaws.com/"
    assert asked[2] == SETTINGS["Ready"]
    assert asked[3].startswith('{"Status":"SUCCESS","UniqueId":"nat"')
    assert (machine.root / "var/lib/tandem/reported").exists()


def test_d13_without_a_way_out_it_says_so_and_is_not_a_nat(machine):
    machine.run("nat")
    assert machine.run("check", UNREACHABLE="7").stdout == "https://es.us-west-2.amazonaws.com/ is out of reach\n"
    assert machine.run("report", UNREACHABLE="7").returncode != 0
    assert '"Status":"SUCCESS"' not in machine.read("asked")
    assert not (machine.root / "var/lib/tandem/reported").exists()


def test_without_a_rule_it_says_so(machine):
    machine.run("nat")
    (machine.root / "rules").unlink()
    assert machine.run("check").stdout == "the rule to masquerade is missing\n"
