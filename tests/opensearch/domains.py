"""Domains with nodes for tests and benchmarks: make them in a sandbox, connect them, and talk to them.

Needs boto3, as every virtual environment of the tests has it.

    with Sandbox.start(python, nodes=2) as sandbox, Pair.make(sandbox) as pair:
        pair.leader("PUT", "/l1/_doc/1?refresh=true", {"n": 1})
        pair.follower("PUT", "/_plugins/_replication/f1/_start", pair.start("l1"))
        pair.until_equal("l1", "f1")
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from sandbox.process import FOLLOWER_ACCOUNT, LEADER_ACCOUNT, Sandbox

from .node import Answer

MASTER, PASSWORD = "master", "Tandem-tests-1"
ALL_ACCESS = {"leader_cluster_role": "all_access", "follower_cluster_role": "all_access"}
_numbers = itertools.count(1)


@dataclass
class Domain:
    """A domain of the sandbox, and calls to its endpoint as its master user."""

    sandbox: Sandbox
    account: str
    region: str
    name: str
    endpoint: str = ""
    settings: dict = field(default_factory=dict)

    @classmethod
    def make(cls, sandbox: Sandbox, account: str, region: str, name: str, **settings: object) -> Domain:
        """Create it; with nodes left in the sandbox it has one. Keywords are those of CreateDomain."""
        domain = cls(sandbox, account, region, name)
        open_to_all = {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "es:ESHttp*",
            "Resource": f"arn:aws:es:{region}:{account}:domain/{name}/*",
        }
        given = {
            "EngineVersion": "OpenSearch_3.3",
            "NodeToNodeEncryptionOptions": {"Enabled": True},
            "EncryptionAtRestOptions": {"Enabled": True},
            "AccessPolicies": json.dumps({"Version": "2012-10-17", "Statement": [open_to_all]}),
            "AdvancedSecurityOptions": {
                "Enabled": True,
                "InternalUserDatabaseEnabled": True,
                "MasterUserOptions": {"MasterUserName": MASTER, "MasterUserPassword": PASSWORD},
            },
            **settings,
        }
        domain.client("opensearch").create_domain(DomainName=name, **given)
        domain.endpoint = domain.client("opensearch").describe_domain(DomainName=name)["DomainStatus"]["Endpoint"]
        return domain

    def client(self, service: str, credentials: dict | None = None):  # noqa: ANN201
        keys = credentials or {"AccessKeyId": self.account, "SecretAccessKey": "sandbox", "SessionToken": None}
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.sandbox.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"max_attempts": 0}),
        )

    def __call__(self, method: str, path: str, body: object = None) -> Answer:
        """A request as the master user."""
        secret = base64.b64encode(f"{MASTER}:{PASSWORD}".encode()).decode()
        return self.send(method, path, body, {"authorization": f"Basic {secret}"})

    def signed(
        self, credentials: dict, method: str, path: str, body: object = None, service: str = "es", region: str = ""
    ) -> Answer:
        """A request signed with the credentials that AssumeRole answers."""
        keys = Credentials(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken")
        )
        data = encode(body)
        request = AWSRequest(method, f"http://{self.endpoint}{path}", data=data or b"", headers=_kind(data))
        SigV4Auth(keys, service, region or self.region).add_auth(request)
        return self.send(method, path, data, dict(request.headers.items()))

    def send(self, method: str, path: str, body: object = None, headers: dict | None = None) -> Answer:
        """A request as it is."""
        data = encode(body)
        connection = http.client.HTTPConnection(self.endpoint, timeout=120)
        try:
            connection.request(method, path, body=data, headers={**_kind(data), **(headers or {})})
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def documents(self, index: str) -> dict[str, tuple[int, dict]]:
        """id -> (version, source) of every document."""
        self("POST", f"/{index}/_refresh")
        query = {"size": 10000, "version": True, "query": {"match_all": {}}}
        answer = self("POST", f"/{index}/_search", query)
        assert answer.status == 200, answer
        return {hit["_id"]: (hit["_version"], hit["_source"]) for hit in answer.json()["hits"]["hits"]}

    def must(self, method: str, path: str, body: object = None) -> dict:
        """The same as a call, and a failure if it is refused."""
        answer = self(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body[:500]!r}"
        return answer.json() if answer.body else {}

    def map(self, role: str, *arns: str) -> None:
        """Map a role of fine-grained access control to these ARNs, and to nobody else."""
        self.must("PUT", f"/_plugins/_security/api/rolesmapping/{role}", {"backend_roles": list(arns)})

    def role(self, name: str, statements: list[dict]) -> tuple[str, dict]:
        """An IAM role of the domain's account: its ARN, and credentials of it."""
        iam = self.client("iam")
        owner = {"AWS": f"arn:aws:iam::{self.account}:root"}
        trust = {"Effect": "Allow", "Principal": owner, "Action": "sts:AssumeRole"}
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        if statements:
            policy = json.dumps({"Statement": statements})
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        arn = made["Role"]["Arn"]
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return arn, keys

    def delete(self) -> None:
        self.client("opensearch").delete_domain(DomainName=self.name)

    @property
    def shape(self) -> dict:
        return {"AWSDomainInformation": {"OwnerId": self.account, "Region": self.region, "DomainName": self.name}}


