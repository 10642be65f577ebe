"""Faults on purpose: fail, throttle, delay, or lose the answer of the n-th call of an operation.

ministack never fails by itself, and what a product does when AWS does is half of what it promises.
Pure: it decides what happens to a call, the gateway does it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

ACTIONS = ("fail", "throttle", "delay", "lose_response")


@dataclass
class Fault:
    """One rule. `nth` is "every", a number, or a list of numbers, counted from when the rule was added."""

    id: int
    operation: str
    action: str
    nth: str | int | list[int] = "every"
    account: str | None = None
    region: str | None = None
    principal: str | None = None
    path: str | None = None
    code: str = "InternalException"
    status: int = 500
    message: str = "Injected by the sandbox."
    seconds: float = 1.0
    answer: str = "reset"
    seen: int = 0
    hits: int = 0

    def matches(self, call: Call) -> bool:
        return (
            self.operation in ("*", call.operation, f"{call.service}:{call.operation}", f"{call.service}:*")
            and self.account in (None, call.account)
            and self.region in (None, call.region)
            and (self.principal is None or self.principal in call.principal)
            and (self.path is None or self.path in call.path)
        )

    def is_due(self) -> bool:
        if self.nth == "every":
            return True
        return self.seen in (self.nth if isinstance(self.nth, list) else [self.nth])


@dataclass(frozen=True)
class Call:
    """Who calls what, where."""

    service: str
    operation: str
    account: str
    region: str
    principal: str = ""
    # Of a request to a domain's endpoint; calls of AWS have none.
    path: str = ""


@dataclass
class Rate:
    """A bucket of tokens per account and Region; an empty one answers "Rate exceeded"."""

    operation: str
    per_second: float
    burst: int
    levels: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def take(self, call: Call, now: float) -> bool:
        level, since = self.levels.get((call.account, call.region), (float(self.burst), now))
        level = min(float(self.burst), level + (now - since) * self.per_second)
        self.levels[(call.account, call.region)] = (level - 1 if level >= 1 else level, now)
        return level >= 1


@dataclass
class Verdict:
    """What to do with one call."""

    delay: float = 0.0
    error: tuple[str, int, str] | None = None
    lose: str | None = None


class Faults:
    """The rules in force."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._faults: list[Fault] = []
        self._rates: list[Rate] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, **values: object) -> Fault:
        if values.get("action") not in ACTIONS:
            raise ValueError(f"`action` is one of {', '.join(ACTIONS)}")
        if not values.get("operation"):
            raise ValueError("`operation` is missing")
        nth = values.get("nth", "every")
        if nth != "every" and not all(isinstance(n, int) and n > 0 for n in (nth if isinstance(nth, list) else [nth])):
            raise ValueError('`nth` is "every", a number from 1, or a list of them')
        if values.get("answer", "reset") not in ("reset", "500"):
            raise ValueError('`answer` is "reset" or "500"')
        unknown = set(values) - (set(Fault.__dataclass_fields__) - {"id", "seen", "hits"})
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        with self._lock:
            fault = Fault(id=next(self._ids), **values)
            self._faults.append(fault)
        return fault

    def all(self) -> list[dict]:
        with self._lock:
            return [vars(fault).copy() for fault in self._faults]

    def clear(self, fault_id: int | None = None) -> None:
        with self._lock:
            self._faults = [f for f in self._faults if fault_id is not None and f.id != fault_id]

    def limit(self, operation: str, per_second: float | None, burst: int = 1) -> None:
        """Allow so many calls a second; None takes the limit away."""
        with self._lock:
            self._rates = [r for r in self._rates if r.operation != operation]
            if per_second is not None:
                self._rates.append(Rate(operation, float(per_second), int(burst)))

    def limits(self) -> list[dict]:
        with self._lock:
            return [{"operation": r.operation, "per_second": r.per_second, "burst": r.burst} for r in self._rates]

    def judge(self, call: Call) -> Verdict:
        """Count the call against every rule and say what happens to it; the first error wins."""
        verdict = Verdict()
        with self._lock:
            for fault in self._faults:
                if not fault.matches(call):
                    continue
                fault.seen += 1
                if not fault.is_due():
                    continue
                fault.hits += 1
                if fault.action == "delay":
                    verdict.delay += fault.seconds
                elif fault.action == "lose_response":
                    verdict.lose = verdict.lose or fault.answer
                elif fault.action == "throttle":
                    verdict.error = verdict.error or ("ThrottlingException", 429, "Rate exceeded")
                else:
                    verdict.error = verdict.error or (fault.code, fault.status, fault.message)
            now = self._clock()
            for rate in self._rates:
                named = ("*", call.operation, f"{call.service}:{call.operation}", f"{call.service}:*")
                if rate.operation in named and not rate.take(call, now):
                    verdict.error = verdict.error or ("ThrottlingException", 429, "Rate exceeded")
        return verdict
