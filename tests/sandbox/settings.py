"""Every time and every doubtful behaviour of the sandbox, in one place.

Owns the two speeds, and the switches for what AWS does not document.
Knows nothing of ministack, so that pure tests can use it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

Span = tuple[float, float]


@dataclass(frozen=True)
class Timing:
    """Seconds; a pair is the range a draw is taken from."""

    validating: Span
    approved: Span
    provisioning: Span
    rejecting: Span
    deleting: Span
    # How long a new row stays invisible, to the side that made it and to the other one.
    outbound_lag: Span
    inbound_lag: Span
    # How long one side still shows the old status after the other side changed it.
    status_lag: Span
    # An instance: until it runs, until it then works, until it has stopped.
    pending: Span
    booting: Span
    stopping: Span
    # Until a transit gateway or an attachment of a VPC is available.
    transit_gateway: Span
    # A peering attachment: until it can be accepted, until it is available, until it is gone; the other side sees it late.
    peering_requesting: Span
    peering_pending: Span
    peering_deleting: Span
    peering_lag: Span
    # Replication by the stand-in: how often it looks at the leader, how long it waits while nobody answers, until a
    # start gives up, until a missing leader index pauses it, and how often settings and aliases follow.
    replication_poll: Span
    replication_back_off: Span
    replication_start: Span
    replication_auto_pause: Span
    replication_metadata: Span
    # An auto-follow rule: its first look at the leader, the next ones, and another try of what failed.
    autofollow_first: Span
    autofollow_poll: Span
    autofollow_retry: Span
    # Waits before the second and the third delivery of an asynchronous invocation.
    retries: tuple[float, float]


FAST = Timing(
    validating=(0.2, 0.5),
    approved=(0.05, 0.15),
    provisioning=(0.3, 0.8),
    rejecting=(0.1, 0.3),
    deleting=(0.2, 0.6),
    outbound_lag=(0.0, 0.15),
    inbound_lag=(0.05, 0.3),
    status_lag=(0.0, 0.15),
    pending=(0.2, 0.5),
    booting=(0.2, 0.6),
    stopping=(0.3, 0.8),
    transit_gateway=(0.05, 0.2),
    peering_requesting=(0.05, 0.2),
    peering_pending=(0.2, 0.6),
    peering_deleting=(0.2, 0.6),
    peering_lag=(0.05, 0.3),
    replication_poll=(0.15, 0.15),
    replication_back_off=(0.6, 0.6),
    replication_start=(1.0, 1.0),
    replication_auto_pause=(0.8, 0.8),
    replication_metadata=(1.0, 1.0),
    autofollow_first=(0.1, 0.3),
    autofollow_poll=(0.8, 1.5),
    autofollow_retry=(4, 4),
    retries=(0.3, 0.6),
)

# Nobody documents these; they are what users of the service report.
REAL = Timing(
    validating=(10, 60),
    approved=(1, 5),
    provisioning=(60, 300),
    rejecting=(5, 30),
    deleting=(60, 300),
    outbound_lag=(0, 3),
    inbound_lag=(2, 15),
    status_lag=(0, 5),
    pending=(10, 30),
    booting=(15, 60),
    stopping=(20, 60),
    transit_gateway=(60, 180),
    peering_requesting=(5, 30),
    peering_pending=(60, 240),
    peering_deleting=(60, 240),
    peering_lag=(2, 15),
    replication_poll=(10, 10),
    replication_back_off=(40, 40),
    replication_start=(30, 30),
    replication_auto_pause=(5, 5),
    replication_metadata=(60, 60),
    autofollow_first=(0.3, 1),
    autofollow_poll=(30, 30),
    autofollow_retry=(3600, 3600),
    retries=(60, 120),
)

SPEEDS = {"fast": FAST, "real": REAL}


@dataclass
class Behaviour:
    """What AWS leaves undocumented, so that a scenario can try both readings."""

    # States in which the service refuses to delete a connection (DisabledOperationException).
    refuse_delete_while: list[str] = field(default_factory=lambda: ["VALIDATING", "APPROVED", "PROVISIONING"])
    # HTTP status of an answer to a request that is over: "forbidden" (403) or "accepted" (200, ignored).
    late_answer: str = "forbidden"
    # The id a rollback Update carries after a FAILED Update: the "answer"'s or the "previous" one.
    failed_update_id: str = "answer"
    # Connections of one domain, counted per direction.
    connection_limit: int = 20
    # What an instance reports at its first boot: "success", "failure", or nothing ("silent").
    instance_boot: str = "success"

    def change(self, values: dict) -> None:
        """Take over the given values; an unknown name or type is an error."""
        known = {f.name for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown behaviour {name!r}; known: {', '.join(sorted(known))}")
            if type(value) is not type(getattr(self, name)):
                raise ValueError(f"behaviour {name!r} is a {type(getattr(self, name)).__name__}")
            setattr(self, name, value)


def retimed(timing: Timing, values: dict) -> Timing:
    """The timing with some spans replaced; a single number stands for a fixed time."""
    known = {f.name for f in fields(timing)}
    changes = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"unknown time {name!r}; known: {', '.join(sorted(known))}")
        low, high = (value, value) if isinstance(value, (int, float)) else value
        changes[name] = (float(low), float(high))
    return replace(timing, **changes)
