"""A mapping that is missing is a 403 of the security plugin; the Reason names the side, the identity and the role."""

from __future__ import annotations

import pytest

from .documents import OWN_REPLICAS, exists, some, until_equal, write
from .resources import FOLLOWER_ROLE, LEADER_ROLE
from .security import EVERYTHING, bring


@pytest.fixture(params=["index", "rule"])
def kind(request):
    return request.param


def one(resources, kind, **properties):
    """A resource of the kind that makes `books` follow."""
    return getattr(resources, kind)("books" if kind == "index" else "book*", **properties)


def refused(make_stack, resource):
    stack = make_stack("refused", Resource=resource)
    assert stack.create() == "ROLLBACK_COMPLETE"
    return stack.reason(logical_id="Resource")


def succeed(pair, make_stack, resource):
    """With the mapping that the Reason asks for it works, and the documents are equal."""
    stack = make_stack(Resource=resource)
    stack.must_create()
    until_equal(pair, "books")


def test_a_mapping_that_is_missing_on_the_follower_is_told_as_such(bare, make_stack, resources, function, kind):
    write(bare.leader, "books", some(10))
    bring(bare.leader, {LEADER_ROLE: function.role_arn, EVERYTHING: function.role_arn})
    if kind == "rule":
        # What a rule may look at is another matter than what it may start.
        let_look(bare.follower, function.role_arn)
    reason = refused(make_stack, one(resources, kind))
    assert "the follower says: security_exception" in reason
    assert f"Map `{function.role_arn}` to `{FOLLOWER_ROLE}` on the follower at {bare.follower.endpoint}" in reason
    assert not exists(bare.follower, "books")
    bring(bare.follower, {FOLLOWER_ROLE: function.role_arn, EVERYTHING: function.role_arn})
    succeed(bare, make_stack, one(resources, kind))


def test_a_mapping_that_is_missing_on_the_leader_is_told_as_such(bare, make_stack, resources, function, kind):
    write(bare.leader, "books", some(10))
    bring(bare.follower, {FOLLOWER_ROLE: function.role_arn, EVERYTHING: function.role_arn})
    if kind == "rule":
        let_look(bare.leader, function.role_arn)
    reason = refused(make_stack, one(resources, kind))
    assert "the leader says: security_exception" in reason
    assert f"Map `{function.role_arn}` to `{LEADER_ROLE}` on the leader" in reason
    assert not exists(bare.follower, "books")
    bring(bare.leader, {LEADER_ROLE: function.role_arn, EVERYTHING: function.role_arn})
    succeed(bare, make_stack, one(resources, kind))


def test_who_may_do_everything_but_lacks_the_named_role_is_told_which(bare, make_stack, resources, function, kind):
    write(bare.leader, "books", some(10))
    bring(bare.leader, {EVERYTHING: function.role_arn})
    bring(bare.follower, {FOLLOWER_ROLE: function.role_arn, EVERYTHING: function.role_arn})
    reason = refused(make_stack, one(resources, kind))
    assert f"on roles [{LEADER_ROLE}]" in reason
    assert f"to `{LEADER_ROLE}` on the leader" in reason
    bring(bare.leader, {LEADER_ROLE: function.role_arn, EVERYTHING: function.role_arn})
    succeed(bare, make_stack, one(resources, kind))


def test_a_role_of_ones_own_takes_the_place_of_the_built_in_ones(bare, make_stack, resources, function, kind):
    write(bare.leader, "books", some(10))
    for domain in (bare.leader, bare.follower):
        bring(domain, {EVERYTHING: function.role_arn})
    succeed(bare, make_stack, one(resources, kind, LeaderRole=EVERYTHING, FollowerRole=EVERYTHING))


@pytest.mark.parametrize("side", ["leader", "follower"])
def test_a_refusal_by_iam_is_told_from_one_by_a_mapping(pair, make_stack, resources, aws, side):
    """A domain's policy that shuts the function out."""
    write(pair.leader, "books", some(10))
    domain = getattr(pair, side)
    policy = domain.client("opensearch").describe_domain(DomainName=domain.name)["DomainStatus"]["AccessPolicies"]
    closed = policy.replace('"Effect": "Allow"', '"Effect": "Deny"')
    assert closed != policy
    domain.client("opensearch").update_domain_config(DomainName=domain.name, AccessPolicies=closed)
    try:
        reason = refused(make_stack, resources.rule("book*"))
    finally:
        domain.client("opensearch").update_domain_config(DomainName=domain.name, AccessPolicies=policy)
    assert "is not authorized to perform: es:ESHttp" in reason
    assert "Allow es:ESHttpGet" in reason and "on the domain's paths both in the policy of the role that" in reason
    assert f"domain/{domain.name}" in reason
    succeed(pair, make_stack, resources.rule("book*"))


def let_look(domain, arn):
    """What a rule needs beside the replication roles: its own statistics, and the names of indexes."""
    role = {
        "cluster_permissions": ["cluster:admin/plugins/replication/autofollow/stats"],
        "index_permissions": [
            {
                "index_patterns": ["*"],
                "allowed_actions": ["indices:admin/resolve/index", "indices:admin/plugins/replication/autofollow/stats"],
            }
        ],
    }
    domain.must("PUT", "/_plugins/_security/api/roles/looker", role)
    domain.map("looker", arn)


# As the head of templates/role-mappings.yaml lists them.
OPERATOR = {
    "cluster_permissions": [
        "cluster:monitor/main",
        "cluster:monitor/state",
        "cluster:monitor/remote/info",
        "indices:data/read/scroll*",
        "indices:data/read/mget",
        "cluster:admin/plugins/replication/autofollow/update",
        "indices:admin/plugins/replication/autofollow/stats",
        "indices:admin/plugins/replication/follower/stats",
    ],
    "index_permissions": [
        {
            "index_patterns": ["*"],
            "allowed_actions": [
                "indices:admin/get",
                "indices:admin/resolve/index",
                "indices:admin/mappings/get",
                "indices:admin/aliases/get",
                "indices:admin/refresh*",
                "indices:monitor/settings/get",
                "indices:monitor/stats",
                "indices:data/read/get",
                "indices:data/read/mget*",
                "indices:data/read/search*",
                "indices:data/read/point_in_time/*",
                "indices:admin/delete",
                "indices:admin/plugins/replication/autofollow/stats",
            ],
        }
    ],
}


def test_an_operator_who_may_only_what_is_listed_can_do_everything(bare, make_stack, resources, function):
    """Make, compare, change, delete with the index: an index and a rule."""
    for domain, role in ((bare.leader, LEADER_ROLE), (bare.follower, FOLLOWER_ROLE)):
        domain.must("PUT", "/_plugins/_security/api/roles/operator", OPERATOR)
        domain.map("operator", function.role_arn)
        domain.map(role, function.role_arn)
    for index in ("books", "logs-1"):
        write(bare.leader, index, some(10))
    stack = make_stack(
        Index=resources.index("books", WhenDeleted="StopAndDelete"), Rule=resources.rule("logs-*", WhenDeleted="Stop")
    )
    stack.must_create()
    stack.must_change("Index", Settings={"index.number_of_replicas": 0})
    assert (stack.outputs["IndexDifferences"], stack.outputs["RuleDifferences"]) == ("0", "0")
    until_equal(bare, "books", "", *OWN_REPLICAS)
    until_equal(bare, "logs-1")
    stack.must_delete()
    assert not exists(bare.follower, "books")
