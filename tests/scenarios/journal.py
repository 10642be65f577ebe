"""What the sandbox wrote down: calls, events, invocations, answers; and the promises that hold after every scenario."""

from __future__ import annotations

from collections import defaultdict
from urllib.parse import urlencode

from sandbox.process import Sandbox

from .deadline import until

LARGEST_ANSWER = 4096
# One delivery and two retries, as provider.yaml sets it.
ATTEMPTS = 3


class Journal:
    """The journal from a point in time on."""

    def __init__(self, sandbox: Sandbox):
        self._sandbox = sandbox
        self._after = 0
        entries = self.read()
        self._after = entries[-1]["id"] if entries else 0
        self._may_lack: set[str] = set()

    def read(self, kind: str | None = None, **equal: object) -> list[dict]:
        """Entries of one kind whose fields equal the given ones, oldest first."""
        asked = {**({"kind": kind} if kind else {}), "after": self._after, **equal}
        return self._sandbox.control(f"/journal?{urlencode(asked)}")["entries"]

    def calls(self, operation: str, **equal: object) -> list[dict]:
        return self.read("call", operation=operation, **equal)

    def events(self, stack: str, request_type: str | None = None, logical_id: str | None = None) -> list[dict]:
        """What was sent to the function for a stack."""
        return [
            e
            for e in self.read("event", stack=stack)
            if request_type in (None, e["request_type"]) and logical_id in (None, e["logical_id"])
        ]

    def answers(self, request_id: str) -> list[dict]:
        return self.read("answer", request_id=request_id)

    def may_lack_an_answer_to(self, request_id: str) -> None:
        """CloudFormation stopped waiting for this request, so nobody has to answer it."""
        self._may_lack.add(request_id)

    def settle(self) -> None:
        """Wait until every event was worked off, retries and continuations included."""
        until(lambda: not self._in_flight(), "every invocation ends")

    def _in_flight(self) -> list[str]:
        """The functions that still have something to do."""
        begun: dict[str, int] = defaultdict(int)
        for event in self.read("event"):
            begun[event["function"]] += 1
        for call in self.calls("InvokeFunction", status=202):
            # A function invokes only itself; who it was stands in the session's name.
            begun[call["principal"].rpartition("/")[2]] += 1
        for invocation in self.read("invocation"):
            if not invocation["failed"] or invocation["attempt"] >= ATTEMPTS:
                begun[invocation["function"]] -= 1
        there = {item.split()[3] for item in self._sandbox.control("/leftovers")["items"] if item.split()[2] == "functions"}
        # Events of a deleted function are dropped.
        return [name for name, count in begun.items() if count > 0 and name in there]

    def check_answers(self) -> None:
        """One true answer to every request, small enough, and taken."""
        sent = {e["request_id"]: e for e in self.read("event")}
        given: dict[str, list[dict]] = defaultdict(list)
        for answer in self.read("answer"):
            given[answer["request_id"]].append(answer)
            assert answer["length"] <= LARGEST_ANSWER, answer
            assert answer["content_type"] == "", answer
        for request_id, event in sent.items():
            answers = given.pop(request_id, [])
            distinct = {(a["status"], a["physical_id"], a["reason"]) for a in answers}
            if request_id in self._may_lack:
                assert len(distinct) <= 1 and not [a for a in answers if a["http_status"] == 200], answers
                continue
            assert len(distinct) == 1, (event["request_type"], event["stack"], answers)
            taken = [a for a in answers if a["http_status"] == 200]
            assert len(taken) == 1, (event["request_type"], event["stack"], answers)
            # Before it: a bucket that was unwell. After it: a duplicate that came to the same end.
            late = [a for a in answers if a["at"] > taken[0]["at"]]
            assert all(a["http_status"] == 403 for a in late), answers
        assert not given, f"answers to nobody's request: {given}"
