"""The demo's timeline with a third actor: the NAT instance, whose every turn is a line."""

from __future__ import annotations

import time
from collections.abc import Callable

from .nat_life import lines
from .sides import Sides
from .terminal import Terminal
from .timeline import LOOK_EVERY_SECONDS, Timeline

# The names of stacks are longer here, so the first column is wider.
FIRST_COLUMN = 33


class NetworkTimeline(Timeline):
    """Follows the stacks, the connection and the NAT."""

    def __init__(self, terminal: Terminal, sides: Sides, nat: Callable[[int], list[dict]]):
        super().__init__(terminal, sides)
        self._nat, self._tags = nat, {}
        # What the NAT did before is not part of this act.
        self._last = max((entry["id"] for entry in nat(0)), default=0)
        for entry in nat(0):
            self._tags[entry["instance"]] = entry["tags"]

    def watch(self, is_over: Callable[[], bool], seconds: float = 60) -> bool:
        """Go on when Sceptre has ended: the function answers first and lets the NAT sleep afterwards. Whether it came so far."""
        deadline = time.monotonic() + seconds
        while not (over := is_over()) and time.monotonic() < deadline:
            self._look()
            self._terminal.waiting(f"{self._elapsed()}  the NAT instance is still up")
            time.sleep(LOOK_EVERY_SECONDS)
        self._look()
        return over

    def _look(self) -> None:
        for entry in self._nat(self._last):
            for line in lines(self._tags.get(entry["instance"], {}), entry):
                self._show(f"{'the NAT instance':<24}", self._terminal.paint("cyan", line))
            self._tags[entry["instance"]], self._last = entry["tags"], entry["id"]
        super()._look()

    def _show(self, words: str, more: str = "", colour: str | None = None) -> None:
        fits = words[24:25].strip() == ""
        first, rest = (words[:25], words[25:]) if fits else (words, "")
        # What follows a name is set off by a blank of its own.
        width = FIRST_COLUMN + 1 if rest else FIRST_COLUMN
        super()._show(f"{first.rstrip():<{width}}{rest}", more, colour)
