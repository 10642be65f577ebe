"""The demo as a newcomer runs it, off a terminal: it ends well, fails with a sentence, and leaves no process."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from .project import DEV_ZIP, ROOT


def start(directory, artifact=DEV_ZIP):
    return subprocess.Popen(
        [sys.executable, "-B", "-m", "demo", "--directory", directory, "--artifact", artifact],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PYTHONUNBUFFERED": "1"},
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )


def descendants(process):
    """Every process below this one, by its id."""
    listing = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid="], text=True)
    parents = {int(pid): int(parent) for pid, parent in map(str.split, listing.splitlines())}
    found = {process.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process.pid}


def alive(pids):
    states = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    running = {int(pid) for pid, state in map(str.split, states.splitlines()) if not state.startswith("Z")}
    return pids & running


def gone_soon(pids, seconds=20):
    deadline = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pids)


def test_the_demo_shows_everything_and_ends_well(tmp_path):
    process = start(tmp_path)
    shown, _ = process.communicate(timeout=600)
    assert process.returncode == 0, shown
    assert re.search(r"ACTIVE +ACTIVE +connected", shown)
    assert re.search(r"^ +connections +1 +0$", shown, re.MULTILINE)
    assert "the follower has logs-monday too, with 300 documents" in shown
    assert "the follower has the same: 285 documents, 40 of them updated" in shown
    assert "A follower cannot be written to: 403" in shown
    assert re.search(r"^ +documents +285 +285$", shown, re.MULTILINE)
    assert re.search(r"^ +EQUAL after", shown, re.MULTILINE)
    assert re.search(r"^ +IndexDifferences +0$", shown, re.MULTILINE)
    assert re.search(r"^ +logs-monday +WhenDeleted: Keep +goes on following", shown, re.MULTILINE)
    assert re.search(r"^ +books +WhenDeleted: Stop +an ordinary index", shown, re.MULTILINE)
    assert "ok The rollback left no connection and no claim." in shown
    assert "All as promised" in shown
    assert "\033" not in shown and "\r" not in shown


def test_a_demo_that_cannot_keep_its_promise_says_so(tmp_path):
    process = start(tmp_path, artifact=tmp_path / "missing.zip")
    shown, _ = process.communicate(timeout=600)
    assert process.returncode == 1, shown
    assert "Not as promised: Sceptre could not launch the stacks." in shown
    assert "make package" in shown
    assert str(os.path.relpath(tmp_path / "sceptre.log", ROOT)) in shown


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_demo_that_is_stopped_leaves_no_process(tmp_path, name):
    process = start(tmp_path)
    for line in process.stdout:
        if "CREATE_COMPLETE" in line:
            break
    children = descendants(process)
    assert len(children) >= 2, "the sandbox and Sceptre should be running"
    process.send_signal(getattr(signal, name))
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "Stopped; nothing keeps running." in rest
    assert gone_soon(children)
