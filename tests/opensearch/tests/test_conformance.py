"""What the replication plugin answers, case by case, on whichever plugin is active."""

from __future__ import annotations

import json

import pytest

from opensearch.domains import Pair, until

from .recorded import CASES, SAID, Script

ROLES = ("cross_cluster_replication_leader_full_access", "cross_cluster_replication_follower_full_access")
LEADER_ROLE, FOLLOWER_ROLE = ROLES
ARN = "arn:aws:iam::111111111111:role/"


@pytest.fixture
def script(pair):
    return Script(pair)


def index(domain, name, documents=5, shards=1, **more):
    settings = {"number_of_shards": shards, "number_of_replicas": 0}
    domain.must("PUT", f"/{name}", {"settings": settings, **more})
    if documents:
        lines = "".join('{"index":{"_id":"%d"}}\n{"n":%d}\n' % (n, n) for n in range(documents))
        domain.must("POST", f"/{name}/_bulk?refresh=true", lines)


def follow(pair, leader_index, name=None, **more):
    name = name or leader_index
    pair.follower.must("PUT", f"/_plugins/_replication/{name}/_start", pair.start(leader_index, **more))
    pair.until_status(name, "SYNCING")
    until(lambda: b"FORBIDDEN/1000" in pair.follower("PUT", f"/{name}/_doc/probe", {"n": 1}).body)


def test_before_anything_was_replicated(script):
    for case in (
        "start: no such remote alias",
        "autofollow create: no such remote alias",
        "status of unknown index (replication never used)",
        "pause: never replicated",
        "resume: never replicated",
        "stop: never replicated",
        "update: never replicated",
        "autofollow stats: never used",
        "follower stats: never used",
        "leader stats: never used",
        "autofollow delete: unknown rule, never used",
        "remote info connected",
    ):
        script.say(case)


def test_starts_that_are_refused(script, pair):
    index(pair.leader, "l1")
    index(pair.leader, "e1")
    index(pair.follower, "e1")
    for case in (
        "start: leader index missing",
        "start: no body",
        "start: empty body",
        "start: missing leader_index",
        "start: unknown field",
        "start: illegal follower name",
        "start: illegal leader name",
        "start: leader_index is a wildcard",
        "start: hidden leader index",
        "status of a hidden index",
        "start: index already exists on the follower",
        "wrong method",
        "unknown endpoint",
        "status of a wildcard",
    ):
        script.say(case)
    index(pair.leader, "e2", aliases={"e2alias": {}})
    index(pair.leader, "e3")
    index(pair.follower, "other", aliases={"e2": {}})
    for case in (
        "start: leader_index is an alias on the leader",
        "status after start from an alias",
        "start: an alias of that name exists on the follower",
        "status after start onto an alias",
        "pause while FAILED",
        "status verbose FAILED",
        "resume while FAILED",
        "stop while FAILED",
        "status after stop of a FAILED one",
    ):
        script.say(case)
    index(pair.leader, "pr")
    for case in (
        "start: settings with an unknown setting",
        "status after start with an unknown setting",
        "start: settings with number_of_shards",
        "status after start with number_of_shards",
        "settings after that",
    ):
        script.say(case)
    index(pair.leader, "c2")
    pair.leader.must("POST", "/c2/_close")
    script.say("start: leader index is closed")
    script.say("status after start on a closed leader index")


