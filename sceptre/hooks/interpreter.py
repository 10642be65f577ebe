"""Finds boto3 for the hooks.

A hook is started as `python3`, which is whatever comes first in the PATH and may know nothing of boto3.
Sceptre itself cannot run without boto3, so if it is missing the hook starts again in Sceptre's own interpreter.
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
    if STARTED_AGAIN not in os.environ:
        for script in sceptre_scripts():
            for name in ("python3", "python"):
                # Beside the real script, because pipx and others link it into a directory of the PATH.
                interpreter = script.resolve().parent / name
                if interpreter.exists():
                    environment = {**os.environ, STARTED_AGAIN: "1"}
                    os.execve(interpreter, [str(interpreter), *sys.argv], environment)
    sys.exit("boto3 is missing: run Sceptre from the virtual environment it is installed in.")


def sceptre_scripts():
    """The `sceptre` that started this hook, then the one in the PATH."""
    process = os.getppid()
    while process > 1:
        listing = subprocess.run(
            ["ps", "-o", "ppid=,args=", "-p", str(process)],
            capture_output=True,
            text=True,
            check=False,
        )
        parent, *arguments = listing.stdout.split() or ["0"]
        # The script is the interpreter's first argument; a later one may be a directory of that name.
        for argument in arguments[:2]:
            if Path(argument).name == "sceptre" and Path(argument).is_file():
                yield Path(argument)
        process = int(parent)
    in_path = shutil.which("sceptre")
    if in_path:
        yield Path(in_path)
