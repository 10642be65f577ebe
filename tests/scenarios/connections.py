"""Connections as people see and touch them: the two sides of the service, by hand, and the sandbox's grip on time."""

from __future__ import annotations

from urllib.parse import quote

from sandbox.process import Sandbox

from .aws import FOLLOWER, LEADER, Aws, Place
from .deadline import until

GONE = "DELETED"


class Connections:
    """The connections of the sandbox."""

    def __init__(
        self, sandbox: Sandbox, aws: Aws, follower: str, leader: str, here: Place = FOLLOWER, there: Place = LEADER
    ):
        self._sandbox, self._aws = sandbox, aws
        self.follower, self.leader = follower, leader
        self._here, self._there = here, there
        self._made: list[str] = []

    # Looking.

    def rows(self, alias: str) -> list[dict]:
        """Everything that ever stood under the alias, as the sandbox knows it."""
        return self._sandbox.control(f"/connections?alias={quote(alias)}")["connections"]

    def live(self, alias: str) -> list[dict]:
        return [row for row in self.rows(alias) if row["status"] != GONE]

    def only(self, alias: str) -> dict:
        (row,) = self.live(alias)
        return row

    def requested(self, alias: str) -> dict:
        """The connection, as soon as it was requested."""
        return until(lambda: self.live(alias), f"a connection `{alias}` is requested")[0]

    def becomes(self, alias: str, status: str) -> dict:
        def found() -> dict | None:
            return next((row for row in self.rows(alias) if row["status"] == status), None)

        return until(found, f"connection `{alias}` is {status}")

    def outbound(self, connection_id: str) -> dict:
        """As the follower's side of the service lists it."""
        return self._listed("describe_outbound_connections", connection_id, self._here)

    def inbound(self, connection_id: str, place: Place | None = None) -> dict:
        return self._listed("describe_inbound_connections", connection_id, place or self._there)

    def _listed(self, operation: str, connection_id: str, place: Place) -> dict:
        ask = getattr(self._aws("opensearch", place), operation)
        filters = [{"Name": "connection-id", "Values": [connection_id]}]
        return until(lambda: ask(Filters=filters)["Connections"], f"{operation} lists {connection_id}")[0]

    # By hand.

    def request_by_hand(self, alias: str, follower: str | None = None, leader: str | None = None) -> str:
        """Request as somebody else would, without any stack; it stays where it comes to by itself."""
        made = self._aws("opensearch", self._here).create_outbound_connection(
            LocalDomainInfo=_domain(self._here, follower or self.follower),
            RemoteDomainInfo=_domain(self._there, leader or self.leader),
            ConnectionAlias=alias,
            ConnectionMode="DIRECT",
            ConnectionProperties={"CrossClusterSearch": {"SkipUnavailable": "ENABLED"}},
        )
        self._made.append(made["ConnectionId"])
        return made["ConnectionId"]

    def make_by_hand(self, alias: str, follower: str | None = None, leader: str | None = None) -> str:
        """Request and accept."""
        made = self.request_by_hand(alias, follower, leader)
        self.inbound(made)
        self._aws("opensearch", self._there).accept_inbound_connection(ConnectionId=made)
        self.becomes(alias, "ACTIVE")
        return made

    def delete_by_hand(self, connection_id: str, side: str = "outbound") -> None:
        place = self._here if side == "outbound" else self._there
        getattr(self._aws("opensearch", place), f"delete_{side}_connection")(ConnectionId=connection_id)
        until(lambda: self._status(connection_id) == GONE, f"{connection_id} is gone")

    def reject_by_hand(self, connection_id: str) -> None:
        self.inbound(connection_id)
        self._aws("opensearch", self._there).reject_inbound_connection(ConnectionId=connection_id)

    def take_away_what_was_made_by_hand(self) -> None:
        """At once: it was only there for the scenario."""
        for connection_id in self._made:
            self.force(connection_id, GONE)
        self._made.clear()

    def take_away_everything_of(self, account: str) -> None:
        """Whoever made it."""
        for row in self._sandbox.control("/connections")["connections"]:
            if row["local"]["account"] == account and row["status"] != GONE:
                self.force(row["id"], GONE)

    def _status(self, connection_id: str) -> str | None:
        found = self._sandbox.control("/connections")["connections"]
        return next((row["status"] for row in found if row["id"] == connection_id), None)

    # The sandbox's grip.

    def hold(self, state: str, alias: str) -> None:
        """Time does not lead out of this state until `release`."""
        self._sandbox.control("/connections/hold", {"state": state, "alias": alias})

    def release(self, alias: str) -> None:
        self._sandbox.control("/connections/release", {"alias": alias})

    def decide(self, alias: str, state: str, message: str) -> None:
        """How validation ends, whatever the domains say."""
        self._sandbox.control("/connections/outcome", {"alias": alias, "next": state, "message": message})

    def force(self, connection_id: str, state: str) -> None:
        self._sandbox.control("/connections/force", {"id": connection_id, "state": state})


def _domain(place: Place, name: str) -> dict:
    return {"AWSDomainInformation": {"OwnerId": place.account, "Region": place.region, "DomainName": name}}
