"""Documents follow: on the stand-in and on the real plugin alike, nothing here knows which it is."""

from __future__ import annotations

import threading

import pytest

from opensearch.domains import until


def bulk(domain, index, documents, refresh="true"):
    lines = []
    for name, source in documents.items():
        lines.append('{"index":{"_id":"%s"}}' % name)
        lines.append('{"n":%d,"t":"%s"}' % source)
    answer = domain.must("POST", f"/{index}/_bulk?refresh={refresh}", "\n".join(lines) + "\n")
    assert not answer["errors"], answer


def start(pair, leader_index, index=None, **more):
    index = index or leader_index
    answer = pair.follower("PUT", f"/_plugins/_replication/{index}/_start", pair.start(leader_index, **more))
    assert answer.status == 200, answer
    return index


def test_creates_updates_and_deletes_follow(pair):
    pair.leader.must("PUT", "/l1", {"settings": {"number_of_shards": 2, "number_of_replicas": 0}})
    bulk(pair.leader, "l1", {f"d{n}": (n, "first") for n in range(300)})
    start(pair, "l1", "f1")
    pair.until_status("f1", "SYNCING")
    assert len(pair.until_equal("l1", "f1")) == 300
    bulk(pair.leader, "l1", {f"d{n}": (n, "second") for n in range(50, 80)})
    pair.leader.must("DELETE", "/l1/_doc/d1")
    pair.leader.must("DELETE", "/l1/_doc/d2")
    pair.leader.must("PUT", "/l1/_doc/new", {"n": 7, "t": "made"})
    documents = pair.until_equal("l1", "f1")
    assert "d1" not in documents
    assert documents["d60"] == (2, {"n": 60, "t": "second"})
    pair.leader.must("PUT", "/l1/_doc/d1", {"n": 1, "t": "again"})
    assert pair.until_equal("l1", "f1")["d1"][1]["t"] == "again"


def test_routing_mappings_settings_and_aliases_follow(pair):
    made = {"settings": {"number_of_shards": 3, "number_of_replicas": 0}, "aliases": {"books": {}}}
    pair.leader.must("PUT", "/l1", {**made, "mappings": {"properties": {"n": {"type": "integer"}}}})
    pair.leader.must("PUT", "/l1/_doc/a?routing=x&refresh=true", {"n": 1})
    start(pair, "l1", "f1")
    pair.until_equal("l1", "f1")
    assert pair.follower("GET", "/f1/_doc/a?routing=x").json()["_routing"] == "x"
    pair.leader.must("PUT", "/l1/_doc/b?routing=y&refresh=true", {"n": 2, "word": "new field"})
    pair.until_equal("l1", "f1")
    theirs = pair.leader.must("GET", "/l1/_mapping")["l1"]["mappings"]
    assert pair.follower.must("GET", "/f1/_mapping")["f1"]["mappings"] == theirs
    pair.leader.must("PUT", "/l1/_settings", {"index": {"max_result_window": 12345}})
    pair.leader.must("POST", "/_aliases", {"actions": [{"add": {"index": "l1", "alias": "more"}}]})
    until(lambda: "more" in pair.follower.must("GET", "/f1/_alias")["f1"]["aliases"], 90)
    settings = pair.follower.must("GET", "/f1/_settings")["f1"]["settings"]["index"]
    assert settings["max_result_window"] == "12345"
    assert settings["plugins"]["replication"]["follower"]["leader_index"] == f"{pair.alias}:l1"


def test_an_override_stays(pair):
    pair.leader.must("PUT", "/l1", {"settings": {"number_of_replicas": 1}})
    start(pair, "l1", settings={"index.number_of_replicas": 0})
    pair.until_status("l1", "SYNCING")
    pair.leader.must("PUT", "/l1/_settings", {"index": {"max_result_window": 20000}})

    def settings():
        return pair.follower.must("GET", "/l1/_settings")["l1"]["settings"]["index"]

    until(lambda: settings().get("max_result_window") == "20000", 90)
    assert settings()["number_of_replicas"] == "0"


