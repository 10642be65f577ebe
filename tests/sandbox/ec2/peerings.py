"""Peering attachments: one record that two accounts and Regions see, each in its own time.

requested -> pendingAcceptance -> (accepted) pending -> available -> deleting -> deleted, or rejecting -> rejected,
or failed when the other gateway does not exist. The accepter sees a new attachment late, and changes late.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ministack.core.responses import request_scope
from ministack.services import ec2

from ..world import World
from . import transit_gateways
from .xml import EC2Error, new_id

_LIVE = ("initiatingRequest", "pendingAcceptance", "pending", "available", "rejecting", "failing", "deleting")
_DELETABLE = ("initiatingRequest", "pendingAcceptance", "pending", "available", "rejected", "failed")
_all: dict[str, Peering] = {}
_world: list[World] = []


class Side(NamedTuple):
    """A transit gateway and where it is."""

    account: str
    region: str
    gateway: str


@dataclass
class Peering:
    """An attachment: between Regions the same id on both sides, within one Region each side has its own."""

    id: str
    requester: Side
    accepter: Side
    created: str
    far_id: str = ""
    tags_by_side: dict = field(default_factory=dict)
    # (time, state, message), and from when on the other side sees each.
    history: list[tuple[float, str, str]] = field(default_factory=list)
    seen_by_accepter: list[float] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.history[-1][1]

    @property
    def is_live(self) -> bool:
        return self.state in _LIVE

    def __post_init__(self) -> None:
        self.far_id = new_id("tgw-attach") if self.requester.region == self.accepter.region else self.id

    def sides_at(self, account: str, region: str) -> list[tuple[str, Side]]:
        """The sides that are there, each with its id."""
        sides = ((self.id, self.requester), (self.far_id, self.accepter))
        return [(id_, side) for id_, side in sides if (side.account, side.region) == (account, region)]

    def side_of(self, attachment_id: str, account: str, region: str) -> Side | None:
        return next((side for id_, side in self.sides_at(account, region) if id_ == attachment_id), None)

    def id_of(self, side: Side) -> str:
        return self.id if side is self.requester else self.far_id

    def seen(self, side: Side, now: float) -> tuple[str, str] | None:
        """State and message as that side sees them; None while it sees nothing."""
        if side is self.requester:
            return self.history[-1][1:]
        visible = [h[1:] for h, at in zip(self.history, self.seen_by_accepter, strict=True) if at <= now]
        return visible[-1] if visible else None


def install(world: World) -> None:
    _world[:] = [world]
    _all.clear()


def find(attachment_id: str) -> Peering | None:
    return next((p for p in _all.values() if attachment_id in (p.id, p.far_id)), None)


def all_peerings() -> list[Peering]:
    return list(_all.values())


def of_gateway(gateway_id: str) -> list[Peering]:
    return [p for p in _all.values() if gateway_id in (p.requester.gateway, p.accepter.gateway)]


def create(requester: Side, accepter: Side) -> Peering:
    transit_gateways.gateway(requester.gateway)
    for other in _all.values():
        if other.is_live and {other.requester.gateway, other.accepter.gateway} == {requester.gateway, accepter.gateway}:
            raise EC2Error(
                "DuplicateTransitGatewayAttachment",
                f"There is already a non-deleted Peering Attachment between {requester.gateway} and {accepter.gateway}.",
            )
    world = _world[0]
    made = Peering(new_id("tgw-attach"), requester, accepter, ec2._now_ts())
    _all[made.id] = made
    _enter(made, "initiatingRequest")
    exists = transit_gateways.GATEWAYS.get_scoped(accepter.account, accepter.region, accepter.gateway)

    def requested() -> None:
        if exists:
            _enter(made, "pendingAcceptance", lag=world.draw("peering_lag"))
        else:
            _enter(made, "failed", "Transit gateway peering attachment request failed: check the peer's details.")

    _later(made, world.draw("peering_requesting"), requested)
    return made


def accept(peering: Peering, side: Side) -> None:
    _expect(peering, side, peering.accepter, "accept", ("pendingAcceptance",))
    world = _world[0]
    _enter(peering, "pending", lag=0)
    _later(peering, world.draw("peering_pending"), lambda: _enter(peering, "available", lag=world.draw("peering_lag")))


def reject(peering: Peering, side: Side) -> None:
    _expect(peering, side, peering.accepter, "reject", ("pendingAcceptance",))
    _enter(peering, "rejecting", lag=0)
    _later(peering, _world[0].draw("peering_deleting"), lambda: _enter(peering, "rejected"))


def delete(peering: Peering, side: Side) -> None:
    if peering.state == "deleting":
        return
    if peering.state not in _DELETABLE:
        raise EC2Error("IncorrectState", f"{peering.id} is in invalid state: {peering.state}")
    _enter(peering, "deleting", lag=0)
    _later(peering, _world[0].draw("peering_deleting"), lambda: _gone(peering))


def _gone(peering: Peering) -> None:
    for side in (peering.requester, peering.accepter):
        with request_scope(side.account, side.region):
            transit_gateways.forget(peering.id_of(side))
    _enter(peering, "deleted")


def _expect(peering: Peering, side: Side, wanted: Side, verb: str, states: tuple[str, ...]) -> None:
    if side is not wanted:
        raise EC2Error("InvalidTransitGatewayAttachmentID.NotFound", f"You cannot {verb} {peering.id} from here.")
    if peering.state not in states:
        raise EC2Error("IncorrectState", f"{peering.id} is in invalid state: {peering.state}")


def _enter(peering: Peering, state: str, message: str = "", lag: float | None = None) -> None:
    """`lag` is how much later the accepter sees it; a request not yet made is not seen there at all."""
    world = _world[0]
    now = world.clock()
    hidden = state in ("initiatingRequest", "failed")
    peering.history.append((now, state, message))
    peering.seen_by_accepter.append(float("inf") if hidden else now + (lag or 0))
    world.journal.add(
        "peering",
        attachment=peering.id,
        state=state,
        requester=" ".join(peering.requester),
        accepter=" ".join(peering.accepter),
    )


def _later(peering: Peering, seconds: float, act: Callable[[], None]) -> None:
    """Act after a while, unless its state changed meanwhile."""
    turn = len(peering.history)

    def run() -> None:
        if len(peering.history) == turn:
            act()

    timer = threading.Timer(seconds, run)
    timer.daemon = True
    timer.start()
