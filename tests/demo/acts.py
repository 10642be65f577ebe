"""What is shown, in order: launch, look, documents, proofs, letting go, delete, and one failure on purpose."""

from __future__ import annotations

from collections.abc import Callable

from .checks import Inventory, NotAsPromised, require
from .documents import INDEX, PATTERN, REPLICATION, Documents
from .people import People
from .project import Project
from .sides import Sides, View
from .terminal import Terminal
from .timeline import Timeline

CONNECTION = "follower/connection"


class Demo:
    """The acts share the project, the two accounts and the terminal; each checks what it shows."""

    def __init__(
        self,
        terminal: Terminal,
        project: Project,
        sides: Sides,
        people: People,
        documents: Documents,
        inventory: Callable[[], Inventory],
    ):
        self._terminal, self._project, self._sides, self._inventory = terminal, project, sides, inventory
        self._people, self._documents = people, documents
        self._full: Inventory | None = None

    def run(self) -> None:
        self._introduce()
        self._people.arrive()
        self._launch()
        self._look()
        self._follow()
        self._prove()
        self._let_go()
        self._people.leave()
        self._delete()
        self._fail()

    def _introduce(self) -> None:
        leader, follower = self._project.leader, self._project.follower
        self._terminal.line("Tandem connects two OpenSearch domains through CloudFormation, and proves that what replicates is equal.", "bold")
        self._terminal.line()
        self._terminal.paragraph(
            "Sceptre, the templates, the function and both OpenSearch nodes are the real ones; the AWS around them is a local one on "
            "this machine, with IAM enforced. Nothing leaves this machine and nothing costs money."
        )
        self._terminal.line()
        self._terminal.paragraph(self._documents.who_replicates())
        self._terminal.line()
        self._terminal.table(
            ["", "account", "Region", "domain", ""],
            [
                ["leader", leader.account, leader.region, leader.domain, "holds the data"],
                ["follower", follower.account, follower.region, follower.domain, "pulls the data"],
            ],
        )

    def _launch(self) -> None:
        self._terminal.heading("1. One command launches everything, in the right order")
        timeline = Timeline(self._terminal, self._sides)
        require(self._sceptre(timeline, "launch", "-y", ""), "Sceptre could not launch the stacks.")
        require(
            bool(timeline.seen) and timeline.seen[-1] == ("ACTIVE", "ACTIVE"),
            f"The stacks are there, but the connection was last seen as {timeline.seen[-1:]}.",
        )
        self._full = self._inventory()
        claims, resources = self._full.counts["claims"], self._sides.custom_resources()
        require(claims == resources > 0, f"There should be a claim for each of {resources} custom resources, not {claims}.")

    def _look(self) -> None:
        self._terminal.heading("2. Both accounts see the same connection")
        rows = {role: self._sides.connections(role) for role in ("follower", "leader")}
        follower, leader = (self._only(role, views) for role, views in rows.items())
        self._terminal.table(
            ["asked", "the follower's account", "the leader's account"],
            [
                ["connection", follower.id, leader.id],
                ["status", follower.status, leader.status],
                ["from", follower.follower, leader.follower],
                ["to", follower.leader, leader.leader],
                ["alias", follower.alias, leader.alias or "(only the follower has one)"],
            ],
        )
        require((follower.id, follower.follower, follower.leader) == (leader.id, leader.follower, leader.leader),
                "The two sides show different connections.")
        require(follower.alias == self._project.alias, f"The alias is {follower.alias}, not {self._project.alias}.")
        self._terminal.line()
        self._terminal.paragraph(f"The outputs of the stack {CONNECTION}:")
        self._terminal.line()
        outputs = self._sides.outputs(CONNECTION)
        self._terminal.table(["output", "value"], [[key, value] for key, value in outputs])
        require(dict(outputs).get("ConnectionId") == follower.id, "The stack's output names another connection.")
        require(dict(outputs).get("Status") == "ACTIVE", "The stack's output does not say ACTIVE.")

    def _follow(self) -> None:
        self._terminal.heading(f"3. What is written on the leader is found on the follower: the rule follows {PATTERN}")
        self._documents.follow()
        self._terminal.line()
        self._documents.refuse()
        self._terminal.line()
        self._documents.prove()

    def _prove(self) -> None:
        self._terminal.heading("4. One more index by itself, and a launch that ends when its documents are equal")
        self._documents.prepare_index()
        timeline = Timeline(self._terminal, self._sides)
        updated = self._sceptre(timeline, "--var", f"index={INDEX}", "update", "-y", f"{REPLICATION}.yaml")
        require(updated, "Sceptre could not update the replication.")
        self._terminal.line()
        self._documents.show_proof()

    def _let_go(self) -> None:
        self._terminal.heading("5. The replication is taken down, and its followers stay as the options say")
        timeline = Timeline(self._terminal, self._sides)
        deleted = self._sceptre(timeline, "--var", f"index={INDEX}", "delete", "-y", f"{REPLICATION}.yaml")
        require(deleted, "Sceptre could not delete the replication.")
        self._terminal.line()
        self._documents.let_go()

    def _delete(self) -> None:
        self._terminal.heading("6. One command takes everything down, and nothing is left")
        timeline = Timeline(self._terminal, self._sides)
        require(self._sceptre(timeline, "delete", "-y", ""), "Sceptre could not delete the stacks.")
        after = self._inventory()
        self._terminal.line()
        before = self._full.counts if self._full else {}
        self._terminal.table(
            ["in both accounts", "launched", "left"],
            [[word, before.get(word, 0), count] for word, count in after.counts.items()],
        )
        after.require_empty()

    def _fail(self) -> None:
        self._terminal.heading("7. One failure on purpose: the leader domain has no node-to-node encryption")
        timeline = Timeline(self._terminal, self._sides)
        # What shall replicate needs a connection first, so it is left out here.
        launched = self._sceptre(
            timeline, "--var", "pattern=", "--var", "leader.node_to_node_encryption=false", "launch", "-y", ""
        )
        require(not launched, "Sceptre launched a connection to a domain without node-to-node encryption.")
        status = self._sides.stacks().get(CONNECTION)
        require(status == "ROLLBACK_COMPLETE", f"The stack {CONNECTION} is {status}, not ROLLBACK_COMPLETE.")
        failure = self._sides.failure(CONNECTION)
        if failure is None:
            raise NotAsPromised(f"CloudFormation shows no failed resource in {CONNECTION}.")
        self._terminal.line()
        self._terminal.paragraph("The Reason that CloudFormation shows:")
        self._terminal.line()
        self._terminal.paragraph(failure[1], "yellow")
        for word in ("node-to-node encryption", self._project.leader.domain, "VALIDATION_FAILED"):
            require(word in failure[1], f"The Reason does not say {word!r}.")
        self._terminal.line()
        rolled_back = self._inventory()
        rolled_back.require_empty("connections", "claims")
        self._terminal.good("The rollback left no connection and no claim.")
        self._terminal.line()
        timeline = Timeline(self._terminal, self._sides)
        require(self._sceptre(timeline, "delete", "-y", ""), "Sceptre could not delete the stacks after the failure.")
        self._terminal.line()
        self._inventory().require_empty()
        self._terminal.good("The other stacks are gone too: nothing is left in either account.")

    def _sceptre(self, timeline: Timeline, *words: str) -> bool:
        sceptre = self._project.sceptre(*words)
        try:
            self._terminal.command(sceptre.text)
            return timeline.follow(sceptre)
        finally:
            sceptre.stop()

    def _only(self, role: str, views: list[View]) -> View:
        require(len(views) == 1, f"The {role}'s side shows {len(views)} connections, not one.")
        require(views[0].status == "ACTIVE", f"The {role}'s side says {views[0].status}, not ACTIVE.")
        return views[0]
