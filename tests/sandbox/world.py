"""What the sandbox's modules share: clock, settings, journal, faults, connections.

One per process; `__main__` makes it and hands it to each module's `install`.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from .connection_requests import Domain
from .connections import Connections
from .faults import Faults
from .journal import Journal
from .settings import SPEEDS, Behaviour, Timing


@dataclass
class World:
    """The state that is not ministack's own."""

    port: int
    speed: str
    seed: int
    temporary: str
    clock: object = time.monotonic
    behaviour: Behaviour = field(default_factory=Behaviour)
    # "up", "unavailable" (503) or "reset" (the connection closes without an answer).
    response_bucket: str = "up"
    # {"stack", "logical_id", "request_type", "copies"}: events to deliver more than once.
    duplicates: list[dict] = field(default_factory=list)
    # `data.DataPlane`, once it is installed.
    data: object = None

    def __post_init__(self) -> None:
        self.journal = Journal(self.clock)
        self._random = random.Random(self.seed)
        self.faults = Faults(self.clock)
        self.connections = Connections(
            self.clock, domain_record, timing=SPEEDS[self.speed], behaviour=self.behaviour, seed=self.seed
        )

    @property
    def timing(self) -> Timing:
        return self.connections.timing

    @timing.setter
    def timing(self, timing: Timing) -> None:
        self.connections.timing = timing

    def draw(self, name: str) -> float:
        """How long something takes this time, by its name in `settings.Timing`."""
        return self._random.uniform(*getattr(self.timing, name))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def domain_record(domain: Domain) -> dict | None:
    """The domain as ministack keeps it, whatever account and Region the request is in."""
    from ministack.services import opensearch

    return opensearch._domains.get_scoped(domain.account, domain.region, domain.name)
