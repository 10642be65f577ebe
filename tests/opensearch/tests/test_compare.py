"""The comparison on real nodes: what checkpoints do not show is found, and named."""

from __future__ import annotations

import json
import random

import pytest

from opensearch import tandem
from opensearch.domains import until
from opensearch.node import SUPERUSER, identity
from sandbox.process import FOLLOWER_ACCOUNT

from .test_replication import bulk, start

# As long as the stand-in's slowest habit; the real plugin's take longer, and pass within the command's own default.
PATIENT = ("--patience", 90)
QUICK = ("--patience", 2)


@pytest.fixture
def secret(pair):
    return tandem.master_secret(pair.follower)


@pytest.fixture
def compare(pair, secret):
    def compared(index="l1", *options, follower_index="f1"):
        sides = {"follower_index": follower_index, "secret": secret}
        return tandem.compare(pair.leader, pair.follower, index, *options, **sides)

    return compared


@pytest.fixture
def behind(sandbox, pair):
    """Requests to the follower's node itself, past the endpoint and its write block."""
    nodes = sandbox.control("/nodes")["nodes"]
    port = next(node["http_port"] for node in nodes if node["domain"]["name"] == pair.follower.name)

    def request(method, path, body=None):
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {**identity(SUPERUSER, (SUPERUSER,)), "content-type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        status, content = response.status, response.read()
        connection.close()
        assert status < 300, f"{method} {path}: {status} {content[:300]!r}"
        return json.loads(content)

    return request


@pytest.fixture
def following(pair, sandbox):
    """`f1` follows `l1`, with 300 documents in three shards; the plugin's own checkpoints say it is equal."""
    pair.leader.must("PUT", "/l1", {"settings": {"number_of_shards": 3, "number_of_replicas": 0}})
    bulk(pair.leader, "l1", {f"d{n}": (n, "first") for n in range(300)})
    bulk(pair.leader, "l1", {f"d{n}": (n, "second") for n in range(40, 60)})
    start(pair, "l1", "f1")
    pair.until_equal("l1", "f1")

    def checkpoints_are_equal():
        details = pair.status("f1").get("syncing_details") or {}
        return details and details["leader_checkpoint"] == details["follower_checkpoint"]

    until(checkpoints_are_equal)
    return checkpoints_are_equal


def test_a_follower_that_is_equal_is_equal(following, compare):
    compared = compare()
    assert compared.code == 0, compared
    report = compared.report
    assert (report["verdict"], report["leader"]["documents"], report["follower"]["documents"]) == ("equal", 300, 300)
    assert report["findings"] == []
    # Not the documents cross, but what they come to.
    assert report["leader"]["bytes_exchanged"] < report["leader"]["bytes_read"] / 5


def test_documents_dropped_on_the_follower_are_named_though_checkpoints_are_equal(following, compare, behind):
    for name in ("d7", "d299"):
        behind("DELETE", f"/f1/_doc/{name}?refresh=true")
    assert following()
    compared = compare("l1", *QUICK)
    assert compared.code == 1, compared
    assert compared.named() == {"missing": ["d299", "d7"]}
    assert following()


def test_a_stale_version_an_altered_and_an_extra_document_are_named(following, compare, behind):
    # A tombstone that is gone lets an older version in.
    behind("PUT", "/f1/_settings", {"index": {"gc_deletes": "0s"}})
    behind("DELETE", "/f1/_doc/d41?version=2&version_type=external_gte")
    old = {"n": 41, "t": "first"}
    until(lambda: _put(behind, "/f1/_doc/d41?version=1&version_type=external_gte&refresh=true", old))
    behind("PUT", "/f1/_settings", {"index": {"gc_deletes": None}})
    altered = {"n": 42, "t": "wrong"}
    behind("PUT", "/f1/_doc/d42?version=2&version_type=external_gte&refresh=true", altered)
    behind("PUT", "/f1/_doc/more?version=1&version_type=external&refresh=true", {"n": 1, "t": "more"})
    assert following()
    compared = compare("l1", *QUICK)
    assert compared.code == 1, compared
    assert compared.named() == {"extra": ["more"], "stale": ["d41"], "altered": ["d42"]}


def _put(behind, path, body):
    try:
        return behind("PUT", path, body)
    except AssertionError as error:
        assert "version_conflict" in str(error), error
        return None


def test_a_changed_mapping_setting_and_alias_are_named(following, pair, compare, behind):
    # While it runs, the replication brings settings and aliases in order again.
    pair.follower.must("POST", "/_plugins/_replication/f1/_pause", {})
    behind("PUT", "/f1/_mapping", {"properties": {"n": {"type": "long", "ignore_malformed": True}}})
    behind("PUT", "/f1/_settings", {"index": {"max_result_window": 123}})
    behind("PUT", "/f1/_alias/hidden")
    compared = compare("l1", "--patience", 0)
    assert compared.code == 1, compared
    told = "\n".join(compared.sentences())
    assert "the mapping of `n` (ignore_malformed) is absent on the leader and true on the follower" in told
    assert 'the setting `index.max_result_window` is absent on the leader and "123" on the follower' in told
    assert "the alias `hidden` is absent on the leader and {} on the follower" in told
    assert compared.report["differences"] == 0


def test_a_missing_index_is_named(pair, compare):
    pair.leader.must("PUT", "/l1/_doc/1", {"n": 1})
    compared = compare()
    assert (compared.code, compared.sentences()) == (1, ["there is no index `f1` on the follower"])
    compared = compare("nope", follower_index="nope")
    assert len(compared.sentences()) == 2


def test_what_comes_later_is_no_difference(following, pair, compare):
    bulk(pair.leader, "l1", {f"d{n}": (n, "third") for n in range(100)}, refresh="false")
    pair.leader.must("DELETE", "/l1/_doc/d200")
    pair.leader.must("PUT", "/l1/_settings", {"index": {"max_result_window": 12345}})
    compared = compare("l1", *PATIENT)
    assert compared.code == 0, compared
    assert compared.report["follower"]["documents"] in (299, 300)


def test_an_override_is_no_difference(pair, compare):
    pair.leader.must("PUT", "/l1", {"settings": {"number_of_replicas": 1}})
    bulk(pair.leader, "l1", {"a": (1, "x")})
    start(pair, "l1", "f1", settings={"index.number_of_replicas": 0})
    pair.until_equal("l1", "f1")
    assert compare("l1", "--patience", 0).code == 1
    assert compare("l1", *PATIENT, "--override", "index.number_of_replicas").code == 0


def twice(pair, index, settings, documents, mappings=None):
    """The same documents written to both, in another order and spelling, and with other versions."""
    for number, domain in enumerate((pair.leader, pair.follower)):
        domain.must("PUT", f"/{index}", {"settings": {**settings, "number_of_replicas": 0}, "mappings": mappings or {}})
        items = list(documents.items())
        random.Random(number).shuffle(items)
        lines = []
        for (name, routing), source in items:
            head = {"_id": name, **({"routing": routing} if routing else {})}
            turned = dict(reversed(source.items())) if number else source
            lines += [json.dumps({"index": head}), json.dumps(turned, separators=(",", ":") if number else None)]
        for _ in range(number + 1):
            answer = domain.must("POST", f"/{index}/_bulk?refresh=true", "\n".join(lines) + "\n")
            assert not answer["errors"], answer


def test_routing_nested_documents_and_deletes(pair, compare):
    mappings = {"properties": {"parts": {"type": "nested", "properties": {"k": {"type": "keyword"}}}}}
    source = {"n": 12345678901234, "x": 0.1, "parts": [{"k": "a"}, {"k": "b"}], "word": "é\n\u2028", "empty": {}}
    documents = {(f"d{n}", f"r{n % 5}" if n % 2 else None): source | {"n": n} for n in range(120)}
    twice(pair, "i", {"number_of_shards": 4}, documents, mappings)
    for domain in (pair.leader, pair.follower):
        domain.must("DELETE", "/i/_doc/d4?refresh=true")
        domain.must("DELETE", "/i/_doc/d5?routing=r0&refresh=true")
    equal = compare("i", "--ignore-versions", follower_index="i")
    assert (equal.code, equal.report["leader"]["documents"]) == (0, 118), equal
    # The same id in another shard is another document.
    pair.follower.must("PUT", "/i/_doc/d7?routing=r3&refresh=true", source | {"n": 7})
    differs = compare("i", "--ignore-versions", *QUICK, follower_index="i")
    assert differs.code == 1
    extra = differs.report["documents"]["extra"]["first"]
    assert [(d["id"], d["routing"]) for d in extra] == [("d7", "r3")]
    # In the same shard it is the same document with another routing: then the one with the old routing is missing.
    assert set(differs.named()) <= {"extra", "missing"}


def test_big_documents_are_read_one_by_one(pair, compare):
    rng = random.Random(7)
    sizes = [10, 3_000_000, 10, 9_000_000, 10, 500_000, 5_000_000]
    mappings = {"properties": {"t": {"type": "text", "index": False}}}
    documents = {(f"d{n}", None): {"t": "".join(rng.choices("abcdef", k=size))} for n, size in enumerate(sizes)}
    for name, source in documents.items():
        for domain in (pair.leader, pair.follower):
            if not domain("GET", "/big").status == 200:
                domain.must("PUT", "/big", {"settings": {"number_of_replicas": 0}, "mappings": mappings})
            domain.must("PUT", f"/big/_doc/{name[0]}?refresh=true", source)
    compared = compare("big", follower_index="big")
    assert (compared.code, compared.report["leader"]["documents"]) == (0, len(sizes)), compared
    assert compared.report["leader"]["bytes_read"] > sum(sizes)
    pair.follower.must("PUT", "/big/_doc/d3?refresh=true", {"t": documents[("d3", None)]["t"][:-1] + "z"})
    assert compare("big", *QUICK, "--ignore-versions", follower_index="big").named() == {"altered": ["d3"]}


def test_an_empty_index_and_a_long_number(pair, compare):
    twice(pair, "i", {"number_of_shards": 2}, {("a", None): {"t": "x"}}, {"dynamic": False})
    for domain in (pair.leader, pair.follower):
        domain.must("DELETE", "/i/_doc/a?refresh=true")
    assert compare("i", follower_index="i").report["leader"]["documents"] == 0
    pair.leader.must("PUT", "/i/_doc/b?refresh=true", '{"n":12345678901234567890123}')
    pair.follower.must("PUT", "/i/_doc/b?refresh=true", '{"n":12345678901234567890124}')
    assert compare("i", *QUICK, follower_index="i").named() == {"altered": ["b"]}


def test_an_index_that_was_shrunk_is_compared_completely(pair, compare):
    """Its shards counted their operations by themselves, so many of its documents have one sequence number."""
    documents = {(f"d{n}", None): {"n": n} for n in range(400)}
    twice(pair, "wide", {"number_of_shards": 4}, documents)
    for domain in (pair.leader, pair.follower):
        domain.must("PUT", "/wide/_settings", {"index.blocks.write": True})
        one = {"index.number_of_shards": 1, "index.number_of_replicas": 0, "index.blocks.write": None}
        domain.must("POST", "/wide/_shrink/i", {"settings": one})
        until(lambda domain=domain: domain("GET", "/_cluster/health/i").json()["status"] == "green")
    asked = {"size": 400, "seq_no_primary_term": True, "_source": False}
    hits = pair.leader.must("POST", "/i/_search", asked)["hits"]["hits"]
    assert len({hit["_seq_no"] for hit in hits}) < len(hits) == 400
    equal = compare("i", "--ignore-versions", follower_index="i")
    assert (equal.code, equal.report["leader"]["documents"]) == (0, 400), equal
    # Read with few at once, pages end at many places between two of one number.
    assert compare("i", "--ignore-versions", "--rate", 170, follower_index="i").code == 0
    for name in ("d7", "d200", "d399"):
        pair.follower.must("DELETE", f"/i/_doc/{name}?refresh=true")
    pair.follower.must("PUT", "/i/_doc/d300?refresh=true", {"n": -1})
    named = compare("i", *QUICK, "--ignore-versions", follower_index="i").named()
    assert named == {"missing": ["d200", "d399", "d7"], "altered": ["d300"]}
    assert open_points(pair) == [0, 0]


def test_half_a_pair_of_surrogates_can_be_compared(pair, compare, behind):
    source = r'{"t":"\ud800","\udc00":"x"}'
    for domain in (pair.leader, pair.follower):
        domain.must("PUT", "/i", {"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": False}})
        domain.must("PUT", "/i/_doc/a?refresh=true", source)
    assert compare("i", follower_index="i").code == 0
    pair.follower.must("PUT", "/i/_doc/a?refresh=true&version=1&version_type=external_gte", r'{"t":"\ud801"}')
    assert compare("i", *QUICK, follower_index="i").named() == {"altered": ["a"]}