def test_a_life_from_start_to_stop(script, pair):
    pair.leader.must(
        "PUT",
        "/l1",
        {
            "settings": {"number_of_shards": 2, "number_of_replicas": 1},
            "mappings": {"properties": {"n": {"type": "integer"}, "t": {"type": "text"}}},
            "aliases": {"alias1": {}},
        },
    )
    lines = "".join('{"index":{"_id":"%d"}}\n{"n":%d,"t":"first"}\n' % (n, n) for n in range(20))
    pair.leader.must("POST", "/l1/_bulk?refresh=true", lines)
    script.say("start")
    script.until("status syncing")
    script.until("status syncing verbose")
    for case in (
        "start twice",
        "resume: not paused",
        "follower: index settings",
        "follower: mapping",
        "follower: aliases",
    ):
        script.say(case)
    script.until("follower: count")
    script.say("leader: count")
    until(lambda: b"FORBIDDEN/1000" in pair.follower("PUT", "/f1/_doc/probe", {"n": 1}).body)
    for case in (
        "write to follower index",
        "delete doc on follower index",
        "bulk to follower index",
        "update doc on follower index",
        "put mapping on follower index",
        "put settings on follower index (direct)",
        "close follower index",
        "add alias on follower index",
        "cluster blocks on follower",
        "follower stats syncing",
        "leader stats syncing",
    ):
        script.say(case)
    lines = "".join('{"index":{"_id":"more%d"}}\n{"n":%d}\n' % (n, n) for n in range(50))
    pair.leader.must("POST", "/l1/_bulk?refresh=true", lines)
    script.say("status right after 50 new docs on the leader (leader_checkpoint is read live from the leader)")
    script.until("status after catching up")
    for case in (
        "update: number_of_replicas 0",
        "update: nested settings form",
        "update: settings without index prefix, no settings key",
        "update: static setting",
        "update: blocked setting",
        "update: unknown setting",
        "update: leader_index setting",
        "update: empty",
        "update: empty object",
        "update: no body",
        "pause",
        "status after pause",
        "status paused verbose",
        "pause twice",
        "update while paused",
        "write to follower while paused",
        "start while paused",
        "follower stats paused",
    ):
        script.say(case)
    pair.leader.must("PUT", "/l1/_doc/p1?refresh=true", {"n": 1})
    for case in (
        "follower does not get docs while paused",
        "resume",
        "status after resume",
        "resume without body (index is syncing)",
        "pause without body",
        "resume without body",
        "pause with reason",
        "status after pause with a reason",
        "stop while paused",
        "status after stop",
        "status after stop verbose",
        "stop twice",
        "pause after stop",
        "resume after stop",
        "write to follower after stop",
        "start after stop, index exists",
    ):
        script.say(case)
    settings = pair.follower.must("GET", "/f1/_settings")["f1"]["settings"]["index"]
    assert settings["plugins"]["replication"]["follower"] == {"leader_index": None}
    pair.follower.must("DELETE", "/f1")
    script.say("start with settings override replicas 0")
    script.until("status after start again (same name, after stop and delete)", 2)
    assert pair.follower.must("GET", "/f1/_settings")["f1"]["settings"]["index"]["number_of_replicas"] == "0"


def test_bodies_of_pause_resume_and_stop(script, pair):
    index(pair.leader, "pr", 11)
    follow(pair, "pr")
    for case in (
        "pause with a reason",
        "pause: unknown field",
        "resume: unknown field",
    ):
        script.say(case)
    # The reason that was given stays.
    assert pair.status("pr")["reason"] == "because"
    pair.follower.must("POST", "/_plugins/_replication/pr/_resume", {})
    script.say("stop: without a body")
    script.say("stop: unknown field")
    script.until("status after")


def test_settings_that_cannot_change_in_an_open_index(script, pair):
    index(pair.leader, "l1")
    follow(pair, "l1", "f1")
    script.say("update: non-dynamic codec")

    def codec():
        return pair.follower.must("GET", "/f1/_settings")["f1"]["settings"]["index"].get("codec")

    until(lambda: codec() == "best_compression", 90)
    pair.until_status("f1", "SYNCING")
    script.say("update: static setting while syncing")
    pair.leader.must("PUT", "/l1/_doc/x?refresh=true", {"n": 1})
    pair.until_equal("l1", "f1")


def test_waiting_for_the_restore_and_an_empty_index(script, pair):
    index(pair.leader, "w1")
    index(pair.leader, "empty", 0)
    script.say("start with wait_for_restore=true")
    script.say("status right after start with wait_for_restore=true")
    script.say("start: empty leader index")
    script.until("status of an empty index", 1)
    script.say("status of an empty index, settled")


