"""What holds after every scenario, beside the answers that the journal checks: nothing is left, nothing secret is logged."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.process import Sandbox

from .aws import FOLLOWER, Aws
from .deadline import until


def leftovers(sandbox: Sandbox) -> list[str]:
    """What there is; of the deployed stacks only that they are there, for Sceptre may have updated them."""
    items = sandbox.control("/leftovers")["items"]
    return [item.rpartition(" ")[0] if " stacks " in item else item for item in items]


def until_equal(look: Callable[[], list], wanted: list) -> list:
    """What was looked for, or the last look."""
    last: list = []

    def same() -> bool:
        nonlocal last
        last = look()
        return last == wanted

    try:
        until(same, "nothing is left", seconds=10)
    except AssertionError:
        pass
    return last


def assert_no_signature_in_logs(sandbox: Sandbox) -> None:
    """D14, for whatever the scenario did: the query of a ResponseURL is in no log of a function."""
    aws = Aws(sandbox.endpoint)
    logs = aws("logs", FOLLOWER)
    for group in logs.describe_log_groups()["logGroups"]:
        text = str(logs.filter_log_events(logGroupName=group["logGroupName"], filterPattern="")["events"])
        assert "X-Amz-Signature" not in text and "X-Amz-Credential" not in text, group["logGroupName"]
