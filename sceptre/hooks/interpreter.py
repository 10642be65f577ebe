"""Finds boto3 for the hooks.

A hook is started as `python3`, which is whatever comes first in the PATH and may know nothing of boto3.
Sceptre itself cannot run without boto3, so where it is missing the hook starts again in Sceptre's own interpreter.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

STARTED_AGAIN = "TANDEM_HOOK_STARTED_AGAIN"


def boto3():
    """The boto3 module, from this interpreter or from Sceptre's."""
    try:
        import boto3
    except ImportError:
        start_again_in_sceptres_interpreter()
    return boto3


def start_again_in_sceptres_interpreter():
    # Once only: an interpreter that has no boto3 either must not start itself for ever.
    if STARTED_AGAIN not in os.environ:
        for script in sceptre_scripts():
            # Beside the real script, because pipx and others link it into a directory of the PATH.
            interpreter = script.resolve().parent / "python3"
            if interpreter.exists():
                environment = {**os.environ, STARTED_AGAIN: "1"}
                os.execve(interpreter, [str(interpreter), *sys.argv], environment)
    sys.exit("boto3 is missing: run Sceptre from the virtual environment that it is installed in.")


def sceptre_scripts():
    """The `sceptre` among the processes that led to this hook, then the one in the PATH."""
    process = os.getppid()
    while process > 1:
        process, command = parent_and_command(process)
        # First the interpreter, then the script; anything later is an argument that only looks like one.
        for word in command[:2]:
            if Path(word).name == "sceptre" and Path(word).is_file():
                yield Path(word)
    in_path = shutil.which("sceptre")
    if in_path:
        yield Path(in_path)


def parent_and_command(process):
    directory = Path("/proc", str(process))
    try:
        if directory.exists():
            parent = directory.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            return int(parent), directory.joinpath("cmdline").read_text().split("\0")
        listing = subprocess.check_output(["ps", "-o", "ppid=,args=", "-p", str(process)], text=True)
        parent, *command = listing.split()
        return int(parent), command
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0, []


if __name__ == "__main__":
    sys.exit(__doc__)
