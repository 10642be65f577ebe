"""From two connected domains to documents that are proved equal."""

from __future__ import annotations

from .documents import change, some, until_equal, write
from .resources import FOLLOWER_ROLE, LEADER_ROLE


def test_one_stack_maps_the_roles_on_both_sides_and_what_the_leader_has_follows(
    bare, make_stack, resources, function, secret
):
    write(bare.leader, "books", some(300))
    mappings = {
        name: resources.mapping(domain, role, function.role_arn, MasterSecretArn=secret)
        for name, domain, role in (
            ("OnTheLeader", bare.leader, LEADER_ROLE),
            ("OnTheFollower", bare.follower, FOLLOWER_ROLE),
            # To compare is more than the roles of the plugin allow.
            ("ReadsTheLeader", bare.leader, "all_access"),
            ("ReadsTheFollower", bare.follower, "all_access"),
        )
    }
    index = {**resources.index("books"), "DependsOn": list(mappings)}
    stack = make_stack(**mappings, Index=index)
    stack.must_create()
    assert stack.outputs["IndexStatus"] == "SYNCING"
    assert (stack.outputs["IndexDocuments"], stack.outputs["IndexDifferences"]) == ("300", "0")
    assert "`books` is equal to the leader's `books`: 300 documents" in stack.outputs["IndexCompared"]
    assert stack.outputs["OnTheLeaderAdded"] == function.role_arn
    assert len(until_equal(bare, "books")) == 300
    change(bare.leader, "books")
    documents = until_equal(bare, "books")
    assert documents["new"] == (1, {"n": -1, "word": "new"})
    assert documents["d1"] == (2, {"n": 1, "word": "second"})
    assert "d2" not in documents
    stack.must_delete()
    for domain, role in ((bare.leader, LEADER_ROLE), (bare.follower, FOLLOWER_ROLE)):
        assert function.role_arn not in str(domain("GET", f"/_plugins/_security/api/rolesmapping/{role}").json())


def test_the_rule_and_the_index_of_one_stack_do_not_get_into_each_others_way(pair, make_stack, resources):
    for index in ("logs-1", "books"):
        write(pair.leader, index, some(20))
    stack = make_stack(Rule=resources.rule("logs-*"), Index=resources.index("books", "books-copy"))
    stack.must_create()
    assert stack.outputs["RuleFollowing"] == "1"
    until_equal(pair, "logs-1")
    until_equal(pair, "books", "books-copy")
