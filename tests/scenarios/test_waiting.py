"""Waiting follows the service, not a clock."""

from __future__ import annotations

from .deadline import until


def test_d11_a_wait_ends_within_one_interval_of_the_service_being_ready(stack, connections, sandbox, aws, journal, alias):
    for state, begin, settled in (
        ("PROVISIONING", lambda: stack.create(wait=False), "CREATE_COMPLETE"),
        ("DELETING", lambda: stack.delete(wait=False), "DELETE_COMPLETE"),
    ):
        mark = journal.read()[-1]["id"] if journal.read() else 0
        connections.hold(state, alias)
        begin()
        connections.becomes(alias, state)
        # Several looks, so that the pace has slowed down.
        until(lambda: len(looks(journal, mark)) >= 4, "the function waits")
        connections.release(alias)
        assert stack.settled() == settled
        journal.settle()
        (answer,) = [a for a in journal.read("answer") if a["id"] > mark]
        times = [look["at"] for look in looks(journal, mark)]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        # The interval is 10 s at most; beside it there is only the time of the calls themselves.
        assert max(gaps) < 10 + 1, gaps
        assert answer["at"] - ready_at(sandbox, aws, connections, alias, journal) < 10 + 1


def looks(journal, mark: int) -> list[dict]:
    return [call for call in journal.calls("DescribeOutboundConnections") if call["id"] > mark]


def ready_at(sandbox, aws, connections, alias: str, journal) -> float:
    """When the connection came to the state it is in, on the journal's clock."""
    aws("sts").get_caller_identity()
    now = journal.calls("GetCallerIdentity")[-1]["at"]
    return now - connections.rows(alias)[-1]["history"][-1]["seconds_ago"]
