"""The invariants of crates/README.md that a tool can check: what lies at the top, and which crate may know which."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    "Cargo.lock",
    "Cargo.toml",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "crates",
    "sceptre",
    "templates",
    "tests",
}
# Crate -> the crates of this workspace it may use. Nothing may use `lambda` or `cli`.
ARROWS = {
    "wait": set(),
    "custom-resource": {"wait"},
    "cloud": {"wait"},
    "compare": {"cloud", "wait"},
    "resources": {"cloud", "compare", "custom-resource", "wait"},
    "lambda": {"cloud", "compare", "custom-resource", "resources", "wait"},
    "cli": {"cloud", "compare", "wait"},
}
# Only `cloud` knows AWS; `lambda` and `cli` get their clients from there.
WITHOUT_SDK = ["wait", "compare", "custom-resource", "resources", "lambda", "cli"]


def tracked():
    """Paths that belong to the project: a note of yours beside them is none of its business."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        return listing.stdout.splitlines()
    return [path.name for path in ROOT.iterdir() if path.name != "target"]


@pytest.fixture(name="packages", scope="module")
def packages_of_the_workspace():
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--no-deps", "--offline", "--format-version", "1"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {package["name"]: package for package in json.loads(answer.stdout)["packages"]}


def test_the_top_level_holds_exactly_these_names():
    assert {path.split("/")[0] for path in tracked() if not path.startswith(".")} == TOP_LEVEL


def test_every_crate_has_its_arrows_here(packages):
    assert packages.keys() == ARROWS.keys()


@pytest.mark.parametrize("crate", ARROWS)
def test_a_crate_uses_only_the_crates_below_it(crate, packages):
    used = {dependency["name"] for dependency in packages[crate]["dependencies"]}
    # A crate may ask itself for a feature in its own tests.
    assert used & ARROWS.keys() <= ARROWS[crate] | {crate}


@pytest.mark.parametrize("crate", WITHOUT_SDK)
def test_the_sdk_stays_behind_the_ports(crate, packages):
    used = {dependency["name"] for dependency in packages[crate]["dependencies"]}
    assert {name for name in used if name.startswith(("aws-sdk-", "aws-config"))} == set()


@pytest.mark.parametrize("crate", ARROWS)
def test_a_crate_takes_the_lints_of_the_workspace(crate, packages):
    assert "[lints]\nworkspace = true" in Path(packages[crate]["manifest_path"]).read_text()
