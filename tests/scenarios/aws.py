"""boto3 against the sandbox, as any account in any Region."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import boto3
from botocore.config import Config
from sandbox.process import FOLLOWER_ACCOUNT, LEADER_ACCOUNT


class Place(NamedTuple):
    """Whose eyes, and where."""

    account: str
    region: str


LEADER, FOLLOWER = Place(LEADER_ACCOUNT, "us-east-1"), Place(FOLLOWER_ACCOUNT, "us-west-2")


class Aws:
    """Clients, made once: `aws("opensearch", LEADER)`."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint
        self._made = cache(self._make)

    def __call__(self, service: str, place: Place = FOLLOWER):
        return self._made(service, place)

    def _make(self, service: str, place: Place):
        return boto3.client(
            service,
            region_name=place.region,
            endpoint_url=self.endpoint,
            # Twelve digits are the root of that account.
            aws_access_key_id=place.account,
            aws_secret_access_key="sandbox",
            config=Config(retries={"max_attempts": 0}, max_pool_connections=50, s3={"addressing_style": "path"}),
        )


def create_domain(aws: Aws, place: Place, name: str, encrypted: bool = True) -> None:
    """A domain by hand; a connection needs one that is encrypted."""
    aws("opensearch", place).create_domain(
        DomainName=name,
        EngineVersion="OpenSearch_2.19",
        ClusterConfig={"InstanceType": "m6g.large.search", "InstanceCount": 1},
        NodeToNodeEncryptionOptions={"Enabled": encrypted},
        AdvancedSecurityOptions={"Enabled": encrypted},
    )
