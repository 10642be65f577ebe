"""What a comparison says, by the command and in a stack; what it finds is in tests/opensearch/tests/test_compare.py."""

from __future__ import annotations

from .documents import change, some, until_equal, write


def test_two_indexes_that_were_written_twice_are_equal_without_their_versions(pair):
    for domain in (pair.leader, pair.follower):
        write(domain, "books", some(50))
    change(pair.leader, "books")
    write(pair.follower, "books", {"new": {"n": -1, "word": "new"}})
    for word in ("zeroth", "second"):
        write(pair.follower, "books", {"d1": {"n": 1, "word": word}})
    pair.follower.must("DELETE", "/books/_doc/d2?refresh=true")
    pair.must_equal("books", "", "--ignore-versions")
    # Where versions count, one of another version is one that differs.
    counted = pair.compare("books", "", "--json", "--patience", "1")
    assert counted.code == 1 and "d1" in str(counted.named())


def test_the_table_says_it_to_a_person(pair):
    for domain in (pair.leader, pair.follower):
        write(domain, "books", some(30))
    equal = pair.compare("books")
    assert equal.code == 0 and "EQUAL" in equal.printed
    pair.follower.must("DELETE", "/books/_doc/d3?refresh=true")
    different = pair.compare("books", "", "--patience", "1")
    assert different.code == 1
    assert "DIFFERENT" in different.printed
    assert "1 missing: on the leader and not on the follower" in different.printed and "d3" in different.printed


def test_a_stack_says_what_it_compared_or_why_it_did_not(pair, make_stack, resources):
    for index in ("logs-1", "logs-2"):
        write(pair.leader, index, some(40))
    stack = make_stack(Rule=resources.rule("logs-*"))
    stack.must_create()
    assert stack.outputs["RuleCompared"] == "80 documents of 2 indexes are equal on both sides."
    assert (stack.outputs["RuleDocuments"], stack.outputs["RuleDifferences"]) == ("80", "0")
    stack.must_change("Rule", WaitFor="Syncing")
    assert stack.outputs["RuleCompared"] == "Not compared, because WaitFor is Syncing."
    assert stack.outputs["RuleDifferences"] == "unknown"
    stack.must_change("Rule", WaitFor="Equal", EqualUpTo=39)
    assert "2 more indexes hold more documents than EqualUpTo" in stack.outputs["RuleCompared"]
    stack.must_change("Rule", EqualUpTo=40)
    assert stack.outputs["RuleDifferences"] == "0"
    until_equal(pair, "logs-1")


def test_without_the_leaders_endpoint_nothing_can_be_compared_and_nothing_is_begun(pair, make_stack, resources):
    write(pair.leader, "books", some(10))
    stack = make_stack(Index=resources.index("books", LeaderEndpoint=None, LeaderRegion=None))
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert "Property LeaderEndpoint is missing" in stack.reason(logical_id="Index")
    second = make_stack("second", Index=resources.index("books"))
    second.must_create()
    until_equal(pair, "books")
