"""What the data plane decides without a node."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.data import blocked, signatures
from sandbox.data.replication import requests
from sandbox.data.signatures import Rejected, Signature


def signed(path="/a/_doc/1", body=b"{}", extra=None, service="es"):
    request = AWSRequest("PUT", f"http://127.0.0.1:9200{path}", data=body, headers=extra or {})
    SigV4Auth(Credentials("AKIAEXAMPLE", "secret", "token"), service, "eu-west-1").add_auth(request)
    return {"host": "127.0.0.1:9200", **{name.lower(): value for name, value in request.headers.items()}}


def check(headers, path="/a/_doc/1", body=b"{}", secret="secret", minutes=0, region="eu-west-1", method="PUT"):  # noqa: S107
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    signature = Signature.parse(headers["authorization"])
    signatures.check(signature, secret, region, method, path, headers, body, now)


@pytest.mark.parametrize(
    "path", ["/", "/a/_doc/a%20b", "/a/_search?q=x%3Ay&size=1", "/_cat/indices?v&h=a%2Cb", "/a%2Fb/_doc/%C3%BC?refresh="]
)
def test_what_was_signed_is_accepted(path):
    check(signed(path), path)


def test_the_hash_header_is_held_against_the_body():
    headers = signed(extra={"x-amz-content-sha256": hashlib.sha256(b"{}").hexdigest()})
    check(headers)
    with pytest.raises(Rejected, match="does not match"):
        check(headers, body=b"{ }")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"path": "/b/_doc/1"}, "does not match"),
        ({"method": "POST"}, "does not match"),
        ({"body": b"[]"}, "does not match"),
        ({"secret": "other"}, "does not match"),
        ({"region": "eu-west-2"}, "valid region"),
        ({"minutes": 6}, "expired"),
        ({"minutes": -6}, "not yet current"),
    ],
)
def test_everything_else_is_rejected(change, sentence):
    with pytest.raises(Rejected, match=sentence):
        check(signed(), **change)


def test_without_a_secret_all_but_the_signature_is_checked():
    check(signed(), secret=None, path="/elsewhere")
    for change in ({"minutes": 6}, {"region": "x"}):
        with pytest.raises(Rejected):
            check(signed(), secret=None, **change)


def test_headers_of_aws_must_be_signed():
    with pytest.raises(Rejected, match="x-amz-meta"):
        check({**signed(), "x-amz-meta": "added"})


@pytest.mark.parametrize("header", ["AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=x", "AWS4-HMAC-SHA256"])
def test_half_a_signature_is_rejected(header):
    with pytest.raises(Rejected):
        Signature.parse(header)


@pytest.mark.parametrize(
    ("settings", "is_blocked"),
    [
        ({"persistent": {"search": {"max_buckets": 1}}}, False),
        ({"transient": {"plugins.replication.follower.block.start": True}}, False),
        ({"persistent": {"cluster.remote.a.seeds": []}}, True),
        ({"persistent": {"search.max_buckets": 1, "node": {"x": 1}}}, True),
    ],
)
def test_which_settings_are_blocked(settings, is_blocked):
    import json

    refusal = blocked.refusal("PUT", "/_cluster/settings", json.dumps(settings).encode())
    assert bool(refusal) == is_blocked


def test_settings_of_an_update_in_every_form():
    flat = {"index.refresh_interval": "2s"}
    for body in (
        b'{"settings":{"index.refresh_interval":"2s"}}',
        b'{"settings":{"index":{"refresh_interval":"2s"}}}',
        b'{"index.refresh_interval":"2s"}',
        b'{"settings":{"refresh_interval":"2s"}}',
    ):
        assert requests.parse_update(body) == flat
