"""The endpoint of a domain lets in whom the managed service would, as whom it would."""

from __future__ import annotations

import json
import time

import pytest

from opensearch.domains import PASSWORD, Domain
from sandbox.process import LEADER_ACCOUNT

NOBODY = {"AccessPolicies": ""}


@pytest.fixture
def domain(sandbox, request):
    """A domain with a node; parametrize indirectly with settings of CreateDomain."""
    number = time.monotonic_ns() % 10**9
    made = Domain.make(sandbox, LEADER_ACCOUNT, "us-east-1", f"alone-{number}", **getattr(request, "param", {}))
    yield made
    sandbox.control("/faults", method="DELETE")
    made.delete()


def arn(domain, path="/*"):
    return f"arn:aws:es:{domain.region}:{domain.account}:domain/{domain.name}{path}"


def allow(domain, *methods, path="/*"):
    return [{"Effect": "Allow", "Action": [f"es:ESHttp{m}" for m in methods], "Resource": arn(domain, path)}]


def test_an_assumed_role_is_its_role(domain):
    role, keys = domain.role(f"r-{domain.name}", allow(domain, "Get"))
    info = domain.signed(keys, "GET", "/_plugins/_security/authinfo").json()
    assert (info["user_name"], info["backend_roles"], info["roles"]) == (role, [role], [])
    answer = domain.signed(keys, "GET", "/_cluster/health")
    user = f"User [name={role}, backend_roles=[{role}], requestedTenant=null]"
    reason = f"no permissions for [cluster:monitor/health] and {user}"
    assert (answer.status, answer.json()["error"]["reason"]) == (403, reason)
    domain.map("all_access", role)
    assert domain.signed(keys, "GET", "/_cluster/health").status == 200


def test_paths_and_queries_are_signed_as_they_are_sent(domain):
    role, keys = domain.role(f"r-{domain.name}", allow(domain, "Get", "Put", "Post", "Delete", "Head"))
    domain.map("all_access", role)
    assert domain.signed(keys, "PUT", "/books/_doc/a%20b%2Fc?refresh=true", {"n": "ü"}).status == 201
    assert domain.signed(keys, "GET", "/books/_doc/a%20b%2Fc?_source_includes=n").json()["_source"] == {"n": "ü"}
    found = domain.signed(keys, "GET", "/books/_search?q=n%3A%2A&filter_path=hits.total.value&size=0")
    assert found.json() == {"hits": {"total": {"value": 1}}}
    assert domain.signed(keys, "HEAD", "/books").status == 200
    assert domain.signed(keys, "DELETE", "/_search/scroll", {"scroll_id": ["x"]}).status != 403


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"service": "opensearch"}, "correct service: 'es'"),
        ({"region": "us-west-2"}, "valid region"),
        ({"keys": {"SecretAccessKey": "wrong"}}, "signature we calculated does not match"),
        ({"keys": {"SessionToken": "wrong"}}, "oken"),
        ({"keys": {"AccessKeyId": "ASIAUNKNOWNKEY000000"}}, "security token included in the request is invalid"),
    ],
)
def test_a_wrong_signature_is_refused(domain, change, sentence):
    _, keys = domain.role(f"r-{domain.name}", allow(domain, "Get"))
    keys = {**keys, **change.get("keys", {})}
    where = {name: change[name] for name in ("service", "region") if name in change}
    answer = domain.signed(keys, "GET", "/", **where)
    assert answer.status == 403
    assert sentence in answer.json()["message"]


def test_a_body_that_was_not_signed_is_refused(domain):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    _, keys = domain.role(f"r-{domain.name}", allow(domain, "Put"))
    request = AWSRequest("PUT", f"http://{domain.endpoint}/x/_doc/1", data=b'{"n":1}')
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    SigV4Auth(credentials, "es", "us-east-1").add_auth(request)
    answer = domain.send("PUT", "/x/_doc/1", b'{"n":2}', dict(request.headers.items()))
    assert (answer.status, "does not match" in answer.json()["message"]) == (403, True)


@pytest.mark.parametrize("domain", [NOBODY], indirect=True)
def test_iam_decides_first(domain):
    _, keys = domain.role(f"r-{domain.name}", allow(domain, "Get", path="/books/*"))
    assert "es:ESHttpGet" in domain.signed(keys, "GET", "/_cluster/health").json()["Message"]
    assert "es:ESHttpPut" in domain.signed(keys, "PUT", "/books/_doc/1", {"n": 1}).json()["Message"]
    # Let in by IAM, and refused by fine-grained access control.
    assert domain.signed(keys, "GET", "/books/_search").json()["error"]["type"] == "security_exception"
    # A password is nobody to IAM.
    assert "anonymous" in domain("GET", "/").json()["Message"]


@pytest.mark.parametrize("domain", [NOBODY], indirect=True)
def test_another_account_needs_both_policies(domain):
    other = Domain(domain.sandbox, "222222222222", "us-east-1", "none")
    role, keys = other.role(f"r-{domain.name}", allow(domain, "Get"))
    assert domain.signed(keys, "GET", "/").status == 403
    policy = {"Statement": [{**allow(domain, "Get")[0], "Principal": {"AWS": role}}]}
    domain.client("opensearch").update_domain_config(DomainName=domain.name, AccessPolicies=json.dumps(policy))
    assert domain.signed(keys, "GET", "/").json()["error"]["type"] == "security_exception"
    _, poor = other.role(f"p-{domain.name}", [])
    assert "not authorized" in domain.signed(poor, "GET", "/").json()["Message"]