WRITES = [
    ("PUT", "/f1/_doc/zzz", {"n": 1}),
    ("DELETE", "/f1/_doc/1", None),
    ("POST", "/f1/_update/1", {"doc": {"n": 5}}),
    ("PUT", "/f1/_mapping", {"properties": {"zz": {"type": "keyword"}}}),
    ("PUT", "/f1/_settings", {"index": {"number_of_replicas": 0}}),
    ("POST", "/f1/_close", None),
    ("POST", "/_aliases", {"actions": [{"add": {"index": "f1", "alias": "mine"}}]}),
    ("PUT", "/f1/_alias/mine", None),
    ("DELETE", "/f1", None),
    ("PUT", "/books/_doc/1", {"n": 1}),
    ("POST", "/f1/_delete_by_query", {"query": {"match_all": {}}}),
]


def test_a_follower_cannot_be_written_until_it_is_stopped(pair):
    pair.leader.must("PUT", "/l1", {"aliases": {"books": {}}, "settings": {"number_of_replicas": 0}})
    pair.leader.must("PUT", "/l1/_doc/1?refresh=true", {"n": 1})
    start(pair, "l1", "f1")
    pair.until_equal("l1", "f1")
    until(lambda: pair.follower("PUT", "/f1/_doc/zzz", {"n": 1}).status == 403)
    for _ in ("syncing", "paused"):
        for method, path, body in WRITES:
            answer = pair.follower(method, path, body)
            assert (answer.status, b"FORBIDDEN/1000" in answer.body) == (403, True), (method, path, answer)
        lines = '{"index":{"_index":"f1","_id":"q"}}\n{"n":1}\n{"index":{"_index":"own","_id":"q"}}\n{"n":1}\n'
        items = pair.follower.must("POST", "/_bulk", lines)["items"]
        assert [item["index"]["status"] for item in items][0] == 403
        assert items[1]["index"]["status"] in (200, 201)
        pair.follower("POST", "/_plugins/_replication/f1/_pause", {})
    pair.follower.must("POST", "/_plugins/_replication/f1/_stop", {})
    assert pair.follower("PUT", "/f1/_doc/zzz", {"n": 1}).status == 201
    assert pair.follower("DELETE", "/f1").status == 200


def test_what_is_paused_waits_and_catches_up(pair):
    pair.leader.must("PUT", "/l1/_doc/1?refresh=true", {"n": 1})
    start(pair, "l1")
    pair.until_equal("l1", "l1")
    pair.follower.must("POST", "/_plugins/_replication/l1/_pause", {})
    pair.leader.must("PUT", "/l1/_doc/2?refresh=true", {"n": 2})
    assert pair.status("l1")["status"] == "PAUSED"
    assert "2" not in pair.follower.documents("l1")
    pair.follower.must("POST", "/_plugins/_replication/l1/_resume", {})
    assert set(pair.until_equal("l1", "l1")) == {"1", "2"}


def test_old_and_new_indexes_are_followed(pair):
    for name in ("logs-1", "logs-2", "other"):
        pair.leader.must("PUT", f"/{name}/_doc/1?refresh=true", {"n": 1})
    rule = {"leader_alias": pair.alias, "name": "r1", "pattern": "logs-*", "use_roles": pair.start("x")["use_roles"]}
    pair.follower.must("POST", "/_plugins/_replication/_autofollow", rule)
    for name in ("logs-1", "logs-2"):
        pair.until_status(name, "SYNCING")
    pair.leader.must("PUT", "/logs-3/_doc/1?refresh=true", {"n": 1})
    pair.until_status("logs-3", "SYNCING", 90)
    pair.until_equal("logs-3", "logs-3")
    assert pair.status("other") == {"status": "REPLICATION NOT IN PROGRESS"}
    stats = pair.follower.must("GET", "/_plugins/_replication/autofollow_stats")
    assert stats["autofollow_stats"][0]["num_success_start_replication"] == 3
    pair.follower.must("DELETE", "/_plugins/_replication/_autofollow", {"leader_alias": pair.alias, "name": "r1"})
    assert pair.status("logs-1")["status"] == "SYNCING"