def test_a_follower_index_is_not_deleted(script, pair):
    index(pair.leader, "d1")
    script.say("start", 1)
    script.until("status after the refused delete")
    until(lambda: b"FORBIDDEN/1000" in pair.follower("PUT", "/d1/_doc/probe", {"n": 1}).body)
    for case in (
        "delete the follower index while replicating (refused)",
        "status after the refused delete",
        "follower index still there after the refused delete",
        "pause d1",
        "delete follower index while paused",
        "status after that",
        "resume d1",
    ):
        script.say(case)


def test_a_leader_index_that_is_closed(script, pair):
    index(pair.leader, "c1")
    follow(pair, "c1")
    for case in ("leader: close index", "status after the leader index was closed"):
        script.say(case)
    script.until("status after the leader index was closed", 1)
    script.say("resume while the leader index is closed")
    script.say("leader: open index")
    script.until("resume after the leader index was opened")
    script.until("status after resume (leader reopened)")


def test_a_leader_index_that_is_deleted(script, pair):
    index(pair.leader, "x1")
    follow(pair, "x1")
    script.say("leader: delete index")
    script.say("status after the leader index was deleted")
    script.until("status after the leader index was deleted", 1)
    script.say("status verbose, leader index deleted")
    script.until("resume after the leader index was deleted")
    for case in (
        "write to the follower after the leader index was deleted",
        "stop after the leader index was deleted",
        "status after that stop",
        "follower writable after that stop",
    ):
        script.say(case)


def test_a_leader_index_that_is_made_again(script, pair):
    index(pair.leader, "x2")
    follow(pair, "x2")
    pair.leader.must("DELETE", "/x2")
    index(pair.leader, "x2", 2)
    script.until("status after the leader index was deleted and made again", 1)
    script.until("resume some seconds later, leader index was made again")
    script.say("status after that resume")


def test_a_deletion_that_is_replicated(script, pair):
    setting = "plugins.replication.replicate.delete_index"
    pair.follower.must("PUT", "/_cluster/settings", {"persistent": {setting: True}})
    index(pair.leader, "gone")
    follow(pair, "gone")
    pair.leader.must("DELETE", "/gone")
    until(lambda: pair.follower("HEAD", "/gone").status == 404, 60)
    assert pair.status("gone") == {"status": "REPLICATION NOT IN PROGRESS"}
    pair.follower.must("PUT", "/_cluster/settings", {"persistent": {setting: None}})


def test_settings_of_the_plugin(script, pair):
    index(pair.leader, "b1")
    for case in (
        "speed up metadata sync (minimum 5s)",
        "metadata sync interval below minimum",
        "autofollow poll interval below minimum",
        "plugins.replication.follower.block.start",
        "start while block.start is set",
        "autofollow create while block.start is set",
        "unset block.start",
    ):
        script.say(case)


def test_a_leader_that_is_down(script, pair, sandbox):
    for name in ("l1", "w1", "c1", "n1"):
        index(pair.leader, name)
        if name != "n1":
            follow(pair, name, "f1" if name == "l1" else name)
    follow_rule = {"leader_alias": "conn", "name": "ff", "pattern": "ff-*", "use_roles": pair.start("x")["use_roles"]}
    pair.follower.must("POST", "/_plugins/_replication/_autofollow", follow_rule)
    sandbox.control("/nodes/state", {"domain": pair.leader.name, "state": "killed"})
    for case in (
        "status right after the leader was killed",
        "remote info after the leader was killed",
        "start while the leader is down",
        "autofollow create while the leader is down",
        "autofollow delete while the leader is down",
        "pause while the leader is down",
        "resume while the leader is down",
        "stop while the leader is down",
        "status after stop while the leader is down",
        "write to the follower after stop while the leader is down (failover)",
        "write to a still replicating follower while the leader is down",
        "update while the leader is down",
        "status while the leader is down, up to 60 s",
        "status verbose while the leader is down",
    ):
        script.until(case, seconds=10) if case.startswith("remote info") else script.say(case)
    script.say("autofollow delete of an existing rule while the leader is down")
    sandbox.control("/nodes/state", {"domain": pair.leader.name, "state": "running"}, seconds=120)
    script.until("status after the leader came back", seconds=90)


