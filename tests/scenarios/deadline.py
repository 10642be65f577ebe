"""Waiting for something to become true; nothing here sleeps for a fixed time and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Far more than anything takes: a slow machine is no reason to fail, and a hang still ends.
PATIENCE = 90.0


def until(condition: Callable[[], T], awaited: str, seconds: float = PATIENCE, every: float = 0.03) -> T:
    """The first true answer of the condition, or a failure that says what never became true."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {awaited}; last answer: {answer!r}"
        time.sleep(every)
    return answer
