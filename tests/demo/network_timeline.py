"""The demo's timeline with a third actor: the NAT instance, whose every turn is a line."""

from __future__ import annotations

from collections.abc import Callable

from .nat_life import lines
from .sides import Sides
from .terminal import Terminal
from .timeline import Timeline


class NetworkTimeline(Timeline):
    """Follows the stacks, the connection and the NAT."""

    def __init__(self, terminal: Terminal, sides: Sides, nat: Callable[[int], list[dict]]):
        super().__init__(terminal, sides)
        self._nat, self._tags = nat, {}
        # What the NAT did before is not part of this act.
        self._last = max((entry["id"] for entry in nat(0)), default=0)
        for entry in nat(0):
            self._tags[entry["instance"]] = entry["tags"]

    def _look(self) -> None:
        for entry in self._nat(self._last):
            for line in lines(self._tags.get(entry["instance"], {}), entry):
                self._show(f"{'the NAT instance':<24}", self._terminal.paint("cyan", line))
            self._tags[entry["instance"]], self._last = entry["tags"], entry["id"]
        super()._look()