def test_rules(script, pair):
    for case in (
        "autofollow create: missing pattern",
        "autofollow create: missing name",
        "autofollow create: unknown field",
        "autofollow create: bad name",
        "autofollow create: upper-case pattern is accepted and matches nothing",
        "autofollow create: bad pattern chars",
        "autofollow create: same name, other pattern",
        "autofollow delete: clean up the upper-case rule",
    ):
        script.say(case)
    for name in ("af-old1", "af-old2", "af-old3", "af-clash", "af-closed"):
        index(pair.leader, name, 6)
    index(pair.follower, "af-clash")
    pair.leader.must("POST", "/af-closed/_close")
    script.say("autofollow create")
    script.say("autofollow stats right after create", 1)
    script.until("autofollow stats after existing indices were picked up")
    script.until("status of an auto-followed index")
    for case in (
        "status of the clashing index",
        "status of the closed leader index",
        "autofollow create: same rule again, same pattern",
        "autofollow create: same name, other pattern (overwrite?)",
        "autofollow create: other name, same pattern",
        "autofollow stats with two rules",
        "autofollow delete: r2",
        "autofollow delete: unknown rule",
        "autofollow delete: unknown alias",
        "autofollow delete: missing name",
        "autofollow delete: with pattern",
        "stop an auto-followed index",
        "autofollow delete",
        "autofollow stats after delete",
        "status of an auto-followed index after the rule was deleted",
        "autofollow delete twice",
    ):
        script.say(case)


def test_a_rule_tries_again_what_failed(script, pair):
    setting = "plugins.replication.follower.block.start"
    pair.follower.must("PUT", "/_cluster/settings", {"persistent": {setting: True}})
    index(pair.leader, "ff-1")
    script.say("autofollow create while block.start is set")
    script.until("autofollow stats with failed indices")
    pair.follower.must("PUT", "/_cluster/settings", {"persistent": {setting: None}})
    script.until("autofollow stats after the failed index recovered", seconds=90)


def test_the_way_back(script, pair):
    index(pair.leader, "fb", 4)
    follow(pair, "fb")
    pair.follower.must("POST", "/_plugins/_replication/fb/_stop", {})
    pair.connect(pair.leader, pair.follower, "back")
    script.say("failback: start on the old leader while its index exists")
    pair.leader.must("DELETE", "/fb")
    script.say("failback: start after deleting the old leader index")
    script.until("failback status")


@pytest.fixture
def secured(pair):
    """A script with the roles that were recorded, who may do everything as far as IAM is concerned."""
    iam, keys = pair.leader.client("iam"), {}
    for name in ("tandem", "repl", "other"):
        every = [{"Effect": "Allow", "Action": "es:ESHttp*", "Resource": "*"}]
        try:
            keys[f"{ARN}{name}"] = pair.leader.role(name, every)[1]
        except iam.exceptions.EntityAlreadyExistsException:
            sts = pair.leader.client("sts")
            keys[f"{ARN}{name}"] = sts.assume_role(RoleArn=f"{ARN}{name}", RoleSessionName="session")["Credentials"]
    return Script(pair, keys)


