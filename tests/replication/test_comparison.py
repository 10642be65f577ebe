"""`tandem compare` on indexes that somebody has tampered with: everything that differs is found, and named by its id."""

from __future__ import annotations

import pytest

from .documents import change, some, until_equal, write


@pytest.fixture
def stopped(pair, make_stack, resources):
    """A follower that was equal, and can be written to."""
    pair.leader.must("PUT", "/books", {"aliases": {"library": {}}, "settings": {"number_of_replicas": 0}})
    write(pair.leader, "books", some(200))
    stack = make_stack(Index=resources.index("books"))
    stack.must_create()
    until_equal(pair, "books")
    stack.must_delete()
    assert pair.must_equal("books")["leader"]["documents"] == 200
    return pair


def tampered(pair, *options):
    compared = pair.compare("books", "", "--json", "--patience", "1", *options)
    assert compared.code == 1, f"{compared.printed}\n{compared.told}"
    assert compared.report["verdict"] == "different"
    return compared.report


def named(report):
    return {how: sorted(d["id"] for d in found["first"]) for how, found in report["documents"].items()}


def test_documents_that_are_missing_stale_altered_or_extra_are_named(stopped):
    pair = stopped
    for name in ("d5", "d7"):
        pair.follower.must("DELETE", f"/books/_doc/{name}")
    write(pair.follower, "books", {"mine": {"n": 0}})
    # The same version with another content: deleted, and written with the version that it had.
    pair.follower.must("DELETE", "/books/_doc/d9")
    pair.follower.must("PUT", "/books/_doc/d9?version=10&version_type=external&refresh=true", {"n": 9, "word": "other"})
    pair.leader.must("PUT", "/books/_doc/d9?version=10&version_type=external&refresh=true", {"n": 9, "word": "first"})
    pair.leader.must("PUT", "/books/_doc/d11?refresh=true", {"n": 11, "word": "newer"})
    report = tampered(pair)
    assert named(report) == {"altered": ["d9"], "extra": ["mine"], "missing": ["d5", "d7"], "stale": ["d11"]}
    assert report["differences"] == 5


def test_a_mapping_a_setting_and_an_alias_that_differ_are_told(stopped):
    pair = stopped
    pair.follower.must("PUT", "/books/_mapping", {"properties": {"added": {"type": "keyword"}}})
    assert any("added" in finding["sentence"] for finding in tampered(pair)["findings"])
    pair.leader.must("PUT", "/books/_mapping", {"properties": {"added": {"type": "keyword"}}})
    pair.must_equal("books")
    pair.follower.must("PUT", "/books/_settings", {"index": {"max_result_window": 12345}})
    assert any("max_result_window" in finding["sentence"] for finding in tampered(pair)["findings"])
    pair.must_equal("books", "", "--override", "index.max_result_window")
    pair.leader.must("PUT", "/books/_settings", {"index": {"max_result_window": 12345}})
    pair.follower.must("POST", "/_aliases", {"actions": [{"remove": {"index": "books", "alias": "library"}}]})
    assert any("library" in finding["sentence"] for finding in tampered(pair)["findings"])


def test_a_missing_index_differs(pair):
    write(pair.leader, "books", some(10))
    assert any("books" in finding["sentence"] for finding in tampered(pair)["findings"])


def test_two_indexes_that_were_written_twice_are_equal_without_their_versions(pair):
    for domain in (pair.leader, pair.follower):
        pair_settings = {"settings": {"number_of_replicas": 0}, "mappings": {"properties": {"n": {"type": "long"}}}}
        domain.must("PUT", "/books", pair_settings)
        write(domain, "books", some(50))
    change(pair.leader, "books")
    write(pair.follower, "books", {"new": {"n": -1, "word": "new"}})
    for word in ("zeroth", "second"):
        write(pair.follower, "books", {"d1": {"n": 1, "word": word}})
    pair.follower.must("DELETE", "/books/_doc/d2?refresh=true")
    pair.must_equal("books", "", "--ignore-versions")
    # Where versions count, one of another version is one that differs.
    assert "d1" in str(named(tampered(pair)))


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
