"""The stand-in for the replication plugin, which no package registry has.

It answers `_plugins/_replication/*` on the endpoint of a domain as the plugin does, and moves the documents itself.
What it does not imitate is listed in `tests/opensearch/README.md`.
Of `data.DataPlane` it needs `joint`, `joints`, `replication` and `world`.
"""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, unquote

from opensearch.node import Answer

from ..blocked import flatten
from ..links import Unreachable
from . import permissions, requests
from .copying import Closed, Copier, Gone, Leader, aliases_of, mapping_of, replicated_settings
from .followers import Follower, Following
from .guard import Guard
from .permissions import User
from .requests import PluginError, acknowledged

_INDEX = "indices:admin/plugins/replication/index"
_VALIDATE = f"{_INDEX}/setup/validate"
_PATH = re.compile(r"^/_plugins/_replication/([^/]+)(?:/([^/]+))?/?$")
_VERBS = {
    "_start": ("PUT", "start"),
    "_stop": ("POST", "stop"),
    "_pause": ("POST", "pause"),
    "_resume": ("POST", "resume"),
    "_update": ("PUT", "update"),
    "_status": ("GET", "status"),
}
_OURS = "plugins.replication."
# Settings of the plugin with a least value, in seconds.
_LEAST = {
    "plugins.replication.follower.metadata_sync_interval": 5,
    "plugins.replication.autofollow.fetch_poll_interval": 30,
    "plugins.replication.autofollow.retry_poll_interval": 60,
}


