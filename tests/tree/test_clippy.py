"""What `make check` lints with: Clippy in place of the compiler finds what `cargo clippy` finds, in libraries, programs and tests."""

import os
import subprocess
from pathlib import Path

import pytest

WRAPPER = Path(__file__).resolve().parents[1] / "clippy.sh"
MANIFEST = """
[package]
name = "linted"
version = "0.0.0"
edition = "2024"

[lints.clippy]
unwrap_used = "warn"

[workspace]
"""
CLEAN = {
    "src/lib.rs": "pub fn first(of: &[u8]) -> Option<u8> { of.first().copied() }\n",
    "src/main.rs": "fn main() { std::process::exit(i32::from(linted::first(&[]).is_some())); }\n",
    "tests/first.rs": "#[test]\nfn nothing() { assert_eq!(linted::first(&[]), None); }\n",
}
FOUND = "#[allow(dead_code)]\nfn found(what: Option<u8>) -> u8 { what.unwrap() }\n"


def build(crate, sources):
    for path, text in sources.items():
        (crate / path).parent.mkdir(exist_ok=True)
        (crate / path).write_text(text)
    (crate / "Cargo.toml").write_text(MANIFEST)
    environment = {**os.environ, "RUSTC_WORKSPACE_WRAPPER": str(WRAPPER), "CARGO_TARGET_DIR": str(crate / "target")}
    command = [os.environ.get("CARGO", "cargo"), "build", "--offline", "--quiet", "--all-targets"]
    return subprocess.run(command, cwd=crate, env=environment, capture_output=True, text=True, check=False)


def test_clean_code_passes_and_no_program_is_left_to_be_taken_for_a_built_one(tmp_path):
    done = build(tmp_path, CLEAN)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "target/debug/linted").exists()


@pytest.mark.parametrize("path", CLEAN)
def test_what_clippy_warns_of_is_an_error_wherever_it_is(tmp_path, path):
    done = build(tmp_path, {**CLEAN, path: CLEAN[path] + FOUND})
    assert done.returncode != 0
    assert "used `unwrap()` on an `Option` value" in done.stderr
