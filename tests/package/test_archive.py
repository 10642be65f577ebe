"""The zip is the same for the same program, and new for a new one."""

import subprocess
import sys
import zipfile
from pathlib import Path

ARCHIVE = Path(__file__).with_name("archive.py")


def pack(program, zipped):
    subprocess.run([sys.executable, "-B", ARCHIVE, program, zipped], check=True)


def test_the_program_is_an_executable_named_bootstrap_at_the_root(tmp_path):
    program, zipped = tmp_path / "program", tmp_path / "deep" / "code.zip"
    program.write_bytes(b"code")
    pack(program, zipped)
    with zipfile.ZipFile(zipped) as opened:
        (entry,) = opened.infolist()
        assert (entry.filename, entry.external_attr >> 16 & 0o777) == ("bootstrap", 0o755)
        assert opened.read(entry) == b"code"


def test_the_same_program_makes_the_same_zip(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"code")
    for name in ("one.zip", "two.zip"):
        pack(program, tmp_path / name)
        program.touch()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_zip_that_holds_this_program_is_left_alone(tmp_path):
    program, zipped = tmp_path / "program", tmp_path / "code.zip"
    program.write_bytes(b"one")
    pack(program, zipped)
    first = zipped.stat()
    pack(program, zipped)
    assert zipped.stat().st_ino == first.st_ino
    program.write_bytes(b"two")
    pack(program, zipped)
    with zipfile.ZipFile(zipped) as opened:
        assert opened.read("bootstrap") == b"two"
