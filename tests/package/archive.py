"""Packs a program as `bootstrap` into a zip for Lambda; leaves a zip alone that holds this very program.

    archive.py [--strip] PROGRAM ZIP

The same program makes the same zip, byte for byte, because the zip's hash is the key it is deployed under.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description="Pack a program as `bootstrap` into a zip for Lambda.")
    parser.add_argument("--strip", action="store_true", help="leave out debug information")
    parser.add_argument("program", type=Path)
    parser.add_argument("zip", type=Path)
    options = parser.parse_args()
    made_from = origin(options.program.read_bytes())
    if origin_of(options.zip) == made_from:
        return
    with tempfile.TemporaryDirectory() as directory:
        program = stripped(options.program, Path(directory)) if options.strip else options.program
        pack(program.read_bytes(), made_from, options.zip)


def origin(content):
    return hashlib.sha256(content).hexdigest()


def origin_of(path):
    """The hash of the program that a zip was made from, which is the zip's comment."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        return archive.comment.decode()


def stripped(program, directory):
    # Without `strip` the zip is only bigger.
    if not shutil.which("strip"):
        return program
    copy = directory / "bootstrap"
    subprocess.run(["strip", "-o", copy, program], check=True)
    return copy


def pack(content, made_from, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    # Complete or not there at all, also when two builds pack at once.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    with zipfile.ZipFile(unfinished, "w") as archive:
        archive.writestr(entry, content)
        archive.comment = made_from.encode()
    unfinished.replace(path)


if __name__ == "__main__":
    main()