def test_an_index_is_not_compared_with_itself(pair, secret):
    bulk(pair.follower, "i", {"a": (1, "x")})
    compared = tandem.compare(pair.follower, pair.follower, "i", secret=secret)
    assert (compared.code, compared.printed) == (2, "")
    assert "are one and the same" in compared.told and "Give the leader's own endpoint" in compared.told
    # Another index of the same domain is another index.
    bulk(pair.follower, "j", {"a": (1, "x")})
    assert tandem.compare(pair.follower, pair.follower, "i", secret=secret, follower_index="j").code == 0


def test_an_index_whose_shards_are_not_all_there_is_not_compared(pair, compare):
    nobody = {"index.routing.allocation.require.rack": "none"}
    twice(pair, "i", {"number_of_shards": 2}, {("a", None): {"n": 1}})
    pair.follower.must("DELETE", "/i")
    lacking = {"settings": {"number_of_shards": 2, "number_of_replicas": 0, **nobody}}
    pair.follower.must("PUT", "/i?wait_for_active_shards=0&timeout=1s", lacking)
    compared = compare("i", *QUICK, "--time", 10, follower_index="i")
    assert (compared.code, compared.printed) == (2, "")
    assert "the follower: " in compared.told, compared.told


def test_more_than_the_limit_are_at_least_so_many(pair, compare):
    for domain, text in ((pair.leader, "one"), (pair.follower, "other")):
        domain.must("PUT", "/i", {"settings": {"number_of_shards": 2, "number_of_replicas": 0}})
        bulk(domain, "i", {f"d{n}": (n, text) for n in range(3000)})
    compared = compare("i", *QUICK, "--limit", 50, follower_index="i")
    assert (compared.report["differences"], compared.report["at_least"]) == (50, True)
    everything = compare("i", *QUICK, "--limit", 5000, follower_index="i").report
    assert (everything["differences"], everything["at_least"]) == (3000, False)


