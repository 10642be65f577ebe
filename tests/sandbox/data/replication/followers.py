"""Follower indexes and auto-follow rules: their states, and what moves them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from .copying import Copier


@dataclass
class Follower:
    """One index that replicates, has replicated and is paused, or failed to."""

    index: str
    alias: str
    leader_index: str
    leader_uuid: str
    overrides: dict
    state: str = "RUNNING"
    reason: str = "User initiated"
    # Operations applied, by shard; -1 for none.
    done: dict[int, int] = field(default_factory=dict)
    fetched: dict[int, int] = field(default_factory=dict)
    copier: Copier | None = None
    # Whether the leader still keeps what this index has not read yet.
    has_lease: bool = True
    # Since when, and how, the leader's index is missed.
    missed: tuple[float, str] | None = None
    # A bootstrap that lost its leader never goes on.
    is_stuck: bool = False
    is_over: bool = False
    started: float = field(default_factory=time.time)
    synced: float = field(default_factory=time.monotonic)
    due: float = 0.0
    waits: float = 0.0
    is_busy: bool = False
    # Held while documents are moved.
    work: threading.Lock = field(default_factory=threading.Lock)
    restored: threading.Event = field(default_factory=threading.Event)

    @property
    def is_active(self) -> bool:
        return self.state in ("RUNNING", "BOOTSTRAPPING", "SYNCING") and not self.is_over

    def shown(self, **more: object) -> dict:
        return {
            "status": self.state,
            "reason": self.reason,
            "leader_alias": self.alias,
            "leader_index": self.leader_index,
            "follower_index": self.index,
            **more,
        }

    def counters(self) -> dict:
        operations = self.copier.operations if self.copier else 0
        return {
            "operations_written": operations,
            "operations_read": operations,
            "failed_read_requests": 0,
            "throttled_read_requests": 0,
            "failed_write_requests": 0,
            "throttled_write_requests": 0,
            "follower_checkpoint": sum(self.done.values()),
            "leader_checkpoint": sum(self.fetched.values()),
            "total_write_time_millis": operations,
        }


@dataclass
class Following:
    """An auto-follow rule at work."""

    alias: str
    name: str
    pattern: str
    overrides: dict
    started: int = 0
    failed_calls: int = 0
    # index -> when it may be tried again
    failed: dict[str, float] = field(default_factory=dict)
    last: int = 0
    due: float = 0.0
    is_over: bool = False

    @property
    def key(self) -> str:
        return f"{self.alias}:{self.name}"

    def counters(self) -> dict:
        return {
            "num_success_start_replication": self.started,
            "num_failed_start_replication": len(self.failed),
            "num_failed_leader_calls": self.failed_calls,
            "failed_indices": sorted(self.failed),
        }

    def shown(self) -> dict:
        return {"name": self.name, "pattern": self.pattern, **self.counters(), "last_execution_time": self.last}