def test_security_before_a_mapping(secured):
    for case in (
        "security: no credentials",
        "security: wrong password",
    ):
        recorded = CASES[case][0]
        secured.say(case, answer=secured.pair.follower.send(recorded["request"]["method"], recorded["request"]["path"]))
    for case in (
        "security: proxy user before mapping",
        "security: proxy user security api before mapping",
        "security: proxy user start before mapping",
        "security: proxy user status before mapping",
        "security: proxy user pause before mapping",
        "security: proxy user stop before mapping",
        "security: proxy user autofollow before mapping",
        "security: proxy user autofollow_stats before mapping",
        "security: proxy user follower_stats before mapping",
        "security: proxy user leader_stats before mapping",
        "security: get mapping of a role not mapped",
        "security: roles built in",
        "security: put mapping: unknown role",
        "security: put mapping: empty body",
        "security: put mapping: unknown key",
        "security: patch mapping: add to a mapping that does not exist",
        "security: delete mapping that does not exist",
        "security: put role built in, reserved",
    ):
        secured.say(case)
    secured.say("security: roles built in", 1)


def test_security_of_a_start(secured, pair):
    for name in ("s1", "s2", "s3", "s4", "s7", "s8"):
        index(pair.leader, name, 3)
    for case in (
        "security: A start as all_access on both sides, without use_roles",
        "security: A status",
        "security: A2 start as all_access, use_roles = replication roles that the user is not mapped to",
        "security: A3 start as all_access, use_roles = all_access on both sides",
        "security: A4 use_roles: only the leader role given",
        "security: A5 use_roles: role does not exist",
        "security: B0 start: user mapped on neither side",
    ):
        secured.say(case)
    secured.until("security: A3 status", 3)
    pair.leader.map(LEADER_ROLE, f"{ARN}repl")
    secured.say("security: B3 start: mapped on the leader only")
    pair.leader.must("DELETE", f"/_plugins/_security/api/rolesmapping/{LEADER_ROLE}")
    pair.follower.map(FOLLOWER_ROLE, f"{ARN}repl")
    secured.say("security: B1 start: mapped on the follower only")
    secured.say("security: B1 start without use_roles: mapped on the follower only")
    pair.leader.map(LEADER_ROLE, f"{ARN}repl")
    for case in (
        "security: B2 start without use_roles: mapped on both",
        "security: B4 start: mapped on both sides",
        "security: B4 start a missing leader index as the mapped user",
    ):
        secured.say(case)
    secured.until("security: B4 status as the mapped user")
    for case in (
        "security: B4 verbose status as the mapped user",
        "security: B4 follower_stats as the mapped user",
        "security: B4 autofollow_stats as the mapped user",
        "security: B4 leader_stats as the mapped user",
        "security: B4 search the follower as the mapped user",
        "security: B4 count the leader as the mapped user",
        "security: B4 remote info as the mapped user",
        "security: B4 pause as the mapped user",
        "security: B4 resume as the mapped user",
        "security: B4 update as the mapped user",
        "security: B4 pause as all_access",
        "security: B4 resume as all_access",
    ):
        secured.say(case)
    pair.follower.map(FOLLOWER_ROLE, f"{ARN}repl", f"{ARN}other")
    secured.say("security: start: another principal mapped on the follower only")
    master = {"users": ["master"], "backend_roles": [f"{ARN}repl"]}
    pair.follower.must("PUT", f"/_plugins/_security/api/rolesmapping/{FOLLOWER_ROLE}", master)
    half = "security: start: all_access user mapped to the follower role, but not to the leader role, on the leader"
    secured.say(half)
    pair.leader.must("PUT", f"/_plugins/_security/api/rolesmapping/{LEADER_ROLE}", master)
    for case in (
        "security: start: all_access user also mapped to both replication roles",
        "security: start twice with security",
        "security: stop",
    ):
        secured.say(case)


