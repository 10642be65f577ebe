"""What the demo promises, held against what is there; a broken promise ends the demo with one sentence."""

from __future__ import annotations

from collections import Counter

# What the reader should see go to zero, in this order: word of the demo -> kind of the sandbox.
KINDS = {
    "connections": "connections",
    "claims": "parameters",
    "roles": "roles",
    "functions": "functions",
    "buckets": "buckets",
    "domains": "domains",
    "secrets": "secrets",
    "queues": "queues",
    "log groups": "log_groups",
    "alarms": "alarms",
    "stacks": "stacks",
}


class NotAsPromised(Exception):
    """The sentence says what is otherwise."""


def require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise NotAsPromised(otherwise)


class Inventory:
    """What exists in all accounts and Regions of the sandbox, counted by kind."""

    def __init__(self, leftovers: dict):
        counted = Counter(leftovers["counts"])
        self.total = leftovers["total"]
        self.items = leftovers["items"]
        self.counts = {word: counted.pop(kind, 0) for word, kind in KINDS.items()}
        # A kind that nobody thought of is shown as well, never dropped.
        self.counts.update({kind.replace("_", " "): count for kind, count in counted.items()})

    def require_empty(self, *words: str) -> None:
        """Nothing of these kinds is left; without words, nothing at all."""
        left = {word: count for word, count in self.counts.items() if count and (word in words or not words)}
        require(not left, f"Left behind: {', '.join(f'{count} {word}' for word, count in left.items())}: {'; '.join(self.items)}.")