def test_passwords_are_checked_by_the_node(domain):
    assert domain("GET", "/_cluster/health").status == 200
    for secret in ("bWFzdGVyOndyb25n", "bm9ib2R5Ong="):
        answer = domain.send("GET", "/", headers={"authorization": f"Basic {secret}"})
        assert (answer.status, answer.body) == (401, b"Unauthorized")
    assert domain.send("GET", "/").status == 401
    assert PASSWORD not in json.dumps(domain.client("opensearch").describe_domain(DomainName=domain.name), default=str)


@pytest.mark.parametrize(
    "domain",
    [
        {
            "AdvancedSecurityOptions": {
                "Enabled": True,
                "MasterUserOptions": {"MasterUserARN": f"arn:aws:iam::{LEADER_ACCOUNT}:role/master-role"},
            }
        }
    ],
    indirect=True,
)
def test_a_master_user_by_arn(domain):
    _, keys = domain.role("master-role", allow(domain, "Get", "Put"))
    assert domain.signed(keys, "GET", "/_cluster/health").status == 200
    # There is no database of users here.
    assert domain("GET", "/").status == 401
    mapping = domain.signed(keys, "GET", "/_plugins/_security/api/rolesmapping").json()
    assert list(mapping) == ["all_access"]


def test_nobody_names_a_user_by_header(domain):
    forged = {"x-proxy-user": "sandbox-superuser", "x-proxy-roles": "sandbox-superuser", "x-forwarded-for": "127.0.0.1"}
    assert domain.send("GET", "/_cluster/health", headers=forged).status == 401
    _, keys = domain.role(f"r-{domain.name}", allow(domain, "Get"))
    assert "sandbox-superuser" not in domain.signed(keys, "GET", "/_plugins/_security/authinfo").body.decode()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/_cluster/settings", {"persistent": {"cluster.remote.x.seeds": ["127.0.0.1:1"]}}),
        ("PUT", "/_cluster/settings", {"transient": {"cluster": {"routing": {"allocation": {"enable": "none"}}}}}),
        ("POST", "/_cluster/reroute", {}),
        ("GET", "/_plugins/_security/api/securityconfig", None),
    ],
)
def test_what_the_service_keeps_to_itself(domain, method, path, body):
    answer = domain(method, path, body)
    assert (answer.status, path in answer.json()["Message"]) == (401, True)
    assert domain("PUT", "/_cluster/settings", {"persistent": {"search.max_buckets": 20000}}).status == 200


def test_faults_of_single_requests(domain, sandbox):
    fault = {"operation": "ESHttpPut", "path": "/books", "action": "fail", "status": 503, "nth": 1}
    sandbox.control("/faults", fault)
    assert domain("PUT", "/films/_doc/1", {"n": 1}).status == 201
    assert domain("PUT", "/books/_doc/1", {"n": 1}).status == 503
    assert domain("PUT", "/books/_doc/1", {"n": 1}).status == 201
    sandbox.control("/faults", {"operation": "ESHttpPut", "action": "lose_response", "nth": 1})
    with pytest.raises(OSError):
        domain("PUT", "/books/_doc/2", {"n": 1})
    assert domain("GET", "/books/_doc/2").status == 200
    entries = sandbox.control(f"/journal?kind=data&domain={domain.name}")["entries"]
    assert [e["status"] for e in entries if e["method"] == "PUT"] == [201, 503, 201, 0]
    assert entries[0]["principal"] == "master"
    assert entries[0]["sent"] == len('{"n": 1}')


def test_the_next_domain_finds_nothing_of_the_last_one(sandbox):
    names = []
    for number in range(3):
        made = Domain.make(sandbox, LEADER_ACCOUNT, "us-east-1", f"again-{number}")
        indices = [row["index"] for row in made.must("GET", "/_cat/indices?format=json")]
        assert indices == [".opendistro_security"]
        assert list(made.must("GET", "/_plugins/_security/api/rolesmapping")) == ["all_access"]
        assert made.must("GET", "/_cluster/settings") == {"persistent": {}, "transient": {}}
        made.must("PUT", "/books/_doc/1", {"n": 1})
        made.must("PUT", "/_index_template/t", {"index_patterns": ["x*"]})
        made.must("PUT", "/_plugins/_security/api/roles/mine", {"cluster_permissions": ["*"]})
        made.map("mine", "somebody")
        made.must("PUT", "/_cluster/settings", {"persistent": {"search.max_buckets": 20000}})
        names.append(sandbox.control("/nodes")["nodes"][0]["name"])
        made.delete()
        assert sandbox.control("/nodes")["nodes"] == []
    assert len(set(names)) <= 2


def test_a_domain_without_a_node_has_none(sandbox):
    made = [Domain.make(sandbox, LEADER_ACCOUNT, "us-east-1", f"three-{number}") for number in range(3)]
    assert len(sandbox.control("/nodes")["nodes"]) == 2
    assert made[2].endpoint not in (made[0].endpoint, made[1].endpoint)
    for domain in made:
        domain.delete()