@dataclass
class Pair:
    """A leader, a follower in another account and Region, and an ACTIVE connection between them."""

    sandbox: Sandbox
    leader: Domain
    follower: Domain
    alias: str
    connections: list[tuple[Domain, str]] = field(default_factory=list)

    @classmethod
    def make(cls, sandbox: Sandbox, alias: str = "conn", **settings: object) -> Pair:
        number = next(_numbers)
        leader = Domain.make(sandbox, LEADER_ACCOUNT, "us-east-1", f"leader-{number}", **settings)
        follower = Domain.make(sandbox, FOLLOWER_ACCOUNT, "us-west-2", f"follower-{number}", **settings)
        pair = cls(sandbox, leader, follower, alias)
        pair.connect(follower, leader, alias)
        return pair

    def connect(self, follower: Domain, leader: Domain, alias: str) -> str:
        """A connection, ACTIVE; answers its id."""
        made = follower.client("opensearch").create_outbound_connection(
            LocalDomainInfo=follower.shape, RemoteDomainInfo=leader.shape, ConnectionAlias=alias
        )
        name = made["ConnectionId"]
        until(lambda: self._status(name) == "PENDING_ACCEPTANCE")
        inbound = leader.client("opensearch")

        def accepted() -> bool:
            try:
                inbound.accept_inbound_connection(ConnectionId=name)
            except inbound.exceptions.ResourceNotFoundException:
                return False
            return True

        until(accepted)
        until(lambda: self._status(name) == "ACTIVE")
        self.connections.append((follower, name))
        return name

    def disconnect(self) -> None:
        """Delete every connection and wait until it is gone."""
        for follower, name in self.connections:
            if self._status(name) != "DELETED":
                follower.client("opensearch").delete_outbound_connection(ConnectionId=name)
        for _, name in self.connections:
            until(lambda name=name: self._status(name) == "DELETED")
        self.connections.clear()

    def start(self, leader_index: str, roles: dict | None = None, **more: object) -> dict:
        """The body of a start."""
        return {"leader_alias": self.alias, "leader_index": leader_index, "use_roles": roles or ALL_ACCESS, **more}

    def status(self, index: str) -> dict:
        return self.follower("GET", f"/_plugins/_replication/{index}/_status").json()

    def until_status(self, index: str, wanted: str, seconds: float = 60) -> dict:
        return until(lambda: (s := self.status(index)).get("status") == wanted and s, seconds)

    def until_equal(self, leader_index: str, index: str, seconds: float = 60) -> dict:
        """Wait until both have the same documents, versions included; answers them."""

        def equal() -> dict | None:
            there = self.leader.documents(leader_index)
            # Not there yet, or not yet searchable.
            answer = self.follower("GET", f"/{index}/_count")
            here = self.follower.documents(index) if answer.status == 200 else None
            return {"documents": there} if there == here else None

        return until(equal, seconds)["documents"]

    def close(self) -> None:
        self.disconnect()
        for domain in (self.follower, self.leader):
            domain.delete()

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _status(self, name: str) -> str:
        found = self.sandbox.control("/connections")["connections"]
        return next(connection["status"] for connection in found if connection["id"] == name)


def until(condition: Callable[[], object], seconds: float = 60, every: float = 0.1) -> object:
    """The first true answer of the condition, or a failure that shows the last one."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"never became true; last: {answer!r}"
        time.sleep(every)
    return answer


def encode(body: object) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _kind(data: bytes | None) -> dict[str, str]:
    return {} if data is None else {"content-type": "application/json"}
