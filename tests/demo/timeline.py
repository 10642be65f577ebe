"""Follows a run of Sceptre: every change of a stack and of the connection becomes a line with its elapsed time."""

from __future__ import annotations

import time

from .project import Sceptre
from .sides import Sides
from .terminal import Terminal

# Often enough that no state passes unseen.
LOOK_EVERY_SECONDS = 0.05
# What is going on while one side shows this status.
MEANING = {
    "VALIDATING": "requested; the service checks both domains",
    "VALIDATION_FAILED": "the service refuses",
    "PENDING_ACCEPTANCE": "waits to be accepted in the leader's account",
    "APPROVED": "accepted, through the role in the leader's account",
    "PROVISIONING": "the service connects the domains",
    "ACTIVE": "connected",
    "DELETING": "is being deleted",
    "DELETED": "gone",
}


class Timeline:
    """One act of the demo, from the moment it began."""

    def __init__(self, terminal: Terminal, sides: Sides):
        self._terminal, self._sides = terminal, sides
        self._began = time.monotonic()
        self._stacks = sides.stacks()
        self._statuses = sides.statuses()
        # Every pair of statuses, the follower's first.
        self.seen: list[tuple[str, str]] = []

    def follow(self, sceptre: Sceptre) -> bool:
        """Write what changes until Sceptre ends; whether it succeeded."""
        try:
            while sceptre.is_running:
                self._look()
                self._terminal.waiting(f"{self._elapsed()}  {self._doing()}")
                time.sleep(LOOK_EVERY_SECONDS)
            self._look()
            return sceptre.succeeded
        finally:
            sceptre.stop()

    def _look(self) -> None:
        statuses = self._sides.statuses()
        if statuses != self._statuses and statuses[0]:
            self._show_connection(*statuses)
        self._statuses = statuses
        stacks = self._sides.stacks()
        for name in dict.fromkeys([*stacks, *self._stacks]):
            before, now = self._stacks.get(name), stacks.get(name, "deleted")
            if now != before and (before or now != "deleted"):
                self._show_stack(name, now)
        self._stacks = stacks

    def _show_stack(self, name: str, status: str) -> None:
        if status.endswith("COMPLETE_CLEANUP_IN_PROGRESS"):
            return
        colour = "red" if "ROLLBACK" in status or "FAILED" in status else "dim" if "PROGRESS" in status else "green"
        self._show(f"{name:<26}", self._terminal.paint(colour, status))

    def _show_connection(self, follower: str, leader: str) -> None:
        if not self.seen:
            self._show(f"{'the connection, seen by':<27}{'the follower':<21}the leader", colour="bold")
        self.seen.append((follower, leader))
        words = f"{'':<27}{follower:<20} {leader or '-':<20}"
        # The side that is ahead says more: nothing but a failure or a deletion goes back.
        ahead = leader if leader == "APPROVED" else follower
        self._show(words, self._terminal.paint("dim", MEANING.get(ahead, "")))

    def _show(self, words: str, more: str = "", colour: str | None = None) -> None:
        text = self._terminal.paint(colour, words) if colour else words
        self._terminal.line(f"{self._elapsed()}  {text} {more}".rstrip())

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._began:6.1f} s"

    def _doing(self) -> str:
        busy = [name for name, status in self._stacks.items() if status.endswith("IN_PROGRESS")]
        if busy:
            return f"{', '.join(busy)} in progress"
        return "Sceptre looks again every 4 seconds" if self._stacks else "Sceptre reads the configuration"
