"""One launch from nothing to documents that were found equal, in every kind of layout, and one deletion that leaves nothing."""

from __future__ import annotations

from collections import Counter

import pytest

LAYOUTS = {
    "a function beside each domain": ("two accounts", {}),
    "one account and two Regions": ("one account", {}),
    "one function for both": ("one place", {}),
    "VPCs, by the master users' secrets": ("one Region", {"network": True}),
    "VPCs of two Regions, through a NAT instance": ("two accounts", {"network": True, "egress": "nat-instance"}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_launch_goes_from_two_domains_to_documents_proved_equal(launching, layout):
    places, changes = LAYOUTS[layout]
    with launching(places, pattern="logs-*", index="orders", follower_replicas=0, **changes) as launched:
        # The leader has documents before anybody follows.
        launched.deployment.launch("leader/role-mappings.yaml")
        leader = launched.domain("leader")
        leader.write("logs-1", 300)
        leader.write("logs-2", 20)
        leader.write("orders", 7)
        leader.write("other", 1)
        launched.deployment.launch("")

        said = launched.deployment.outputs("follower/replication")
        assert (said["RuleFollowing"], said["RuleFollowerIndexes"]) == ("2", "logs-1,logs-2")
        assert (said["RuleDocuments"], said["RuleDifferences"]) == ("320", "0")
        assert (said["IndexStatus"], said["IndexDocuments"], said["IndexDifferences"]) == ("SYNCING", "7", "0")
        follower = launched.domain("follower")
        for index, count in (("logs-1", 300), ("logs-2", 20), ("orders", 7)):
            assert follower.documents(index) == leader.documents(index)
            assert len(follower.documents(index)) == count
        assert follower("GET", "/other").status == 404
        shown = follower.must("GET", "/orders/_settings?flat_settings=true")["orders"]["settings"]
        assert shown["index.number_of_replicas"] == "0"

        # And it goes on: with what is there, and with what comes.
        leader.write("logs-1", 10, "second")
        leader.must("DELETE", "/logs-1/_doc/d299?refresh=true")
        leader.write("logs-3", 5)
        assert len(launched.until_equal("logs-1")) == 299
        assert len(launched.until_equal("logs-3")) == 5
        assert follower("PUT", "/logs-1/_doc/mine", {"n": 0}).status == 403

        # Nobody who is not to be asked was asked, and no function in a VPC had nowhere to go.
        blocked = [entry for entry in launched.sandbox.control("/journal?kind=blocked").get("entries", [])]
        assert [entry for entry in blocked if entry["function"].startswith(launched.deployment.project)] == []


def test_two_domains_replicate_different_indexes_in_opposite_directions(launching):
    with launching("two accounts", pattern="logs-*", reverse_pattern="metrics-*") as launched:
        launched.deployment.launch("leader/role-mappings.yaml")
        launched.deployment.launch("follower/role-mappings.yaml")
        launched.domain("leader").write("logs-1", 30)
        launched.domain("follower").write("metrics-1", 40)
        launched.deployment.launch("")
        for side, index, count in (("follower", "logs-1", "30"), ("leader", "metrics-1", "40")):
            said = launched.deployment.outputs(f"{side}/replication")
            assert (said["RuleFollowerIndexes"], said["RuleDocuments"], said["RuleDifferences"]) == (index, count, "0")
        assert launched.domain("leader")("PUT", "/metrics-1/_doc/mine", {"n": 0}).status == 403
        assert launched.domain("follower")("PUT", "/logs-1/_doc/mine", {"n": 0}).status == 403
        # Refused before anything is changed.
        launched.change({"reverse_pattern": "*s-2025"})
        done = launched.deployment.run("launch", "-y", "")
        assert done.returncode != 0
        assert "begins with a letter or a digit" in done.stdout + done.stderr
        launched.change({"reverse_pattern": "l*s-2025"})
        done = launched.deployment.run("launch", "-y", "")
        assert "must not overlap, and logs-* and l*s-2025 do" in done.stdout + done.stderr
        launched.change({"reverse_pattern": "metrics-*"})


def kinds(launched) -> Counter:
    """How many there are of everything."""
    return Counter(item.split()[2] for item in launched.left())


def test_replication_is_switched_on_for_domains_that_there_are_and_off_again(launching):
    with launching("two accounts") as launched:
        launched.deployment.launch("")
        before = kinds(launched)
        assert "MasterUserSecretArn" in launched.deployment.outputs("leader/domain")

        launched.change({"pattern": "logs-*", "when_rule_deleted": "Stop"})
        launched.deployment.launch("leader/role-mappings.yaml")
        launched.domain("leader").write("logs-1", 10)
        launched.deployment.launch("")
        assert launched.deployment.outputs("follower/replication")["RuleDocuments"] == "10"
        assert "MasterUserSecretArn" not in launched.deployment.outputs("leader/domain")
        follower = launched.domain("follower")
        assert follower("PUT", "/logs-1/_doc/mine", {"n": 0}).status == 403

        # As the README says: first prune, as long as the functions may still take down what they made.
        launched.change({"pattern": ""})
        launched.deployment.must("prune", "-y")
        launched.deployment.launch("")
        assert "MasterUserSecretArn" in launched.deployment.outputs("leader/domain")
        assert kinds(launched) == before
