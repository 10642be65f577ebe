"""The function's program and its zip, packed the way the project packs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bootstrap() -> Path:
    """The program under test."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = Path(os.environ.get("TANDEM_BOOTSTRAP", target / "debug/bootstrap"))
    assert program.is_file(), f"{program} is missing: run `cargo build` first, or set TANDEM_BOOTSTRAP"
    return program


def pack(directory: Path) -> Path:
    """A zip of the program of just now: somebody may be building while scenarios run."""
    packed = directory / "tandem.zip"
    command = [sys.executable, "-B", ROOT / "tests/package/archive.py", "--strip", bootstrap(), packed]
    subprocess.run([str(word) for word in command], check=True)
    return packed
