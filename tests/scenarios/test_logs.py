"""What the function writes down: enough to follow a request, no poll, no secret."""

from __future__ import annotations

import json

from .deadline import until


def lines(aws, group: str, text: str) -> list[dict]:
    """The JSON lines of a log group that mention something."""
    found = aws("logs").filter_log_events(logGroupName=group, filterPattern="")["events"]
    return [json.loads(e["message"]) for e in found if text in e["message"] and e["message"].startswith("{")]


def test_d14_the_log_of_a_request_names_it_and_holds_no_secret(stack, base, aws, journal):
    group = base.outputs("follower/provider")["LogGroupName"]
    stack.create()
    assert stack.delete() == "DELETE_COMPLETE"
    create, delete = journal.events(stack.name)
    journal.settle()
    for event in (create, delete):
        written = until(lambda: lines(aws, group, event["request_id"]), "the request is in the log")
        text = json.dumps(written)
        for secret in ("X-Amz-", "Signature", "/_sandbox/response/", base.outputs("follower/provider")["ExternalId"]):
            assert secret not in text
        spans = [line["span"] for line in written if "span" in line]
        assert spans, written
        for span in spans:
            assert span["stack_id"] == event["stack_id"]
            assert (span["logical_id"], span["request_id"]) == ("Connection", event["request_id"])
            assert span["kind"] == "Custom::CrossClusterConnection"


def test_one_line_per_change_and_none_per_poll(stack, base, aws, connections, journal, alias):
    group = base.outputs("follower/provider")["LogGroupName"]
    connections.hold("VALIDATING", alias)
    stack.create(wait=False)
    connections.requested(alias)
    until(lambda: len(journal.calls("DescribeOutboundConnections")) >= 4, "the function polls")
    connections.release(alias)
    assert stack.settled() == "CREATE_COMPLETE"
    journal.settle()
    (create,) = journal.events(stack.name)
    said = [line["fields"]["message"] for line in lines(aws, group, create["request_id"])]
    changes = [text for text in said if text.startswith(f"connection `{alias}`: ")]
    assert changes and len(changes) == len(set(changes)), changes
    assert len(changes) < len(journal.calls("DescribeOutboundConnections")), changes
