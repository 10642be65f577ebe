"""The demo believes nothing: what is left over ends it, whatever kind it is of."""

import pytest

from .checks import Inventory, NotAsPromised


def test_nothing_left_is_as_promised():
    Inventory({"total": 0, "counts": {}, "items": []}).require_empty()


def test_what_is_left_is_named():
    left = Inventory({"total": 1, "counts": {"roles": 1}, "items": ["111111111111 global roles tandem-accepter"]})
    with pytest.raises(NotAsPromised, match="1 roles: 111111111111 global roles tandem-accepter"):
        left.require_empty()


def test_a_kind_that_nobody_thought_of_counts_as_well():
    with pytest.raises(NotAsPromised, match="2 event buses"):
        Inventory({"total": 2, "counts": {"event_buses": 2}, "items": []}).require_empty()


def test_only_the_kinds_asked_for_have_to_be_gone():
    standing = Inventory({"total": 1, "counts": {"roles": 1}, "items": []})
    standing.require_empty("connections", "claims")
    assert standing.counts["claims"] == 0
