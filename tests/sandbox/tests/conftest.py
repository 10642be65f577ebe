"""One sandbox for all tests; each test works with names of its own."""

from __future__ import annotations

import io
import itertools
import json
import sys
import time
import zipfile
from pathlib import Path

import boto3
import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sandbox.process import FOLLOWER_ACCOUNT, LEADER_ACCOUNT, Sandbox  # noqa: E402

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with Sandbox.start(sys.executable, log_path=str(log)) as running:
        yield running
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def aws(sandbox):
    """Clients for one account and Region: `aws("opensearch", LEADER)`."""
    yield Aws(sandbox.endpoint)
    for path in ("/faults", "/duplicates"):
        sandbox.control(path, method="DELETE")
    sandbox.control("/throttle", {"per_second": None})
    sandbox.control("/response-bucket", {"state": "up"})
    sandbox.control("/connections/release", {})
    sandbox.control("/behaviour", {"late_answer": "forbidden", "failed_update_id": "answer"})


FOLLOWER, LEADER = (FOLLOWER_ACCOUNT, "us-west-2"), (LEADER_ACCOUNT, "us-east-1")


class Aws:
    """boto3 against the sandbox."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint

    def __call__(self, service: str, where: tuple[str, str] = FOLLOWER, credentials: dict | None = None):
        keys = credentials or {"AccessKeyId": where[0], "SecretAccessKey": "x", "SessionToken": None}
        return boto3.client(
            service,
            region_name=where[1],
            endpoint_url=self.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )

    def assume(self, role_arn: str, where: tuple[str, str] = FOLLOWER, credentials: dict | None = None, **more) -> dict:
        client = self("sts", where, credentials)
        return client.assume_role(RoleArn=role_arn, RoleSessionName="test", **more)["Credentials"]


@pytest.fixture
def name():
    """A name nothing else has."""
    return f"t{next(_numbers)}"


@pytest.fixture
def function(aws, name, tmp_path):
    """The stand-in as a function of the follower account, with a role that may log and invoke it."""
    return make_function(aws, f"fn-{name}", tmp_path)


def make_function(aws, function_name, tmp_path, where=FOLLOWER, timeout=30, actions=("lambda:InvokeFunction",), **more):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        packed.writestr(info, f"#!{sys.executable}\n{BOOTSTRAP.read_text()}")
    iam, role = aws("iam", where), f"role-{function_name}"
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Statement": [{"Effect": "Allow", "Action": ["logs:*", *actions], "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=json.dumps(allow))
    return aws("lambda", where).create_function(
        FunctionName=function_name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=arn,
        Timeout=timeout,
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"MARKS": str(tmp_path), "BOTOCORE": str(Path(botocore.__file__).parents[1])}},
        **more,
    )["FunctionArn"]


def until(condition, seconds=20.0):
    """The first true answer of the condition, or a failure that shows the last one."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"never became true; last: {answer!r}"
        time.sleep(0.02)
    return answer


class Stack:
    """A stack of custom resources: logical id -> properties."""

    def __init__(self, aws, sandbox, name, token, where=FOLLOWER):
        self.client, self.sandbox, self.name, self.token = aws("cloudformation", where), sandbox, name, token
        self.id = None

    def template(self, resources: dict, **more) -> str:
        made = {}
        for logical_id, properties in resources.items():
            if "Type" in properties:
                made[logical_id] = properties
                continue
            depends = properties.pop("DependsOn", None)
            made[logical_id] = {
                "Type": "Custom::Thing",
                "Properties": {"ServiceToken": self.token, "ServiceTimeout": 20, **properties},
                **({"DependsOn": depends} if depends else {}),
            }
        return json.dumps({"Resources": made, **more})

    def create(self, resources: dict, wait=True, **more):
        body = self.template(resources, **more.pop("template", {}))
        self.id = self.client.create_stack(StackName=self.name, TemplateBody=body, **more)["StackId"]
        return self.settled() if wait else None

    def update(self, resources: dict, wait=True, **more):
        body = self.template(resources, **more.pop("template", {}))
        self.client.update_stack(StackName=self.name, TemplateBody=body, **more)
        return self.settled() if wait else None

    def delete(self, wait=True):
        self.client.delete_stack(StackName=self.name)
        return self.settled("DELETE") if wait else None

    def status(self):
        return self.client.describe_stacks(StackName=self.id)["Stacks"][0]["StackStatus"]

    def settled(self, prefix=""):
        return until(lambda: not (s := self.status()).endswith("IN_PROGRESS") and s.startswith(prefix) and s)

    def resource(self, logical_id):
        try:
            answer = self.client.describe_stack_resource(StackName=self.id, LogicalResourceId=logical_id)
            return answer["StackResourceDetail"]
        except ClientError:
            return {}

    def reasons(self, logical_id):
        events = self.client.describe_stack_events(StackName=self.id)["StackEvents"]
        return [e.get("ResourceStatusReason", "") for e in reversed(events) if e["LogicalResourceId"] == logical_id]

    def events(self, logical_id=None):
        """What the function was sent: (request type, physical id)."""
        found = self.sandbox.control(f"/journal?kind=event&stack={self.name}")["entries"]
        return [(e["request_type"], e["physical_id"]) for e in found if logical_id in (None, e["logical_id"])]

    def sent(self, logical_id=None):
        found = self.sandbox.control(f"/journal?kind=event&stack={self.name}")["entries"]
        return [e for e in found if logical_id in (None, e["logical_id"])]


@pytest.fixture
def stack(aws, sandbox, name, function):
    made = Stack(aws, sandbox, f"stack-{name}", function)
    yield made
    if made.id and made.status() != "DELETE_COMPLETE":
        made.client.delete_stack(StackName=made.name)
