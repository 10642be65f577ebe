"""Real TCP through the unit of the template, before and after a boot."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .hosts import ADDRESSES, CLIENT, NAT, OUTSIDE, SERVER, Hosts, why_not
from .user_data import Machine

REASON = why_not()
PORT = 8080
OUTSIDE_URL = f"http://{ADDRESSES[SERVER]}:{PORT}/"
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"{REASON}")


@pytest.fixture
def hosts(tmp_path):
    with Hosts() as made:
        script = Path(__file__).with_name("server.py")
        made.serve(script, ADDRESSES[SERVER], str(PORT), str(tmp_path / "put"), port=PORT)
        yield made


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path / "machine", ready=f"{OUTSIDE_URL}ready?signed=1")
    made.set("REACH_URL", OUTSIDE_URL)
    return made


def seen_from_outside(hosts):
    """The address under which the client's request arrives, or nothing if it does not."""
    return hosts.run(CLIENT, "curl", "--silent", "--max-time", "2", OUTSIDE_URL).stdout


def test_the_client_gets_out_under_the_nats_address_after_the_unit_ran_and_again_after_a_reboot(hosts, machine):
    assert seen_from_outside(hosts) == "", "there was a way out without a NAT"
    for _boot in range(2):
        hosts.must(NAT, machine.command("tandem-nat.service"))
        assert seen_from_outside(hosts) == OUTSIDE
        hosts.reboot()
        assert seen_from_outside(hosts) == "", "the simulated reboot left something"


def test_running_the_unit_twice_equals_running_it_once(hosts, machine):
    command = machine.command("tandem-nat.service")
    hosts.must(NAT, command)
    once = hosts.must(NAT, "nft", "list", "ruleset")
    hosts.must(NAT, command)
    assert hosts.must(NAT, "nft", "list", "ruleset") == once
    assert once.count("masquerade") == 1


def test_the_unit_leaves_the_rules_of_others_alone(hosts, machine):
    hosts.must(NAT, "nft", "add table ip other; add chain ip other mine")
    hosts.must(NAT, machine.command("tandem-nat.service"))
    assert "table ip other" in hosts.must(NAT, "nft", "list", "ruleset")


def test_the_check_names_what_is_missing(hosts, machine):
    def missing():
        return hosts.must(NAT, f"{machine.root}/usr/local/lib/tandem/check").strip()

    assert missing() == "the kernel does not forward"
    hosts.must(NAT, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    assert missing() == "the rule to masquerade is missing"
    hosts.must(NAT, machine.command("tandem-nat.service"))
    assert missing() == ""
    machine.set("REACH_URL", f"http://{ADDRESSES[SERVER]}:9/")
    assert "is out of reach" in missing()


def test_the_first_boot_reports_success_once_it_is_a_nat_and_not_before(hosts, machine, tmp_path):
    report, put = machine.command("tandem-report.service"), tmp_path / "put"
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    if uptime < 110:
        early = hosts.run(NAT, report)
        assert early.returncode == 1 and "not yet" in early.stdout and not put.exists()
    hosts.must(NAT, machine.command("tandem-nat.service"))
    hosts.must(NAT, report)
    told = [json.loads(line) for line in put.read_text().splitlines()]
    assert told[-1]["body"]["Status"] == "SUCCESS"
    # A signed URL of S3 allows no content type.
    assert told[-1]["type"] in (None, "")
    assert (machine.root / "var/lib/tandem/reported").exists()
    assert "ConditionPathExists=!" in machine.unit("tandem-report.service")


def test_a_machine_that_never_becomes_a_nat_reports_why(hosts, machine, tmp_path):
    script = machine.root / "usr/local/lib/tandem/report"
    # Two minutes of uptime have passed, whatever this machine's say.
    script.write_text(re.sub(r"/proc/uptime", str(tmp_path / "uptime"), script.read_text()))
    (tmp_path / "uptime").write_text("121.50 1.0\n")
    hosts.must(NAT, machine.command("tandem-report.service"))
    told = json.loads((tmp_path / "put").read_text())
    assert told["body"] == {
        "Status": "FAILURE",
        "UniqueId": "nat",
        "Reason": "the kernel does not forward",
        "Data": "-",
    }


def test_what_a_boot_needs_is_enabled(machine):
    assert {"tandem-nat.service", "tandem-report.service", "tandem-idle.timer"} <= set(machine.enabled)
    for unit in machine.enabled:
        assert "WantedBy=" in machine.unit(unit)


def test_the_reason_why_namespaces_are_not_there_is_a_sentence():
    assert REASON is None or len(REASON.split()) > 3
