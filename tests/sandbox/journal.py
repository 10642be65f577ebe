"""What happened, for tests to read: calls, events, invocations and answers.

Holds no secret: no ResponseURL, no signature, no credential, no request body of an API call.
Pure.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

KINDS = ("call", "event", "invocation", "answer", "note", "instance", "peering", "blocked", "data")
LIMIT = 50_000


class Journal:
    """Entries in order of time; each has `id`, `at` (seconds since start) and `kind`."""

    def __init__(self, clock: Callable[[], float]):
        self._clock, self._started = clock, clock()
        self._entries: list[dict] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, kind: str, **values: object) -> dict:
        with self._lock:
            entry = {"id": next(self._ids), "at": round(self._clock() - self._started, 4), "kind": kind, **values}
            self._entries.append(entry)
            del self._entries[:-LIMIT]
        return entry

    def read(self, kind: str | None = None, after: int = 0, **equal: str) -> list[dict]:
        """Entries later than `after`, of one kind, whose fields equal the given texts."""
        with self._lock:
            entries = list(self._entries)
        return [
            entry
            for entry in entries
            if entry["id"] > after
            and kind in (None, entry["kind"])
            and all(str(entry.get(name)) == value for name, value in equal.items())
        ]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