@pytest.mark.parametrize("how", ["link", "node"])
def test_a_leader_that_is_away_for_a_while(pair, sandbox, how):
    def away(is_away):
        if how == "link":
            sandbox.control("/links", {"alias": pair.alias, "state": "down" if is_away else "up"})
        else:
            state = {"domain": pair.leader.name, "state": "killed" if is_away else "running"}
            sandbox.control("/nodes/state", state, seconds=120)

    pair.leader.must("PUT", "/l1/_doc/1?refresh=true", {"n": 1})
    start(pair, "l1")
    pair.until_equal("l1", "l1")
    away(True)
    answer = pair.follower("GET", "/_plugins/_replication/l1/_status")
    assert (answer.status, answer.json()["error"]["reason"]) == (500, "failed to fetch replication status")
    answer = pair.follower("PUT", "/_plugins/_replication/l2/_start", pair.start("l2"))
    assert answer.json()["error"]["type"] == "connect_transport_exception"
    away(False)
    pair.leader.must("PUT", "/l1/_doc/2?refresh=true", {"n": 2})
    pair.until_status("l1", "SYNCING", 90)
    pair.until_equal("l1", "l1", 90)


def test_a_connection_deleted_under_replication_pauses_it(pair):
    pair.leader.must("PUT", "/l1/_doc/1?refresh=true", {"n": 1})
    start(pair, "l1")
    pair.until_status("l1", "SYNCING")
    pair.disconnect()
    paused = pair.until_status("l1", "PAUSED", 60)
    assert f"no such remote cluster: [{pair.alias}]" in paused["reason"]
    assert pair.follower.must("GET", "/_remote/info") == {}
    pair.follower.must("POST", "/_plugins/_replication/l1/_stop", {})
    assert pair.follower("PUT", "/l1/_doc/2", {"n": 1}).status == 201


def test_twenty_indexes_at_once_while_writing_goes_on(pair):
    names = [f"many-{n}" for n in range(20)]
    for name in names:
        pair.leader.must("PUT", f"/{name}", {"settings": {"number_of_replicas": 0}})
        bulk(pair.leader, name, {f"d{n}": (n, name) for n in range(20)})
    ended = threading.Event()

    def write():
        number = 0
        while not ended.is_set():
            number += 1
            name = names[number % 20]
            pair.leader("PUT", f"/{name}/_doc/w{number % 50}", {"n": number, "t": "w"})
            if number % 7 == 0:
                pair.leader("DELETE", f"/{name}/_doc/d{number % 20}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for name in names:
            start(pair, name)
        for name in names:
            pair.until_status(name, "SYNCING", 90)
    finally:
        ended.set()
        writer.join()
    for name in names:
        pair.until_equal(name, name, 90)


def test_both_directions_between_one_pair(pair):
    pair.connect(pair.leader, pair.follower, "back")
    pair.leader.must("PUT", "/east/_doc/1?refresh=true", {"n": 1})
    pair.follower.must("PUT", "/west/_doc/1?refresh=true", {"n": 2})
    start(pair, "east")
    back = {**pair.start("west"), "leader_alias": "back"}
    assert pair.leader("PUT", "/_plugins/_replication/west/_start", back).status == 200
    pair.until_equal("east", "east")
    until(lambda: pair.leader("GET", "/west/_doc/1").status == 200)
    chain = {**pair.start("east"), "leader_alias": "back"}
    answer = pair.leader("PUT", "/_plugins/_replication/chain/_start", chain)
    assert answer.json()["error"]["reason"] == "Cannot Replicate a Replicated Index east"
