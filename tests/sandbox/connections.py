"""Cross-cluster connections: the state machine ministack does not have.

One connection has two faces: the follower's account and Region see an outbound row, the leader's an inbound one.
States move by time, never by being looked at; what a side sees lags behind what is.
Pure: no HTTP, no ministack, the clock and the domains are handed in.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

from .connection_requests import (
    INBOUND,
    OUTBOUND,
    Domain,
    ServiceError,
    invalid,
    make_token,
    not_found,
    parse_create,
    parse_filters,
    read_token,
    refused,
)
from .settings import FAST, Behaviour, Timing

OUTBOUND_STATES = (
    "VALIDATING",
    "VALIDATION_FAILED",
    "PENDING_ACCEPTANCE",
    "APPROVED",
    "PROVISIONING",
    "ACTIVE",
    "REJECTING",
    "REJECTED",
    "DELETING",
    "DELETED",
)
INBOUND_STATES = tuple(s for s in OUTBOUND_STATES if s not in ("VALIDATING", "VALIDATION_FAILED"))
# Rows that stay listed, yet hold neither their alias nor their domains nor a place in the limit.
DEAD = frozenset({"DELETED", "REJECTED", "VALIDATION_FAILED"})

# Where time leads, and which span of the timing it takes.
_NEXT = {
    "VALIDATING": ("PENDING_ACCEPTANCE", "validating"),
    "APPROVED": ("PROVISIONING", "approved"),
    "PROVISIONING": ("ACTIVE", "provisioning"),
    "REJECTING": ("REJECTED", "rejecting"),
    "DELETING": ("DELETED", "deleting"),
}


@dataclass
class Connection:
    """One connection with its whole history; the last entry is what is."""

    id: str
    number: int
    local: Domain
    remote: Domain
    alias: str
    mode: str
    skip_unavailable: str
    draw: random.Random
    # (since, status, the side that caused it or None for the service itself, message)
    history: list[tuple[float, str, str | None, str]] = field(default_factory=list)
    due: float | None = None
    lag: dict[str, float] = field(default_factory=dict)
    endpoint: str = ""
    hold_in: set[str] = field(default_factory=set)

    @property
    def status(self) -> str:
        return self.history[-1][1]

    @property
    def message(self) -> str:
        return self.history[-1][3]

    @property
    def is_live(self) -> bool:
        return self.status not in DEAD

    def side_scope(self, side: str) -> tuple[str, str]:
        return (self.local if side == OUTBOUND else self.remote).scope


class Connections:
    """All connections of all accounts and Regions.

    Guarantees: every draw comes from the seed and the connection's number, so polling changes nothing.
    Assumptions: calls do not overlap (the HTTP side runs on one event loop).
    """

    def __init__(
        self,
        clock: Callable[[], float],
        domains: Callable[[Domain], dict | None],
        timing: Timing = FAST,
        behaviour: Behaviour | None = None,
        seed: int = 0,
    ):
        self._clock = clock
        self._domains = domains
        self.timing = timing
        self.behaviour = behaviour or Behaviour()
        self._seed = seed
        self._rows: dict[str, Connection] = {}
        self._holds: list[tuple[str, str | None]] = []
        self._decided: list[tuple[str | None, str, str]] = []

    # What the service offers.

    def create(self, caller: tuple[str, str], request: dict) -> Connection:
        """Begin a connection; success only means that validation has started."""
        now = self._advance_all()
        asked = parse_create(caller, request)
        local, remote, alias = asked["local"], asked["remote"], asked["alias"]
        if local.scope != caller:
            raise invalid("The local domain must be in the account and Region of the request.")
        if self._domains(local) is None:
            raise not_found(f"Domain not found: {local.name}")
        if local == remote:
            raise invalid("A domain cannot be connected to itself.")
        live = [c for c in self._rows.values() if c.is_live]
        if any(c.local == local and c.alias == alias for c in live):
            raise ServiceError(
                "ResourceAlreadyExistsException", 409, f"Connection alias {alias} is already in use on {local.name}."
            )
        limit = self.behaviour.connection_limit
        if sum(c.local == local for c in live) >= limit or sum(c.remote == remote for c in live) >= limit:
            raise ServiceError(
                "LimitExceededException", 409, f"A domain can have at most {limit} connections in each direction."
            )
        number = len(self._rows) + 1
        draw = random.Random(f"{self._seed}/{number}")
        connection = Connection(
            id="c-" + "".join(draw.choices(string.ascii_lowercase + string.digits, k=28)),
            number=number,
            local=local,
            remote=remote,
            alias=alias,
            mode=asked["mode"],
            skip_unavailable=asked["skip_unavailable"],
            draw=draw,
        )
        connection.lag = {
            OUTBOUND: self._span(connection, "outbound_lag"),
            INBOUND: self._span(connection, "inbound_lag"),
            "status": self._span(connection, "status_lag"),
        }
        connection.hold_in = {state for state, held in self._holds if held in (None, alias)}
        self._rows[connection.id] = connection
        self._enter(connection, "VALIDATING", now, OUTBOUND)
        return connection

    def accept(self, caller: tuple[str, str], connection_id: str) -> Connection:
        now = self._advance_all()
        connection = self._find(caller, INBOUND, connection_id)
        if connection.status != "PENDING_ACCEPTANCE":
            raise refused(f"Connection {connection_id} is {connection.status} and cannot be accepted.")
        if connection.mode == "VPC_ENDPOINT":
            mark = "".join(connection.draw.choices(string.ascii_lowercase + string.digits, k=26))
            connection.endpoint = f"vpc-{connection.remote.name}-{mark}.{connection.local.region}.es.amazonaws.com"
        self._enter(connection, "APPROVED", now, INBOUND)
        return connection

    def reject(self, caller: tuple[str, str], connection_id: str) -> Connection:
        now = self._advance_all()
        connection = self._find(caller, INBOUND, connection_id)
        if connection.status != "PENDING_ACCEPTANCE":
            raise refused(f"Connection {connection_id} is {connection.status} and cannot be rejected.")
        self._enter(connection, "REJECTING", now, INBOUND)
        return connection

    def delete(self, caller: tuple[str, str], side: str, connection_id: str) -> Connection:
        """Take the connection down; from either side it goes on both."""
        now = self._advance_all()
        connection = self._find(caller, side, connection_id)
        if connection.status == "DELETED":
            raise not_found(f"Connection {connection_id} not found.")
        if connection.status in self.behaviour.refuse_delete_while:
            raise refused(f"Connection {connection_id} is {connection.status} and cannot be deleted now.")
        if connection.status != "DELETING":
            self._enter(connection, "DELETING", now, side)
        return connection

    def describe(self, caller: tuple[str, str], side: str, request: dict) -> tuple[list[dict], str | None]:
        """One page of the rows this side can see, oldest first."""
        now = self._advance_all()
        filters = parse_filters(side, request.get("Filters"))
        size = request.get("MaxResults") or 100
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= 100:
            raise invalid(
                f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: "
                "Member must have value less than or equal to 100"
            )
        start = read_token(request.get("NextToken"))
        rows = [
            c
            for c in self._rows.values()
            if c.side_scope(side) == caller
            and self.seen_status(c, side, now) is not None
            and all(getter(c) in values for getter, values in filters)
            and c.number > start
        ]
        page = rows[:size]
        token = make_token(page[-1].number) if len(rows) > size else None
        return [self.view(c, side) for c in page], token

    # What a side sees.

    def seen_status(self, connection: Connection, side: str, now: float) -> str | None:
        """The status a Describe shows on this side, None while the row is not visible there."""
        first = connection.history[0][0] + connection.lag[OUTBOUND]
        if side == INBOUND:
            pending = [since for since, status, _, _ in connection.history if status == "PENDING_ACCEPTANCE"]
            if not pending:
                return None
            first = pending[0] + connection.lag[INBOUND]
        if now < first:
            return None
        seen = None
        for since, status, cause, _ in connection.history:
            lag = connection.lag["status"] if cause not in (None, side) else 0.0
            if since + lag <= now and (side == OUTBOUND or status in INBOUND_STATES):
                seen = status
        return seen or connection.history[0][1]

    def view(self, connection: Connection, side: str, fresh: bool = False) -> dict:
        """The JSON of one row; `fresh` is the answer to the call that changed it."""
        now = self._clock()
        status = connection.status if fresh else self.seen_status(connection, side, now) or connection.status
        message = next((m for _, s, _, m in reversed(connection.history) if s == status), "")
        shape = {
            "LocalDomainInfo": connection.local.shape(),
            "RemoteDomainInfo": connection.remote.shape(),
            "ConnectionId": connection.id,
            "ConnectionStatus": {"StatusCode": status, **({"Message": message} if message else {})},
            "ConnectionMode": connection.mode,
        }
        if side == OUTBOUND:
            shape["ConnectionAlias"] = connection.alias
            shape["ConnectionProperties"] = {
                **({"Endpoint": connection.endpoint} if connection.endpoint else {}),
                "CrossClusterSearch": {"SkipUnavailable": connection.skip_unavailable},
            }
        return shape

    # What only the control API and the domain operations ask.

    def all(self) -> list[Connection]:
        self._advance_all()
        return list(self._rows.values())

    def holding(self, domain: Domain) -> list[Connection]:
        """The connections because of which this domain cannot be deleted."""
        return [c for c in self.all() if c.is_live and domain in (c.local, c.remote)]

    def hold(self, state: str, alias: str | None = None) -> None:
        """Make matching connections, present and future, stay in a state."""
        if state not in OUTBOUND_STATES:
            raise ValueError(f"unknown state {state!r}")
        self._advance_all()
        self._holds.append((state, alias))
        for connection in self._rows.values():
            if alias in (None, connection.alias):
                connection.hold_in.add(state)

    def release(self, alias: str | None = None) -> int:
        """End holds; what was held goes on at once. Answers how many connections moved."""
        now = self._advance_all()
        self._holds = [(state, held) for state, held in self._holds if alias not in (None, held)]
        moved = 0
        for connection in self._rows.values():
            if alias in (None, connection.alias) and connection.hold_in:
                moved += connection.status in connection.hold_in
                if connection.due is not None:
                    connection.due = max(now, connection.due)
                connection.hold_in.clear()
        self._advance_all()
        return moved

    def decide(self, state: str | None, message: str = "", alias: str | None = None) -> None:
        """Let every validation end so, whatever the domains say; None goes back to looking at them."""
        if state is not None and state not in OUTBOUND_STATES:
            raise ValueError(f"unknown state {state!r}")
        self._decided = [d for d in self._decided if d[0] != alias]
        if state is not None:
            self._decided.append((alias, state, message))

    def force(self, connection_id: str, state: str, message: str = "") -> Connection:
        """Put a connection into a state, whatever the rules say."""
        if state not in OUTBOUND_STATES:
            raise ValueError(f"unknown state {state!r}")
        now = self._advance_all()
        connection = self._rows[connection_id]
        self._enter(connection, state, now, None, message)
        return connection

    # How it moves.

    def _find(self, caller: tuple[str, str], side: str, connection_id: str) -> Connection:
        connection = self._rows.get(connection_id)
        visible = connection is not None and connection.side_scope(side) == caller
        if visible and side == INBOUND:
            visible = self.seen_status(connection, INBOUND, self._clock()) is not None
        if not visible:
            raise not_found(f"Connection {connection_id} not found.")
        return connection

    def _span(self, connection: Connection, name: str) -> float:
        low, high = getattr(self.timing, name)
        return connection.draw.uniform(low, high)

    def _enter(self, connection: Connection, status: str, at: float, cause: str | None, message: str = "") -> None:
        connection.history.append((at, status, cause, message))
        leads = _NEXT.get(status)
        connection.due = at + self._span(connection, leads[1]) if leads else None

    def _advance_all(self) -> float:
        now = self._clock()
        for connection in self._rows.values():
            while connection.due is not None and connection.due <= now and connection.status not in connection.hold_in:
                self._step(connection)
        return now

    def _step(self, connection: Connection) -> None:
        at, message = connection.due, ""
        status = _NEXT[connection.status][0]
        if connection.status == "VALIDATING":
            decided = [d for d in self._decided if d[0] in (None, connection.alias)]
            if decided:
                _, status, message = decided[-1]
            elif problem := self._problem(connection):
                status, message = "VALIDATION_FAILED", problem
        self._enter(connection, status, at, None, message)

    def _problem(self, connection: Connection) -> str:
        """What validation finds wrong with the two domains, empty when nothing."""
        for domain, role in ((connection.local, "source"), (connection.remote, "destination")):
            record = self._domains(domain)
            where = f"The {role} domain {domain.name} ({domain.account}, {domain.region})"
            if record is None:
                return f"{where} does not exist."
            if connection.mode == "VPC_ENDPOINT":
                continue
            if not _enabled(record.get("NodeToNodeEncryptionOptions")):
                return f"{where} does not have node-to-node encryption enabled."
            if not _enabled(record.get("AdvancedSecurityOptions")):
                return f"{where} does not have fine-grained access control enabled."
            kind = (record.get("ClusterConfig") or {}).get("InstanceType", "")
            if kind.split(".")[0] in ("t2", "t3", "m3"):
                return f"{where} has the instance type {kind}, which does not support cross-cluster connections."
        follower, leader = (parse_version((self._domains(d) or {}).get("EngineVersion", "")) for d in _pair(connection))
        if connection.mode == "DIRECT":
            for version, role in ((follower, "source"), (leader, "destination")):
                if version < (("OpenSearch", 1, 1) if version[0] == "OpenSearch" else ("Elasticsearch", 7, 10)):
                    return f"The {role} domain runs a version that does not support cross-cluster connections."
            if follower[0] != leader[0]:
                return "Elasticsearch domains cannot be connected to OpenSearch domains."
            if follower > leader:
                return "The source domain must not run a newer version than the destination domain."
        return ""


def _pair(connection: Connection) -> tuple[Domain, Domain]:
    return connection.local, connection.remote


def _enabled(options: dict | None) -> bool:
    return str((options or {}).get("Enabled", False)).lower() == "true"


def parse_version(text: str) -> tuple[str, int, int]:
    """`OpenSearch_2.19` as something that compares; a bare number is Elasticsearch."""
    engine, _, number = text.rpartition("_")
    major, _, minor = number.partition(".")
    return (engine or "Elasticsearch", int(major or 0), int(minor or 0))
