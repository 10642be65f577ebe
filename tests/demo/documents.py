"""The acts with documents: written on the leader, seen on the follower, proved equal, and let go."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from opensearch.node import Distribution

from .checks import NotAsPromised, require
from .people import People, arn
from .project import ROOT, Project
from .sides import Sides
from .terminal import MARGIN, Terminal

PATTERN = "logs-*"
OLD, NEW = "logs-monday", "logs-tuesday"
INDEX = "books"
REPLICATION = "follower/replication"
# Far more than it takes, also with the real plugin.
PATIENCE = 180.0


class Documents:
    """What a person sees who writes on one side and reads on the other."""

    def __init__(self, terminal: Terminal, project: Project, sides: Sides, people: People, command: Path):
        self._terminal, self._project, self._sides = terminal, project, sides
        self._people, self._command = people, command
        self._began = 0.0

    def who_replicates(self) -> str:
        """The one part of it that may not be the real one."""
        distribution = Distribution.read()
        if distribution.replicates:
            return f"The replication is the real plugin's, of OpenSearch {distribution.version}."
        return (
            f"The nodes are OpenSearch {distribution.version}. Its replication plugin is in no package registry, so something stands "
            "in for it here that moves documents as it does and answers what was recorded of it."
        )

    def follow(self) -> None:
        """Written on the leader, seen on the follower: new documents, changes, deletions."""
        self._begin()
        self._write(OLD, {f"m{n}": {"n": n, "text": "first"} for n in range(300)})
        self._write(NEW, {f"t{n}": {"n": n, "text": "first"} for n in range(200)})
        self._say(f"the leader has 500 new documents, 300 in {OLD} and 200 in {NEW}")
        for index, count in ((OLD, 300), (NEW, 200)):
            self._until(f"{index} on the follower", lambda index=index, count=count: self._count("follower", index) == count)
            self._say(f"the follower has {index} too, with {count} documents", "green")
        self._begin()
        self._write(OLD, {f"m{n}": {"n": n, "text": "second"} for n in range(40)})
        self._delete(OLD, [f"m{n}" for n in range(40, 65)])
        self._write(OLD, {f"x{n}": {"n": n, "text": "added"} for n in range(10)})
        self._say(f"on the leader, 40 documents of {OLD} are updated, 25 deleted and 10 added")
        self._until("the changes on the follower", lambda: (self._count("follower", OLD), self._second()) == (285, 40))
        self._say("the follower has the same: 285 documents, 40 of them updated", "green")

    def refuse(self) -> None:
        """Whoever writes to a follower is refused by OpenSearch itself."""
        status, answer = self._people.ask("follower", "PUT", f"/{OLD}/_doc/mine", {"n": 0})
        require(status == 403, f"A write to a follower is answered with {status}, not with 403.")
        self._terminal.paragraph(f"A follower cannot be written to: {status}, {answer['error']['reason']}")

    def prove(self) -> None:
        """`tandem compare`, as a person runs it."""
        leader, follower = self._project.leader, self._project.follower
        lines = [
            ["tandem", "compare", "--index", OLD],
            ["--leader", self._people.endpoint("leader"), "--leader-region", leader.region],
            ["--leader-role", arn(leader.account)],
            ["--follower", self._people.endpoint("follower"), "--follower-region", follower.region],
            ["--follower-role", arn(follower.account)],
        ]
        self._terminal.command(f" \\\n{MARGIN}    ".join(shlex.join(line) for line in lines))
        words = [word for line in lines for word in line][1:]
        environment = {**os.environ, "AWS_PROFILE": follower.profile, "AWS_REGION": follower.region}
        done = subprocess.run([self._command, *words], env=environment, capture_output=True, text=True, check=False)
        for line in (done.stdout or done.stderr).splitlines():
            self._terminal.line(f"{MARGIN}{line}".rstrip(), "green" if line.startswith("EQUAL") else None)
        require(done.returncode == 0, f"`tandem compare` ended with {done.returncode}, not with 0.")

    def prepare_index(self) -> None:
        """What was on the leader before anybody thought of replicating it."""
        self._write(INDEX, {f"b{n}": {"n": n, "text": "first"} for n in range(150)})
        self._terminal.paragraph(f"The leader has an index {INDEX} with 150 documents, which the rule does not match.")
        self._terminal.line()

    def show_proof(self) -> None:
        """The launch itself has compared, and its outputs say so."""
        outputs = dict(self._sides.outputs(REPLICATION))
        self._terminal.paragraph(f"What the outputs of the stack {REPLICATION} say of it:")
        self._terminal.line()
        for key, value in outputs.items():
            # The rule was compared when it was made, before there were documents.
            if key.startswith("Index"):
                self._terminal.line(f"{MARGIN}{key:<16} {value}")
        require(outputs.get("IndexDocuments") == "150", "The stack did not compare the 150 documents of the index.")
        require(outputs.get("IndexDifferences") == "0", "The stack found differences.")

    def let_go(self) -> None:
        """What became of everything that followed."""
        status, answer = self._people.ask("follower", "PUT", f"/{OLD}/_doc/mine", {"n": 0})
        require(status == 403, f"{OLD} should still follow, but a write is answered with {status}.")
        self._write(OLD, {"late": {"n": 0, "text": "late"}})
        self._until("a late document", lambda: self._count("follower", OLD) == 286)
        self._people.must("follower", "PUT", f"/{INDEX}/_doc/mine?refresh=true", {"n": 0})
        require(self._count("follower", INDEX) == 151, f"{INDEX} did not keep its documents.")
        self._terminal.table(
            ["on the follower", "option", "now"],
            [
                [OLD, "WhenDeleted: Keep", "goes on following: it has a document that was written just now"],
                [INDEX, "WhenDeleted: Stop", "an ordinary index with its 150 documents, and one more of its own"],
            ],
        )

    # What a person does.

    def _write(self, index: str, documents: dict[str, dict]) -> None:
        lines = [line for name, source in documents.items() for line in ({"index": {"_id": name}}, source)]
        self._bulk(index, lines)

    def _delete(self, index: str, names: list[str]) -> None:
        self._bulk(index, [{"delete": {"_id": name}} for name in names])

    def _bulk(self, index: str, lines: list[dict]) -> None:
        body = "".join(json.dumps(line) + "\n" for line in lines)
        answer = self._people.must("leader", "POST", f"/{index}/_bulk?refresh=true", body)
        require(not answer["errors"], f"The leader did not take every document for {index}.")

    def _count(self, role: str, index: str) -> int:
        """Nothing while there is none, or while it cannot be searched yet."""
        self._people.ask(role, "POST", f"/{index}/_refresh")
        status, answer = self._people.ask(role, "GET", f"/{index}/_count")
        return answer["count"] if status == 200 else -1

    def _second(self) -> int:
        query = {"query": {"match": {"text": "second"}}}
        status, answer = self._people.ask("follower", "POST", f"/{OLD}/_count", query)
        return answer["count"] if status == 200 else -1

    # How it is told.

    def _begin(self) -> None:
        self._began = time.monotonic()

    def _say(self, text: str, colour: str | None = None) -> None:
        shown = self._terminal.paint(colour, text) if colour else text
        self._terminal.line(f"{time.monotonic() - self._began:6.1f} s  {shown}")

    def _until(self, awaited: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            if time.monotonic() > deadline:
                raise NotAsPromised(f"Not within {PATIENCE:.0f} s: {awaited}.")
            self._terminal.waiting(f"waiting for {awaited}")
            time.sleep(0.1)


def command() -> Path:
    """What cargo has built."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "tandem"
