"""Builds the release zips with cargo-lambda and measures what counts: sizes, time to the first poll, memory.

    release.py CARGO_LAMBDA TARGET_DIRECTORY PACKAGE_DIRECTORY

A zip is built for every processor whose Rust standard library is installed; any other is left out with a sentence.
"""

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import archive
import start

TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
# cargo-lambda's word for each.
OPTIONS = {"x86_64": "--x86-64", "arm64": "--arm64"}


def main(arguments):
    if len(arguments) != 3:
        sys.exit(__doc__)
    cargo_lambda, target, package = (Path(argument).absolute() for argument in arguments)
    package.mkdir(parents=True, exist_ok=True)
    ready = [processor for processor in TARGETS if has_standard_library(processor)]
    if not ready:
        sys.exit(f"Nothing to build: no standard library for Linux is installed; run `rustup target add {TARGETS['arm64']}`.")
    for processor in ready:
        build(cargo_lambda, target, package, processor)
    for processor in TARGETS:
        zipped = package / f"tandem-{processor}.zip"
        if processor in ready:
            describe(zipped, processor)
        else:
            print(f"{zipped.name} is left out: run `rustup target add {TARGETS[processor]}`, then `make package` again.")


def has_standard_library(processor):
    question = ["rustc", "--print", "target-libdir", "--target", TARGETS[processor]]
    answer = subprocess.run(question, capture_output=True, text=True, check=True)
    return Path(answer.stdout.strip()).is_dir()


def build(cargo_lambda, target, package, processor):
    built = package / processor
    # Its own directory first, because that is where pip put zig, the linker that makes the binary fit an older glibc.
    path = f"{cargo_lambda.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CARGO_TARGET_DIR": str(target)}
    command = [
        cargo_lambda, "lambda", "build", "--release", "--locked", "--package", "lambda", OPTIONS[processor],
        # The target is there, as we know by now; without this cargo-lambda would ask rustup over the network.
        "--skip-target-check",
        "--output-format", "zip", "--lambda-dir", built,
    ]
    if subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"cargo-lambda could not build for {processor}.")
    # Packed again, because cargo-lambda writes the time of the build into the zip, and the zip's hash is its key.
    with zipfile.ZipFile(built / "bootstrap" / "bootstrap.zip") as zipped:
        program = zipped.read("bootstrap")
    archive.pack(program, archive.origin(program), package / f"tandem-{processor}.zip")
    shutil.rmtree(built)


def describe(zipped, processor):
    with zipfile.ZipFile(zipped) as opened:
        program = opened.read("bootstrap")
    print(f"{os.path.relpath(zipped)}")
    print(f"  zip                  {megabytes(zipped.stat().st_size)}")
    print(f"  bootstrap            {megabytes(len(program))}")
    here = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    if sys.platform != "linux" or here != processor:
        print(f"  not started, because this machine is {sys.platform} on {here}")
        return
    starts = start.measure(program)
    print(f"  start to first poll  {starts.median:.1f} ms, median of {starts.count} starts, goal: under 30 ms")
    print(f"  memory at that time  {megabytes(starts.resident)} resident, goal: under 16 MB")


def megabytes(size):
    return f"{size / 1e6:.2f} MB"


if __name__ == "__main__":
    main(sys.argv[1:])
