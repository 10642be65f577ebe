"""Faults, rates and the journal, without a server."""

from __future__ import annotations

import pytest

from sandbox.faults import Call, Faults
from sandbox.journal import Journal
from sandbox.settings import FAST, Behaviour, retimed

CALL = Call("es", "AcceptInboundConnection", "111111111111", "us-east-1", "arn:aws:sts::111111111111:assumed-role/a/b")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({"operation": "AcceptInboundConnection"}, True),
        ({"operation": "es:AcceptInboundConnection"}, True),
        ({"operation": "es:*"}, True),
        ({"operation": "*"}, True),
        ({"operation": "ssm:*"}, False),
        ({"operation": "Accept"}, False),
        ({"operation": "*", "account": "111111111111", "region": "us-east-1"}, True),
        ({"operation": "*", "account": "222222222222"}, False),
        ({"operation": "*", "region": "us-west-2"}, False),
        ({"operation": "*", "principal": ":assumed-role/a/"}, True),
        ({"operation": "*", "principal": ":root"}, False),
    ],
)
def test_a_rule_hits_the_calls_it_names(rule, hit):
    faults = Faults(Clock())
    faults.add(action="fail", **rule)
    assert (faults.judge(CALL).error is not None) == hit


@pytest.mark.parametrize(
    ("nth", "hits"), [("every", [1, 1, 1, 1]), (1, [1, 0, 0, 0]), (3, [0, 0, 1, 0]), ([2, 4], [0, 1, 0, 1])]
)
def test_the_nth_call_counts_from_when_the_rule_was_added(nth, hits):
    faults = Faults(Clock())
    faults.judge(CALL)
    fault = faults.add(operation="*", action="throttle", nth=nth)
    assert [int(faults.judge(CALL).error is not None) for _ in hits] == hits
    assert (fault.seen, fault.hits) == (4, sum(hits))


def test_each_action_has_its_verdict():
    faults = Faults(Clock())
    faults.add(operation="*", action="delay", seconds=2)
    faults.add(operation="*", action="fail", code="LimitExceededException", status=409, message="m")
    faults.add(operation="*", action="lose_response", answer="500")
    verdict = faults.judge(CALL)
    assert (verdict.delay, verdict.error, verdict.lose) == (2, ("LimitExceededException", 409, "m"), "500")
    faults.clear()
    assert faults.judge(CALL).error is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"operation": "x", "action": "explode"},
        {"action": "fail"},
        {"operation": "x", "action": "fail", "nth": 0},
        {"operation": "x", "action": "fail", "color": "red"},
        {"operation": "x", "action": "lose_response", "answer": "?"},
    ],
)
def test_a_wrong_rule_is_refused(wrong):
    with pytest.raises(ValueError):
        Faults(Clock()).add(**wrong)


def test_a_rate_is_a_bucket_per_account_and_region():
    clock = Clock()
    faults = Faults(clock)
    faults.limit("es:*", 2, burst=3)
    assert [bool(faults.judge(CALL).error) for _ in range(4)] == [False, False, False, True]
    assert not faults.judge(Call("es", "X", "222222222222", "us-east-1")).error
    assert not faults.judge(Call("ssm", "X", "111111111111", "us-east-1")).error
    clock.now += 0.5
    assert [bool(faults.judge(CALL).error) for _ in range(2)] == [False, True]
    faults.limit("es:*", None)
    assert not faults.judge(CALL).error


def test_the_journal_is_read_by_kind_position_and_field():
    journal = Journal(Clock())
    first = journal.add("call", operation="A")
    journal.add("event", operation="A")
    journal.add("call", operation="B")
    assert [e["operation"] for e in journal.read("call")] == ["A", "B"]
    assert [e["operation"] for e in journal.read("call", first["id"])] == ["B"]
    assert len(journal.read(operation="A")) == 2


def test_settings_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match="unknown behaviour"):
        Behaviour().change({"colour": "red"})
    with pytest.raises(ValueError, match="is a list"):
        Behaviour().change({"refuse_delete_while": "VALIDATING"})
    with pytest.raises(ValueError, match="unknown time"):
        retimed(FAST, {"dreaming": 1})
    assert retimed(FAST, {"deleting": [1, 2], "approved": 3}).approved == (3.0, 3.0)
