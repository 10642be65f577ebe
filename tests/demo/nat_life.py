"""The life of the NAT instance in words, from what the sandbox wrote down. Pure."""

from __future__ import annotations

from collections.abc import Iterable

LEASE, FOUND, STOPPING = "tandem:lease:", "tandem:found", "tandem:stopping"
_STATES = {
    "pending": "starts",
    "running": "runs, but has to boot",
    "ready": "ready: packets go through",
    "halts itself": "nobody held a lease for its idle minutes: it halts itself",
    "stopping": "stopping",
    "stopped": "stopped: it costs its address and its volume",
    "shutting-down": "is deleted",
    "terminated": "gone",
}


def lines(before: dict[str, str], entry: dict) -> Iterable[str]:
    """What one entry says, given the tags before it."""
    state, after = entry["state"], entry["tags"]
    if state not in ("tagged", "untagged"):
        yield _STATES.get(state, state)
        return
    for key in [key for key in after if key not in before]:
        if key.startswith(LEASE):
            yield f"leased by request {_short(key)}"
        elif key == FOUND:
            yield f"marked: it was found {after[key]}"
        elif key == STOPPING:
            yield "marked: the last one is about to stop it"
    for key in [key for key in before if key not in after]:
        if key.startswith(LEASE):
            yield f"released by request {_short(key)}"


def short_life(entries: list[dict]) -> list[str]:
    """The states it went through in single words, tags included, each change once."""
    words, tags = [], {}
    for entry in entries:
        for line in lines(tags, entry):
            word = line.split(":")[0].split(" ")[0].rstrip(",")
            if not words or words[-1] != word:
                words.append(word)
        tags = entry["tags"]
    return words


def happened_in_order(words: list[str], wanted: list[str]) -> bool:
    """Whether the wanted words come one after the other, whatever is between them."""
    rest = iter(words)
    return all(word in rest for word in wanted)


def _short(key: str) -> str:
    return key.removeprefix(LEASE).split("-")[0]