class Replication:
    """What replicates to one domain."""

    def __init__(self, plane: object, placement: object):
        self._plane, self._placement, self._node = plane, placement, placement.node
        self.domain = placement.domain
        self._followers: dict[str, Follower] = {}
        self._rules: dict[str, Following] = {}
        self._stopped: set[str] = set()
        self._settings: dict[str, object] = {}
        self._looks: dict[str, tuple[float, dict]] = {}
        self._looking = threading.Lock()
        self._lock = threading.RLock()
        self._guard = Guard(self._node, lambda: {f.index for f in self.followers() if f.restored.is_set()})
        self._workers = ThreadPoolExecutor(6, thread_name_prefix="sandbox-replicate")
        self._ended = threading.Event()
        self._kick = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="sandbox-replication").start()

    def close(self) -> None:
        """The domain is gone."""
        for follower in self.followers():
            follower.is_over = True
        self._ended.set()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def followers(self) -> list[Follower]:
        with self._lock:
            return list(self._followers.values())

    def follows(self, index: str) -> bool:
        with self._lock:
            return index in self._followers

    def expire(self, index: str | None) -> list[str]:
        """The leader forgets what paused indexes have not read; answers which."""
        found = [f for f in self.followers() if index in (None, f.index)]
        for follower in found:
            follower.has_lease = False
        return [f.index for f in found]

    # What is asked.

    def intercept(self, method: str, target: str, body: bytes, user: dict) -> Answer | None:
        """The answer to what the plugin would answer or change, None for everything else."""
        path, _, query = target.partition("?")
        try:
            if path.startswith("/_plugins/_replication/"):
                return self._serve(method, path, parse_qs(query), body, user)
            if path.rstrip("/") == "/_cluster/settings":
                return self._cluster_settings(method, target, body, user)
            if refused := self._guard.refuse(method, target, body, user):
                return refused
            if method == "GET" and (self._followers or self._stopped):
                return self._decorated(path, target, user)
        except permissions.Refused as refused:
            return refused.answer
        except PluginError as error:
            return error.answer()
        return None

    def _serve(self, method: str, path: str, query: dict, body: bytes, headers: dict) -> Answer:
        found = _PATH.match(path)
        first, second = (unquote(found[1]), found[2]) if found else ("", None)
        whole = {
            "_autofollow": {"POST": self._create_rule, "DELETE": self._delete_rule},
            "autofollow_stats": {"GET": self._rule_stats},
            "follower_stats": {"GET": self._follower_stats},
            "leader_stats": {"GET": self._leader_stats},
        }
        if second in _VERBS:
            expected, name = _VERBS[second]
            if method != expected:
                return _wrong_method(path, method, [expected])
            return getattr(self, f"_{name}")(first, body, query, headers)
        if second is None and first in whole:
            if method not in whole[first]:
                return _wrong_method(path, method, sorted(whole[first]))
            return whole[first][method](body, headers)
        return acknowledged({"error": f"no handler found for uri [{path}] and method [{method}]"}, 400)

    def _start(self, index: str, body: bytes, query: dict, headers: dict) -> Answer:
        asked = requests.parse_start(index, body)
        user = permissions.look_up(self._node, headers)
        permissions.require(self._node, user, f"{_INDEX}/start", index)
        leader = self._set_up(user, asked.alias, asked.roles, asked.leader_index, index)
        follower = self._begin(leader, asked.alias, asked.leader_index, index, asked.settings)
        if query.get("wait_for_restore") == ["true"]:
            follower.restored.wait(timeout=60)
        return acknowledged()

    def _set_up(self, user: User, alias: str, roles: tuple[str, str] | None, there: str, here: str) -> Leader:
        """The leader behind the alias, after the checks that the plugin makes, in its order."""
        if roles is None and not user.is_superuser:
            raise requests.forbidden("Follower roles are mandatory for replication")
        permissions.require(self._node, user, _VALIDATE, here)
        leader = self._leader(alias)
        try:
            leader.ask("GET", "/")
            twin = permissions.same_on(leader.node, user)
        except Unreachable as error:
            raise requests.unreachable(leader.address) from error
        permissions.require(leader.node, twin, _VALIDATE, there)
        if roles is not None:
            permissions.require_role(self._node, user, roles[1])
            permissions.require_role(leader.node, twin, roles[0])
        return leader

    def _begin(self, leader: Leader, alias: str, leader_index: str, index: str, overrides: dict) -> Follower:
        """Make the follower index and let it fill."""
        found = self._look(leader, leader_index)
        if self._leads_a_chain(alias, leader_index):
            raise requests.bad(f"Cannot Replicate a Replicated Index {leader_index}")
        path = f"/_cluster/state/metadata/{index}?ignore_unavailable=true&expand_wildcards=all"
        here = self._node.request("GET", path)
        present = here.json().get("metadata", {}).get("indices", {})
        if index in present or self.follows(index):
            raise requests.bad(f"Cant use same index again for replication. Delete the index:{index}")
        self._validate(overrides)
        if str(self._settings.get("plugins.replication.follower.block.start")).lower() == "true":
            raise PluginError(403, "status_exception", "[FORBIDDEN] Replication START block is set")
        # Busy until its index is made.
        follower = Follower(index, alias, leader_index, found["uuid"], overrides, is_busy=True)
        with self._lock:
            if index in self._followers:
                raise requests.bad(f"Cant use same index again for replication. Delete the index:{index}")
            self._followers[index] = follower
            self._stopped.discard(index)
        if present or "index.number_of_shards" in overrides:
            # An alias of that name, or shards that cannot be.
            time.sleep(self._plane.world.timing.replication_start[1])
            follower.state = "FAILED"
            follower.reason = f"Unable to initiate restore call for {index} from {alias}:{leader_index}"
            raise PluginError(500, "illegal_state_exception", "Timed out when waiting for persistent task after 30s")
        try:
            body = {
                "settings": replicated_settings(leader, leader_index, overrides),
                "mappings": mapping_of(leader, leader_index),
                "aliases": aliases_of(leader, leader_index),
            }
            made = self._node.request("PUT", f"/{index}?wait_for_active_shards=1", body)
            if made.status != 200:
                raise PluginError(500, "exception", f"cannot make the follower index: {made.body[:300]!r}")
            follower.copier = Copier(leader, self._node, leader_index, index)
        except BaseException:
            with self._lock:
                self._followers.pop(index, None)
            raise
        self._submit(follower)
        return follower

    def _look(self, leader: Leader, leader_index: str) -> dict:
        """The leader's index, open."""
        try:
            found = leader.indices(leader_index)
        except Unreachable as error:
            raise requests.unreachable(leader.address) from error
        if leader_index not in found:
            if found:
                alias = next((j.connection.alias for j in self._plane.joints() if j.leader.node is leader.node), "")
                raise requests.no_alias(f"{alias}:{leader_index}")
            raise requests.no_index(leader_index)
        if found[leader_index]["state"] != "open":
            raise requests.closed(leader_index, found[leader_index]["uuid"])
        return found[leader_index]

    def _leads_a_chain(self, alias: str, leader_index: str) -> bool:
        joint = self._plane.joint(self.domain, alias)
        other = self._plane.replication(joint.leader.domain) if joint else None
        return other is not None and other.follows(leader_index)

    def _stop(self, index: str, body: bytes, query: dict, headers: dict) -> Answer:
        requests.parse_verb("stop", body)
        follower = self._existing(index, "stop", headers)
        was = follower.state
        follower.is_over = True
        with follower.work:
            with self._lock:
                self._followers.pop(index, None)
            if was in ("RUNNING", "BOOTSTRAPPING") and not follower.restored.is_set():
                self._node.request("DELETE", f"/{index}")
            elif was != "FAILED":
                self._stopped.add(index)
                self._node.request("POST", f"/{index}/_close")
                self._node.request("POST", f"/{index}/_open?wait_for_active_shards=1")
        return acknowledged()

    def _pause(self, index: str, body: bytes, query: dict, headers: dict) -> Answer:
        given = requests.parse_verb("pause", body)
        follower = self._existing(index, "pause", headers)
        if follower.state == "PAUSED":
            raise requests.exists(f"Index {index} is already paused")
        if follower.state == "FAILED":
            raise PluginError(500, "illegal_state_exception", "Cannot pause when in FAILED state")
        if not follower.restored.is_set():
            raise requests.failed(
                f"Index is in restore phase currently for index: {index}. You can pause after restore completes."
            )
        follower.state, follower.reason = "PAUSED", given.get("reason") or "User initiated"
        with follower.work:
            return acknowledged()

    def _resume(self, index: str, body: bytes, query: dict, headers: dict) -> Answer:
        requests.parse_verb("resume", body)
        follower = self._existing(index, "resume", headers)
        if follower.state != "PAUSED":
            raise requests.exists(f"Replication on Index {index} is already running")
        leader = self._leader(follower.alias)
        found = self._look(leader, follower.leader_index)
        if found["uuid"] != follower.leader_uuid or not follower.has_lease:
            reason = f"Retention lease doesn't exist. Replication can't be resumed for {index}"
            raise PluginError(404, "resource_not_found_exception", reason)
        copier = Copier(leader, self._node, follower.leader_index, index)
        follower.copier, follower.missed, follower.waits = copier, None, 0.0
        follower.state, follower.reason = "SYNCING", "User initiated"
        self._submit(follower)
        return acknowledged()

    def _update(self, index: str, body: bytes, query: dict, headers: dict) -> Answer:
        settings = requests.parse_update(body)
        follower = self._existing(index, "update", headers)
        ours = {n: v for n, v in settings.items() if not n.startswith("index.plugins.replication.")}
        ours.pop("index.number_of_shards", None)
        self._validate(ours)
        follower.overrides = {n: v for n, v in ours.items() if not n.startswith("index.blocks.")}
        return acknowledged()

    def _existing(self, index: str, verb: str, headers: dict) -> Follower:
        user = permissions.look_up(self._node, headers)
        permissions.require(self._node, user, f"{_INDEX}/{verb}", index)
        with self._lock:
            follower = self._followers.get(index)
        if follower is None:
            raise requests.bad(f"No replication in progress for index:{index}")
        return follower

    def _validate(self, settings: dict) -> None:
        """An unknown setting is refused by the node itself, in its own words."""
        if not settings:
            return
        body = {"index_patterns": ["tandem-none"], "template": {"settings": settings}}
        answer = self._node.request("POST", "/_index_template/_simulate", body)
        if answer.status != 200:
            for found in re.findall(r"unknown setting \[[^\]]+\][^\"\\]*", answer.body.decode(errors="replace")):
                raise requests.unknown_setting(found.rstrip(";").partition(";")[0])
            error = answer.json().get("error", {})
            raise requests.bad(str(error.get("reason", "the settings are not valid")))

    # What is shown.

    def _status(self, index: str, body: bytes, query: dict, headers: dict) -> Answer:
        user = permissions.look_up(self._node, headers)
        permissions.require(self._node, user, f"{_INDEX}/status_check", index)
        with self._lock:
            follower = self._followers.get(index)
        nothing = acknowledged({"status": "REPLICATION NOT IN PROGRESS"})
        if follower is None:
            return nothing
        if not follower.is_active or follower.state == "RUNNING":
            return acknowledged(follower.shown())
        joint = self._plane.joint(self.domain, follower.alias)
        if joint is None:
            return nothing
        try:
            _, shards = self._leader(follower.alias).shards(follower.leader_index)
        except Gone:
            return nothing
        except (Unreachable, Closed):
            raise requests.no_status() from None
        verbose = query.get("verbose") == ["true"]
        if follower.state == "BOOTSTRAPPING":
            details = self._bootstrap(follower, shards)
            named = [{"shard_id": f"[{index}][{n}]", "bootstrap_task_details": details} for n in sorted(shards)]
            more = {"bootstrap_details": details}
        else:
            each = {
                n: {
                    "leader_checkpoint": shard.checkpoint,
                    "follower_checkpoint": follower.done.get(n, -1),
                    "seq_no": follower.done.get(n, -1) + 1,
                }
                for n, shard in sorted(shards.items())
            }
            total = {name: sum(d[name] for d in each.values()) for name in next(iter(each.values()), {})}
            named = [{"shard_id": f"[{index}][{n}]", "syncing_task_details": d} for n, d in each.items()]
            more = {"syncing_details": total}
        return acknowledged(follower.shown(**more, **({"shard_replication_details": named} if verbose else {})))

    def _bootstrap(self, follower: Follower, shards: dict) -> dict:
        total = sum(shard.checkpoint + 1 for shard in shards.values()) * 100
        done = follower.copier.bytes if follower.copier else 0
        total = max(total, done)
        return {
            "bytes_total": total,
            "bytes_recovered": done,
            "bytes_percent": round(100.0 * done / total, 5) if total else 0.0,
            "files_total": len(shards),
            "files_recovered": len(follower.done),
            "files_percent": round(100.0 * len(follower.done) / max(1, len(shards)), 5),
            "start_time": int(follower.started * 1000),
            "running_time": int((time.time() - follower.started) * 1000),
        }

    def _follower_stats(self, body: bytes, headers: dict) -> Answer:
        self._may_see("indices:admin/plugins/replication/follower/stats", headers)
        all_of_them = self.followers()
        running = [f for f in all_of_them if f.is_active]
        each = {f.index: f.counters() for f in running}
        counted = {name: sum(c[name] for c in each.values()) for name in Follower("", "", "", "", {}).counters()}
        return acknowledged(
            {
                "num_syncing_indices": sum(f.state in ("SYNCING", "RUNNING") for f in running),
                "num_bootstrapping_indices": sum(f.state == "BOOTSTRAPPING" for f in running),
                "num_paused_indices": sum(f.state == "PAUSED" for f in all_of_them),
                "num_failed_indices": sum(f.state == "FAILED" for f in all_of_them),
                "num_shard_tasks": sum(max(1, len(f.done)) for f in running),
                "num_index_tasks": len(running),
                **counted,
                "index_stats": each,
            }
        )

    def _leader_stats(self, body: bytes, headers: dict) -> Answer:
        self._may_see(f"{_INDEX}/stats", headers)
        each: dict[str, dict] = {}
        for joint in self._plane.joints():
            other = self._plane.replication(joint.follower.domain) if joint.leader.domain == self.domain else None
            for follower in other.followers() if other else []:
                if follower.alias == joint.connection.alias and follower.is_active and follower.copier:
                    each[follower.leader_index] = _read_counters(follower.copier)
        total = {name: sum(c[name] for c in each.values()) for name in _read_counters(None)}
        return acknowledged({"num_replicated_indices": len(each), **total, "index_stats": each})

    def _rule_stats(self, body: bytes, headers: dict) -> Answer:
        self._may_see("indices:admin/plugins/replication/autofollow/stats", headers)
        with self._lock:
            rules = list(self._rules.values())
        counters = [rule.counters() for rule in rules]
        return acknowledged(
            {
                "num_success_start_replication": sum(c["num_success_start_replication"] for c in counters),
                "num_failed_start_replication": sum(c["num_failed_start_replication"] for c in counters),
                "num_failed_leader_calls": sum(c["num_failed_leader_calls"] for c in counters),
                "failed_indices": sorted({name for c in counters for name in c["failed_indices"]}),
                "autofollow_stats": [rule.shown() for rule in rules],
            }
        )

    def _may_see(self, action: str, headers: dict) -> None:
        permissions.require(self._node, permissions.look_up(self._node, headers), action, "*")

    # Rules.

    def _create_rule(self, body: bytes, headers: dict) -> Answer:
        asked = requests.parse_rule(body, creates=True)
        user = self._may_rule(headers)
        self._set_up(user, asked.alias, asked.roles, asked.pattern, asked.pattern)
        self._validate(asked.settings)
        rule = Following(asked.alias, asked.name, asked.pattern, asked.settings)
        rule.due = time.monotonic() + self._plane.world.draw("autofollow_first")
        with self._lock:
            if rule.key in self._rules:
                cause = {
                    "type": "resource_already_exists_exception",
                    "reason": f"task with id {{autofollow:{rule.key}}} already exist",
                }
                reason = "Exisiting autofollow replication rule cannot be recreated/updated"
                raise PluginError(500, "exception", reason, cause, cause)
            self._rules[rule.key] = rule
        self._kick.set()
        return acknowledged()

    def _delete_rule(self, body: bytes, headers: dict) -> Answer:
        asked = requests.parse_rule(body, creates=False)
        self._may_rule(headers)
        with self._lock:
            rule = self._rules.pop(f"{asked.alias}:{asked.name}", None)
        if rule is None:
            raise requests.failed(f"Autofollow replication rule {asked.alias}:{asked.name} does not exist")
        rule.is_over = True
        return acknowledged()

    def _may_rule(self, headers: dict) -> User:
        user = permissions.look_up(self._node, headers)
        permissions.require(self._node, user, "cluster:admin/plugins/replication/autofollow/update", None)
        return user

    def _follow(self, rule: Following) -> None:
        """One poll of a rule: at most three new indexes."""
        now, world = time.monotonic(), self._plane.world
        rule.last = int(time.time() * 1000)
        rule.due = now + world.draw("autofollow_poll")
        try:
            leader = self._leader(rule.alias)
            # With an upper-case letter in it a pattern matches nothing, and `all` includes hidden indexes.
            found = leader.ask("GET", "/_cat/indices?format=json&expand_wildcards=all&h=index,status").json()
        except (Unreachable, PluginError):
            rule.failed_calls += 1
            return
        here = self._node.request("GET", "/_cat/indices?format=json&expand_wildcards=all&h=index").json()
        taken = {row["index"] for row in here} | {f.index for f in self.followers()}
        pattern = re.compile(re.escape(rule.pattern).replace(r"\*", ".*"))
        room = int(self._settings.get("plugins.replication.autofollow.concurrent_replication_jobs_trigger_size") or 3)
        for row in sorted(found, key=lambda row: row["index"]):
            index = row["index"]
            if rule.is_over or room <= 0:
                return
            if row["status"] != "open" or index in taken or not pattern.fullmatch(index):
                if index in taken:
                    rule.failed.pop(index, None)
                continue
            if rule.failed.get(index, 0) > now:
                continue
            room -= 1
            try:
                if index.startswith("."):
                    raise requests.invalid(f"Value {index} must not start with '.'")
                self._begin(leader, rule.alias, index, index, dict(rule.overrides))
                rule.failed.pop(index, None)
                rule.started += 1
            except (PluginError, Unreachable, Gone, Closed):
                rule.failed[index] = now + world.draw("autofollow_retry")

    # What goes on by itself.

    def _run(self) -> None:
        while not self._ended.is_set():
            now = time.monotonic()
            for follower in self.followers():
                if follower.is_active and not follower.is_busy and not follower.is_stuck and follower.due <= now:
                    self._submit(follower)
            with self._lock:
                due = [rule for rule in self._rules.values() if rule.due <= now]
            for rule in due:
                try:
                    self._follow(rule)
                except Exception as error:  # noqa: BLE001 - a rule goes on whatever happens
                    self._note(f"rule {rule.key}", error)
                    rule.due = time.monotonic() + 1
            self._kick.wait(0.05)
            self._kick.clear()

    def _submit(self, follower: Follower) -> None:
        follower.is_busy = True
        try:
            self._workers.submit(self._step, follower)
        except RuntimeError:
            # Closed meanwhile.
            follower.is_busy = False

    def _step(self, follower: Follower) -> None:
        timing = self._plane.world.timing
        try:
            with follower.work:
                if follower.is_active:
                    self._advance(follower)
            follower.waits = 0.0
            follower.due = time.monotonic() + timing.replication_poll[1]
        except Unreachable:
            if not follower.restored.is_set():
                # As the plugin: the bootstrap does not go on when the leader is back.
                follower.is_stuck = True
            follower.waits = min(max(follower.waits * 2, timing.replication_poll[1]), timing.replication_back_off[1])
            follower.due = time.monotonic() + follower.waits
        except Gone:
            text = f"no such index [{follower.leader_index}]"
            self._miss(follower, "org.opensearch.index.IndexNotFoundException", text)
        except Closed:
            self._miss(follower, "org.opensearch.indices.IndexClosedException", "closed")
        except PluginError as error:
            if error.kind == "no_such_remote_cluster_exception":
                self._miss(follower, "org.opensearch.transport.NoSuchRemoteClusterException", error.reason)
        except Exception as error:  # noqa: BLE001 - the follower's node may be down, and comes back
            if not self._ended.is_set() and not follower.is_over:
                self._note(f"index {follower.index}", error)
            follower.due = time.monotonic() + 0.5
        finally:
            follower.is_busy = False

    def _advance(self, follower: Follower) -> None:
        leader = self._leader(follower.alias)
        uuid, shards = self._look_at_shards(leader, follower)
        if uuid != follower.leader_uuid:
            raise Gone(follower.leader_index)
        follower.missed = None
        if not follower.restored.is_set():
            follower.state, follower.started = "BOOTSTRAPPING", time.time()
        for number, shard in sorted(shards.items()):
            follower.fetched[number] = shard.checkpoint
            done = follower.done.setdefault(number, -1)
            if shard.checkpoint > done:
                copier = follower.copier
                if not copier.bring_up(number, done, shard.checkpoint, lambda: not follower.is_active):
                    return
                follower.done[number] = shard.checkpoint
        if not follower.restored.is_set():
            self._node.request("POST", f"/{follower.index}/_refresh")
            follower.restored.set()
        if follower.state in ("RUNNING", "BOOTSTRAPPING"):
            follower.state = "SYNCING"
        if time.monotonic() - follower.synced > self._plane.world.timing.replication_metadata[1]:
            self._copy_metadata(leader, follower)
            follower.synced = time.monotonic()

    def _look_at_shards(self, leader: Leader, follower: Follower) -> tuple[str, dict]:
        """How far the leader is; all indexes of one leader share a look at it."""
        with self._looking:
            at, seen = self._looks.get(follower.alias, (0.0, {}))
            if time.monotonic() - at > self._plane.world.timing.replication_poll[0] / 2:
                seen = leader.all_shards()
                self._looks[follower.alias] = (time.monotonic(), seen)
        # Closed or gone: its own request tells which.
        return seen.get(follower.leader_index) or leader.shards(follower.leader_index)

    def _copy_metadata(self, leader: Leader, follower: Follower) -> None:
        """Settings and aliases; a setting that cannot change in an open index closes it for a moment."""
        index = follower.index
        wanted = replicated_settings(leader, follower.leader_index, follower.overrides)
        shown = self._node.request("GET", f"/{index}/_settings?flat_settings=true").json()[index]["settings"]
        current = replicated_settings(_Same(shown), index, {})
        changes = {name: value for name, value in wanted.items() if _text(current.get(name)) != _text(value)}
        changes.update(dict.fromkeys(name for name in current if name not in wanted))
        changes.pop("index.number_of_shards", None)
        if changes:
            answer = self._node.request("PUT", f"/{index}/_settings", changes)
            if answer.status == 400 and b"non dynamic" in answer.body:
                follower.state = "RUNNING"
                self._node.request("POST", f"/{index}/_close")
                self._node.request("PUT", f"/{index}/_settings", changes)
                self._node.request("POST", f"/{index}/_open?wait_for_active_shards=1")
                follower.state = "SYNCING"
        theirs = aliases_of(leader, follower.leader_index)
        ours = next(iter(self._node.request("GET", f"/{index}/_alias").json().values()))["aliases"]
        actions = [{"add": {"index": index, "alias": a, **theirs[a]}} for a in theirs if ours.get(a) != theirs[a]]
        actions += [{"remove": {"index": index, "alias": a}} for a in ours if a not in theirs]
        if actions:
            self._node.request("POST", "/_aliases", {"actions": actions})

    def _miss(self, follower: Follower, exception: str, text: str) -> None:
        """The leader's index is not what it was: wait a little, then pause."""
        timing, now = self._plane.world.timing, time.monotonic()
        if follower.missed is None:
            follower.missed = (now, exception)
        follower.due = now + timing.replication_poll[1]
        if now - follower.missed[0] < timing.replication_auto_pause[1]:
            return
        deletes = str(self._settings.get("plugins.replication.replicate.delete_index")).lower() == "true"
        if deletes and "IndexNotFound" in exception:
            with self._lock:
                self._followers.pop(follower.index, None)
            follower.is_over = True
            self._node.request("DELETE", f"/{follower.index}")
            return
        if follower.is_active:
            follower.state = "PAUSED"
            follower.reason = f'AutoPaused:  + [[{follower.index}][0] - {exception} - "{text}"], '

    def _leader(self, alias: str) -> Leader:
        joint = self._plane.joint(self.domain, alias)
        if joint is None:
            raise requests.no_remote(alias)
        return Leader(joint.leader.node, joint.link.travel, joint.link.address)

    def _note(self, what: str, error: Exception) -> None:
        what = f"replication of {self.domain.name}, {what}"
        self._plane.world.journal.add("note", what=what, error=repr(error)[:500])

    # What the plugin adds to the answers of others.

    def _cluster_settings(self, method: str, target: str, body: bytes, user: dict) -> Answer | None:
        """The plugin's settings, which a node without it does not know."""
        if method == "GET" and self._settings:
            answer = self._node.request("GET", target, headers=user)
            if answer.status == 200 and "flat_settings=true" in target:
                content = answer.json()
                content["persistent"].update({n: str(v) for n, v in self._settings.items()})
                return acknowledged(content)
            return answer
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            return None
        if method != "PUT" or not isinstance(given, dict):
            return None
        ours = {}
        for kind in ("persistent", "transient"):
            flat = flatten(given.get(kind) or {})
            ours.update({n: v for n, v in flat.items() if n.startswith(_OURS)})
            if kind in given:
                given[kind] = {n: v for n, v in flat.items() if not n.startswith(_OURS)}
        if not ours:
            return None
        user_here = permissions.look_up(self._node, user)
        permissions.require(self._node, user_here, "cluster:admin/settings/update", None)
        for name, value in ours.items():
            least = _LEAST.get(name)
            if value is not None and least is not None and _seconds(str(value)) < least:
                raise requests.bad(f"failed to parse value [{value}] for setting [{name}], must be >= [{least}s]")
        for name, value in ours.items():
            self._settings.pop(name, None)
            if value is not None:
                self._settings[name] = value
        if any(given.get(kind) for kind in ("persistent", "transient")):
            return self._node.request("PUT", target, given, headers={**user, "content-type": "application/json"})
        shown = _nested({n: _text(v) for n, v in ours.items() if v is not None})
        return acknowledged({"acknowledged": True, "persistent": shown, "transient": {}})

    def _decorated(self, path: str, target: str, user: dict) -> Answer | None:
        """Settings with the leader's index in them, and the blocks of the cluster state."""
        if re.fullmatch(r"/[^/_][^/]*/_settings(/.*)?", path):
            answer = self._node.request("GET", target, headers=user)
            if answer.status != 200:
                return answer
            content = answer.json()
            for index, item in content.items():
                with self._lock:
                    follower, stopped = self._followers.get(index), index in self._stopped
                if not follower and not stopped:
                    continue
                name = "plugins.replication.follower.leader_index"
                value = f"{follower.alias}:{follower.leader_index}" if follower else None
                if "flat_settings=true" in target:
                    item["settings"][f"index.{name}"] = value
                else:
                    item["settings"].setdefault("index", {}).update(_nested({name: value}))
            return acknowledged(content)
        if path == "/_cluster/state/blocks":
            answer = self._node.request("GET", target, headers=user)
            content = answer.json()
            if answer.status == 200 and "blocks" in content:
                description = "index read-only(cross-cluster-replication)"
                block = {"description": description, "retryable": False, "levels": ["write", "metadata_write"]}
                for follower in self.followers():
                    if follower.restored.is_set():
                        content["blocks"].setdefault("indices", {}).setdefault(follower.index, {})["1000"] = block
                return acknowledged(content)
            return answer
        return None


class _Same:
    """Settings already at hand, in place of a leader that is asked for them."""

    def __init__(self, settings: dict):
        self._settings = settings

    def ask(self, method: str, path: str) -> Answer:
        return acknowledged({"": {"settings": self._settings}})


def _read_counters(copier: Copier | None) -> dict:
    operations, size = (copier.operations, copier.bytes) if copier else (0, 0)
    return {
        "operations_read": operations,
        "translog_size_bytes": size,
        "operations_read_lucene": 0,
        "operations_read_translog": operations,
        "total_read_time_lucene_millis": 0,
        "total_read_time_translog_millis": operations,
        "bytes_read": size,
    }


def _wrong_method(path: str, method: str, allowed: list[str]) -> Answer:
    sentence = f"Incorrect HTTP method for uri [{path}] and method [{method}], allowed: [{', '.join(allowed)}]"
    return acknowledged({"error": sentence, "status": 405}, 405)


def _nested(flat: dict) -> dict:
    nested: dict = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        at = nested
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = value
    return nested


def _text(value: object) -> object:
    if isinstance(value, list):
        return [_text(v) for v in value]
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
    return int(found[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else 0.0
