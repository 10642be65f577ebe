"""Functions run as on AWS: a role's credentials, separate processes, a deadline that is kept."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from .conftest import make_function, until


def invoke(aws, function, event, **more):
    answer = aws("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode(), **more)
    return answer, json.loads(answer["Payload"].read() or b"null")


def test_the_process_has_the_credentials_of_its_role(aws, function):
    _, result = invoke(aws, function, {})
    environment = result["environment"]
    keys = {
        "AccessKeyId": environment["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": environment["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": environment["AWS_SESSION_TOKEN"],
    }
    identity = aws("sts", credentials=keys).get_caller_identity()
    name = function.rpartition(":")[2]
    assert identity["Arn"] == f"arn:aws:sts::222222222222:assumed-role/role-{name}/{name}"
    assert environment["AWS_REGION"] == "us-west-2"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == name


def test_the_callers_aws_configuration_does_not_reach_the_function(aws, function):
    _, result = invoke(aws, function, {})
    assert not [name for name in result["environment"] if name in ("AWS_PROFILE", "AWS_CONFIG_FILE")]


def test_the_deadline_is_the_functions_timeout(aws, function):
    _, result = invoke(aws, function, {})
    assert 25 < result["left"] <= 30


def test_a_timeout_ends_the_process(aws, name, tmp_path):
    function = make_function(aws, f"short-{name}", tmp_path, timeout=1)
    pid = invoke(aws, function, {})[1]["pid"]
    started = time.monotonic()
    answer, result = invoke(aws, function, {"sleep": 60})
    assert time.monotonic() - started < 5
    assert answer["FunctionError"] == "Unhandled"
    assert result["errorType"] == "Sandbox.Timedout"
    until(lambda: not is_running(pid))


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_twenty_invocations_run_at_once_in_processes_of_their_own(aws, function):
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda _: invoke(aws, function, {"sleep": 1.5})[1], range(20)))
    assert len({result["pid"] for result in results}) == 20


def test_logs_need_permission(aws, function, name):
    logs, group = aws("logs"), f"/aws/lambda/{function.rpartition(':')[2]}"
    invoke(aws, function, {})
    assert logs.describe_log_streams(logGroupName=group)["logStreams"]
    role = f"role-{function.rpartition(':')[2]}"
    aws("iam").delete_role_policy(RoleName=role, PolicyName="p")
    before = len(logs.describe_log_streams(logGroupName=group)["logStreams"])
    invoke(aws, function, {})
    assert len(logs.describe_log_streams(logGroupName=group)["logStreams"]) == before