def test_nothing_stays_open_and_the_rate_is_kept(pair, compare):
    for domain in (pair.leader, pair.follower):
        bulk(domain, "i", {f"d{n}": (n, "x") for n in range(400)})
    report = compare("i", "--rate", 100, follower_index="i").report
    assert (report["verdict"], report["seconds"] >= 3.9) == ("equal", True)
    assert open_points(pair) == [0, 0]
    # A point in time that somebody holds is seen by that.
    pair.leader.must("POST", "/i/_search/point_in_time?keep_alive=1m")
    assert open_points(pair) == [1, 0]


def test_a_role_with_the_actions_of_the_documentation_suffices_and_each_is_needed(pair, sandbox):
    for domain in (pair.leader, pair.follower):
        bulk(domain, "i", {"a": (1, "x")})
    pair.follower.must("PUT", "/i/_doc/b?refresh=true", {"n": 1})
    everywhere = {"Effect": "Allow", "Action": "es:ESHttp*", "Resource": "*"}
    arn, keys = pair.follower.role(f"reader-{pair.follower.name}", [everywhere])
    sides = ["--leader", pair.leader.endpoint, "--leader-region", pair.leader.region]
    sides += ["--follower", pair.follower.endpoint, "--follower-region", pair.follower.region]
    given = tandem.environment(pair.follower, keys)

    def compared(cluster, index):
        permissions = [{"index_patterns": ["i"], "allowed_actions": index}]
        for domain in (pair.leader, pair.follower):
            role = {"cluster_permissions": cluster, "index_permissions": permissions}
            domain.must("PUT", "/_plugins/_security/api/roles/reader", role)
            domain.map("reader", arn)
        return tandem.run(given, "compare", *sides, "--index", "i", "--json", *QUICK)

    enough = compared(CLUSTER, INDEX)
    assert enough.code == 1, enough.told
    assert enough.named() == {"extra": ["b"]}
    assert open_points(pair) == [0, 0]
    for action in (*CLUSTER, *INDEX):
        refused = compared([a for a in CLUSTER if a != action], [a for a in INDEX if a != action])
        assert refused.code == 2, (action, refused)
        named = action.rstrip("*/")
        assert f"no permissions for [{named}" in refused.told and arn in refused.told, (action, refused.told)


