"""The hooks name the code by its content, and say in one sentence what is missing."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from project import SCEPTRE

HOOKS = SCEPTRE / "hooks"


def run(*arguments, interpreter=sys.executable, **environment):
    return subprocess.run(
        [interpreter, "-B", HOOKS / arguments[0], *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_key_is_the_hash_of_the_zip(tmp_path):
    artifact = tmp_path / "code.zip"
    artifact.write_bytes(b"code")
    printed = run("artifact.py", "key", artifact).stdout
    # Nothing but the key, because Sceptre makes it a parameter as it is.
    assert printed == f"provider/{hashlib.sha256(b'code').hexdigest()}.zip"


def test_other_code_has_another_key(tmp_path):
    artifact = tmp_path / "code.zip"
    keys = []
    for content in (b"one", b"two", b"one"):
        artifact.write_bytes(content)
        keys.append(run("artifact.py", "key", artifact).stdout)
    assert keys[0] == keys[2] != keys[1]


def test_a_relative_zip_is_found_from_any_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = run("artifact.py", "key", "vars/example.yaml").stdout
    assert printed == f"provider/{hashlib.sha256((SCEPTRE / 'vars/example.yaml').read_bytes()).hexdigest()}.zip"


def test_without_a_zip_plans_work_and_deploying_says_what_to_do(tmp_path):
    missing = tmp_path / "code.zip"
    assert run("artifact.py", "key", missing).stdout == "not-built-yet"
    upload = run("artifact.py", "upload", missing, "bucket")
    assert upload.stderr == f"The function's code {missing} is missing: run `make package` first.\n"


@pytest.mark.parametrize("hook", ["artifact.py", "bucket.py", "service_role.py", "stack.py"])
def test_wrong_arguments_print_how_to_call_it(hook):
    answer = run(hook, "nonsense")
    assert answer.returncode == 1
    assert hook in answer.stderr


@pytest.fixture(name="bare_python", scope="session")
def python_without_boto3(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bare")
    venv.create(directory, with_pip=False, symlinks=True)
    return directory / "bin" / "python3"


# Nothing listens there, so that the hook cannot get further than to have found boto3.
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "222222222222",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_MAX_ATTEMPTS": "1",
}


def test_a_python_without_boto3_hands_over_to_the_one_of_sceptre(bare_python):
    in_path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    answer = run("stack.py", "require-gone", "x", interpreter=bare_python, **NOWHERE, **in_path)
    assert "Could not connect to the endpoint URL" in answer.stderr


def test_without_any_boto3_it_says_what_to_do(bare_python):
    answer = run("stack.py", "require-gone", "x", interpreter=bare_python, PATH="/nowhere", **NOWHERE)
    assert answer.stderr == "boto3 is missing: run Sceptre from the virtual environment that it is installed in.\n"
    assert answer.returncode == 1
