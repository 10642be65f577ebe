"""When a NAT instance halts itself: the template's script, beside fake instance metadata, in minutes that take no time."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading

import pytest

from .user_data import Machine

START = 1_800_000_000
MINUTE = 60


class Metadata:
    """The instance metadata service, version 2 only: without a token there is nothing to read."""

    def __init__(self):
        self.tags, self.is_up = {}, True
        metadata = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self):
                granted = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
                self.answer(200 if granted else 400, "token")

            def do_GET(self):
                prefix = "/latest/meta-data/tags/instance/"
                if self.headers.get("X-aws-ec2-metadata-token") != "token":
                    self.answer(401, "")
                elif self.path == prefix:
                    self.answer(200, "\n".join(metadata.tags))
                elif (key := self.path.removeprefix(prefix)) in metadata.tags:
                    self.answer(200, metadata.tags[key])
                else:
                    self.answer(404, "")

            def do_POST(self):
                """Not of the service: a lease shows from now on."""
                length = int(self.headers["Content-Length"])
                metadata.tags["tandem:lease:late"] = self.rfile.read(length).decode()
                self.answer(200, "")

            def answer(self, status, text):
                self.send_response(status if metadata.is_up else 503)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/latest"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def metadata():
    made = Metadata()
    yield made
    made.close()


class Clock:
    """The machine's clock: `date`, `touch` and `sleep` before the real ones in PATH, and a systemctl that only takes notes.

    A sleep takes no time but moves the clock, and then waits for what happens `meanwhile`.
    """

    def __init__(self, directory):
        directory.mkdir()
        self.directory, self._now = directory, directory / "now"
        programs = {
            "date": f'[ "$*" = +%s ] && exec cat {self._now}; exec {shutil.which("date")} "$@"',
            "touch": f'exec {shutil.which("touch")} --date="@$(cat {self._now})" "$@"',
            "sleep": f'now=$(($(cat {self._now}) + $1)) && echo "$now" >{self._now} && echo "$1" >>{directory}/slept && . {directory}/meanwhile',
            "systemctl": f'echo "$*" >>{directory}/told',
        }
        for name, text in programs.items():
            program = directory / name
            program.write_text(f"#!/bin/bash\n{text}\n")
            program.chmod(0o755)
        self.meanwhile(":")

    def meanwhile(self, command):
        """What happens during a sleep."""
        (self.directory / "meanwhile").write_text(f"{command}\n")

    def set(self, now):
        self._now.write_text(f"{now}\n")

    @property
    def told(self):
        return self._lines("told")

    @property
    def slept(self):
        return self._lines("slept")

    def _lines(self, name):
        file = self.directory / name
        return file.read_text().split("\n")[:-1] if file.exists() else []


class Nat:
    """A machine whose timer fires once a minute; answers the minute in which it halted."""

    def __init__(self, tmp_path, metadata, idle_minutes=15):
        self.machine = Machine(tmp_path / "machine", idle_minutes=idle_minutes)
        self.machine.set("METADATA_URL", metadata.url)
        self.clock, self.metadata = Clock(tmp_path / "clock"), metadata

    def live(self, minutes, happens=lambda minute: None):
        for minute in range(minutes):
            happens(minute)
            self.clock.set(START + minute * MINUTE)
            done = subprocess.run(
                [self.machine.command("tandem-idle.service")],
                env={**os.environ, "PATH": f"{self.clock.directory}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert done.returncode == 0, done.stderr
            if self.clock.told:
                assert self.clock.told == ["poweroff"]
                return minute
        return None

    def lease(self, holder, minutes):
        self.metadata.tags[f"tandem:lease:{holder}"] = str(START + minutes * MINUTE)


def test_without_a_lease_it_halts_after_its_minutes(tmp_path, metadata):
    assert Nat(tmp_path, metadata).live(60) == 15


def test_a_lease_keeps_it_awake_until_it_ends_and_the_minutes_after(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)
    nat.lease("a", 20)
    assert nat.live(60) == 19 + 15


def test_an_expired_lease_of_a_dead_holder_counts_for_nothing(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)
    nat.lease("dead", -1)
    assert nat.live(60) == 15


def test_the_longest_of_several_leases_counts_and_other_tags_do_not(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)
    metadata.tags.update({"Name": "tandem nat", "tandem:found": "stopped", "tandem:stopping": str(START + 9999)})
    nat.lease("a", 5)
    nat.lease("b", 10)
    assert nat.live(60) == 9 + 15


def test_a_lease_that_comes_late_begins_the_minutes_anew(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)

    def happens(minute):
        if minute == 12:
            nat.lease("late", 14)
        if minute == 14:
            metadata.tags.clear()

    assert nat.live(60, happens) == 13 + 15


def test_metadata_that_cannot_be_read_do_not_keep_it_running_for_ever(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)
    nat.lease("a", 10_000)
    metadata.is_up = False
    assert nat.live(60) == 15


def test_a_lease_that_shows_only_when_it_is_about_to_halt_keeps_it_awake(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)
    end = START + 20 * MINUTE
    nat.clock.meanwhile(f"curl --silent --fail --request POST --data {end} {metadata.url}/late")
    assert nat.live(60) == 19 + 15
    assert nat.clock.slept == ["10", "10"]


def test_it_looks_twice_only_before_it_halts(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)
    assert nat.live(15) is None
    assert nat.clock.slept == []
    assert nat.live(16) == 15
    assert nat.clock.slept == ["10"]


@pytest.mark.parametrize("value", ["tomorrow", "", "0", "-5", "12 monkeys"])
def test_a_lease_that_is_no_number_is_no_lease(tmp_path, metadata, value):
    nat = Nat(tmp_path, metadata)
    metadata.tags["tandem:lease:odd"] = value
    assert nat.live(60) == 15


def test_zero_minutes_mean_never(tmp_path, metadata):
    assert Nat(tmp_path, metadata, idle_minutes=0).live(60) is None


def test_a_start_begins_the_minutes_anew(tmp_path, metadata):
    nat = Nat(tmp_path, metadata)
    assert nat.live(10) is None
    # /run is empty after a boot.
    (nat.machine.root / "run/tandem-held").unlink()
    assert nat.live(60) == 15


def test_the_timer_looks_every_minute(tmp_path, metadata):
    timer = Nat(tmp_path, metadata).machine.unit("tandem-idle.timer")
    assert "OnUnitInactiveSec=60" in timer