# What the hint of a refusal and the README name.
CLUSTER = ["indices:data/read/mget"]
INDEX = [
    "indices:admin/get",
    "indices:admin/refresh*",
    "indices:data/read/mget*",
    "indices:data/read/point_in_time/*",
    "indices:data/read/search*",
]


def open_points(pair):
    """How many points in time somebody holds open on each side."""
    listed = [domain("GET", "/_search/point_in_time/_all") for domain in (pair.leader, pair.follower)]
    # 404: none.
    return [len(answer.json().get("pits", [])) if answer.status == 200 else 0 for answer in listed]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--leader", "https://x"], "--leader must be a domain's endpoint"),
        (["--leader", "x.example.com"], "give --leader-region"),
        (["--leader", "127.0.0.1:1", "--leader-region", "us-east-1", "--leader-secret", "none"], "cannot reach the leader"),
    ],
)
def test_bad_input_is_answered_clearly(pair, options, said):
    given = tandem.environment(pair.follower)
    follower = ["--follower", pair.follower.endpoint, "--follower-region", "us-west-2"]
    compared = tandem.run(given, "compare", *options, *follower, "--index", "i", "--time", 3)
    assert compared.code == 2
    assert said in compared.told, compared.told
    assert compared.printed == ""


def test_an_alias_is_not_an_index(pair, compare):
    for domain in (pair.leader, pair.follower):
        domain.must("PUT", "/i", {"aliases": {"books": {}}})
    compared = compare("books", follower_index="books")
    assert compared.code == 2
    assert "`books` is not the name of an index but stands for `i`" in compared.told
    assert FOLLOWER_ACCOUNT not in compared.printed