def test_security_after_a_mapping_is_gone(secured, pair):
    index(pair.leader, "s4", 3)
    index(pair.leader, "sf-1", 3)
    pair.follower.map(FOLLOWER_ROLE, f"{ARN}repl")
    secured.say("security: autofollow create without use_roles")
    secured.say("security: autofollow create, leader mapping missing")
    pair.leader.map(LEADER_ROLE, f"{ARN}repl")
    secured.say("security: autofollow create")
    secured.say("security: B4 start: mapped on both sides")
    secured.until("security: B4 status as the mapped user")
    secured.until("security: status auto-followed with security", 3)
    pair.leader.must("DELETE", f"/_plugins/_security/api/rolesmapping/{LEADER_ROLE}")
    index(pair.leader, "sf-2", 3)
    for case in (
        "security: status with the leader mapping removed, as the mapped user",
        "security: status with the leader mapping removed, as all_access",
        "security: pause with the leader mapping removed",
        "security: resume with the leader mapping removed",
        "security: status after resume with the leader mapping removed",
    ):
        secured.say(case)
    secured.until("security: status of the new index: leader mapping removed", seconds=90)
    secured.until("security: autofollow stats: leader mapping removed after the rule was made", seconds=60)
    secured.say("security: autofollow delete as the mapped user")
    pair.follower.must("DELETE", f"/_plugins/_security/api/rolesmapping/{FOLLOWER_ROLE}")
    secured.say("security: status with the follower mapping removed")
    secured.say("security: stop with the follower mapping removed, as that user")


def test_security_by_name_and_without_a_connection(secured, pair):
    index(pair.leader, "s5", 3)
    index(pair.leader, "s6", 3)
    pair.follower.map(FOLLOWER_ROLE, f"{ARN}repl")
    users = {"users": [f"{ARN}repl"]}
    pair.leader.must("PUT", f"/_plugins/_security/api/rolesmapping/{LEADER_ROLE}", users)
    secured.say("security: start: leader maps the user by name, follower by backend role")
    secured.until("security: status after start", 2)
    pair.until_status("s5", "SYNCING")
    until(lambda: b"FORBIDDEN/1000" in pair.follower("PUT", "/s5/_doc/1", {"n": 1}).body)
    for case in (
        "security: write to follower as all_access",
        "security: delete follower index as all_access while replicating",
        "security: stop as the mapped user",
        "security: delete follower index as the mapped user",
    ):
        secured.say(case)
    follow(pair, "s6")
    pair.disconnect()
    secured.until("security: status after the connection was removed", 1, seconds=60)
    secured.say("security: stop after the connection was removed")
    secured.say("security: status after that")


def test_a_pause_of_more_than_twelve_hours(pair: Pair, sandbox):
    """Not recorded, since nobody waited; the stand-in only."""
    if sandbox.control("/nodes")["nodes"][0]["replicates"]:
        pytest.skip("the real plugin waits twelve real hours")
    index(pair.leader, "l1")
    follow(pair, "l1")
    pair.follower.must("POST", "/_plugins/_replication/l1/_pause", {})
    assert sandbox.control("/replication/expire", {"domain": pair.follower.name})["expired"] == ["l1"]
    answer = pair.follower("POST", "/_plugins/_replication/l1/_resume", {})
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (404, "resource_not_found_exception")
    assert pair.status("l1")["status"] == "PAUSED"


def test_a_bootstrap_can_be_stopped_but_not_paused(pair, sandbox, script):
    """On a slow line, which makes any index large."""
    index(pair.leader, "big", 4000)
    sandbox.control("/links", {"alias": pair.alias, "delay": 0.4})
    pair.follower.must("PUT", "/_plugins/_replication/big/_start", pair.start("big"))
    script.until("status bootstrapping", seconds=20)
    for case in ("pause while bootstrapping", "resume while bootstrapping", "start while bootstrapping"):
        script.say(case)
    pair.follower.must("POST", "/_plugins/_replication/big/_stop", {})
    assert pair.follower("HEAD", "/big").status == 404
    sandbox.control("/links", {"alias": pair.alias, "delay": 0})


def test_every_recorded_case_was_said(request):
    """A case in the file that no test says is a case nobody checks."""
    asked = [item for item in request.session.items if item.fspath == request.node.fspath]
    if len(asked) < 20:
        pytest.skip("only some of the tests were asked for")
    assert set(CASES) - SAID == set()
