"""A person in each account who reads and writes documents: a role that the stacks map to all_access on its domain.

Made before the stacks and gone after them, because nobody's stack owns a person.
"""

from __future__ import annotations

import http.client
import json

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .checks import NotAsPromised
from .project import Project, Side

ROLE = "tandem-demo-person"


def arn(account: str) -> str:
    return f"arn:aws:iam::{account}:role/{ROLE}"


class People:
    """Both of them; a request is signed as the one whose domain it is for."""

    def __init__(self, project: Project):
        self._sides = {side.role: side for side in (project.leader, project.follower)}
        self._endpoints: dict[str, str] = {}
        self._keys: dict[str, Credentials] = {}

    def arrive(self) -> None:
        # Whoever compares is one person with both roles.
        trusted = {"AWS": sorted({f"arn:aws:iam::{side.account}:root" for side in self._sides.values()})}
        trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
        for side in self._sides.values():
            iam = _client(side, "iam")
            iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
            allowed = {"Effect": "Allow", "Action": "es:ESHttp*", "Resource": f"{_domain_arn(side)}/*"}
            iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=json.dumps({"Statement": [allowed]}))

    def leave(self) -> None:
        for side in self._sides.values():
            iam = _client(side, "iam")
            iam.delete_role_policy(RoleName=ROLE, PolicyName="p")
            iam.delete_role(RoleName=ROLE)

    def endpoint(self, role: str) -> str:
        if role not in self._endpoints:
            side = self._sides[role]
            described = _client(side, "opensearch").describe_domain(DomainName=side.domain)
            self._endpoints[role] = described["DomainStatus"]["Endpoint"]
        return self._endpoints[role]

    def ask(self, role: str, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """Status and answer of a signed request to the leader's or the follower's domain."""
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else b""
        headers = {"content-type": "application/json"} if data else {}
        request = AWSRequest(method, f"http://{self.endpoint(role)}{path}", data=data, headers=headers)
        SigV4Auth(self._credentials(role), "es", self._sides[role].region).add_auth(request)
        connection = http.client.HTTPConnection(self.endpoint(role), timeout=60)
        try:
            connection.request(method, path, body=data or None, headers=dict(request.headers.items()))
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def must(self, role: str, method: str, path: str, body: object = None) -> dict:
        status, answer = self.ask(role, method, path, body)
        if status >= 300:
            raise NotAsPromised(f"The {role}'s domain answers {method} {path} with {status}: {json.dumps(answer)[:300]}.")
        return answer

    def _credentials(self, role: str) -> Credentials:
        if role not in self._keys:
            side = self._sides[role]
            assumed = _client(side, "sts").assume_role(RoleArn=arn(side.account), RoleSessionName="demo")["Credentials"]
            self._keys[role] = Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
        return self._keys[role]


def _client(side: Side, service: str):
    return boto3.Session(profile_name=side.profile, region_name=side.region).client(service)


def _domain_arn(side: Side) -> str:
    return f"arn:aws:es:{side.region}:{side.account}:domain/{side.domain}"
