"""A domain as its administrators reach it: by signed requests of a role that role-mappings.yaml has given all_access."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from opensearch.domains import Domain
from opensearch.node import Answer
from scenarios.aws import Aws, Place


@dataclass
class Administrator:
    """A role of people in the account of a domain."""

    arn: str
    credentials: dict

    @classmethod
    def make(cls, aws: Aws, place: Place, name: str) -> Administrator:
        iam = aws("iam", place)
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{place.account}:root"}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
        # The domain's account: its own policy is enough, the domain's need not name it.
        may = {"Effect": "Allow", "Action": "es:ESHttp*", "Resource": f"arn:aws:es:{place.region}:{place.account}:domain/*"}
        iam.put_role_policy(RoleName=name, PolicyName="administrate", PolicyDocument=json.dumps({"Statement": [may]}))
        keys = aws("sts", place).assume_role(RoleArn=arn, RoleSessionName="person")["Credentials"]
        return cls(arn, keys)

    def delete(self, aws: Aws, place: Place) -> None:
        name = self.arn.rpartition("/")[2]
        aws("iam", place).delete_role_policy(RoleName=name, PolicyName="administrate")
        aws("iam", place).delete_role(RoleName=name)


@dataclass
class Administered(Domain):
    """Calls are those of the administrator."""

    credentials: dict = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: object = None) -> Answer:
        return self.signed(self.credentials, method, path, body)

    def write(self, index: str, count: int, word: str = "first") -> None:
        lines = []
        for number in range(count):
            lines += [json.dumps({"index": {"_id": f"d{number}"}}), json.dumps({"n": number, "word": word})]
        answer = self.must("POST", f"/{index}/_bulk?refresh=true", "\n".join(lines) + "\n")
        assert not answer["errors"], answer
