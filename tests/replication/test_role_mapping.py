"""Entries in the mapping of a role: ours come and go, everybody else's stay, whoever else is at work."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from opensearch.domains import Domain, until
from opensearch.node import SUPERUSER

from .documents import some, until_equal, write
from .resources import FOLLOWER_ROLE, LEADER_ROLE

OURS, THEIRS = "arn:aws:iam::222222222222:role/ours", "arn:aws:iam::222222222222:role/theirs"
API = "/_plugins/_security/api/rolesmapping"


def mapping(domain: Domain, role: str = LEADER_ROLE) -> dict:
    answer = domain("GET", f"{API}/{role}")
    return answer.json()[role] if answer.status == 200 else {}


def entries(domain: Domain, role: str = LEADER_ROLE, kind: str = "backend_roles") -> set[str]:
    return set(mapping(domain, role).get(kind, []))


def test_a_role_that_nobody_had_is_ours_alone_and_nobodys_afterwards(bare, make_stack, resources, secret):
    stack = make_stack(
        Map=resources.mapping(bare.leader, LEADER_ROLE, OURS, Users=["somebody"], MasterSecretArn=secret)
    )
    stack.must_create()
    assert entries(bare.leader) == {OURS} and entries(bare.leader, kind="users") == {"somebody"}
    stack.must_delete()
    assert entries(bare.leader) == set() and entries(bare.leader, kind="users") == set()


def test_what_was_there_before_stays_even_if_it_is_the_same(bare, make_stack, resources, secret):
    bare.leader.must("PUT", f"{API}/{LEADER_ROLE}", {"backend_roles": [THEIRS], "hosts": ["*.example"]})
    stack = make_stack(Map=resources.mapping(bare.leader, LEADER_ROLE, OURS, THEIRS, MasterSecretArn=secret))
    stack.must_create()
    assert entries(bare.leader) == {OURS, THEIRS}
    assert stack.outputs["MapAdded"] == OURS
    stack.must_delete()
    assert entries(bare.leader) == {THEIRS} and entries(bare.leader, kind="hosts") == {"*.example"}


def test_an_update_adds_what_is_new_and_removes_what_is_gone(bare, make_stack, resources, secret):
    bare.leader.map(LEADER_ROLE, THEIRS)
    stack = make_stack(Map=resources.mapping(bare.leader, LEADER_ROLE, OURS, MasterSecretArn=secret))
    stack.must_create()
    stack.must_change("Map", BackendRoles=[f"{OURS}-2"], Users=["somebody"])
    assert entries(bare.leader) == {THEIRS, f"{OURS}-2"}
    assert entries(bare.leader, kind="users") == {"somebody"}


def test_another_role_is_a_replacement_and_the_former_one_is_left(bare, make_stack, resources, secret):
    for role in (LEADER_ROLE, FOLLOWER_ROLE):
        bare.leader.map(role, THEIRS)
    stack = make_stack(Map=resources.mapping(bare.leader, LEADER_ROLE, OURS, MasterSecretArn=secret))
    stack.must_create()
    stack.must_change("Map", Role=FOLLOWER_ROLE)
    assert entries(bare.leader, LEADER_ROLE) == {THEIRS}
    assert entries(bare.leader, FOLLOWER_ROLE) == {THEIRS, OURS}


def test_two_stacks_with_the_same_entry_do_not_take_it_from_each_other(bare, make_stack, resources, secret):
    """Who came first added it; the other one found it there."""
    first, second = (
        make_stack(name, Map=resources.mapping(bare.leader, LEADER_ROLE, OURS, MasterSecretArn=secret))
        for name in ("first", "second")
    )
    first.must_create()
    second.must_create()
    assert second.outputs["MapAdded"] == ""
    second.must_delete()
    assert entries(bare.leader) == {OURS}
    first.must_delete()
    assert entries(bare.leader) == set()


def test_the_master_may_be_the_function_itself(bare, make_stack, resources, function):
    bare.follower.must(
        "PATCH", API, [{"op": "add", "path": "/all_access/backend_roles", "value": [function.role_arn]}]
    )
    stack = make_stack(Map=resources.mapping(bare.follower, FOLLOWER_ROLE, OURS))
    stack.must_create()
    assert entries(bare.follower, FOLLOWER_ROLE) == {OURS}


def test_who_is_no_administrator_is_told_how_to_become_one(bare, make_stack, resources, function):
    stack = make_stack(Map=resources.mapping(bare.leader, LEADER_ROLE, OURS))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Map")
    assert f"Map `{function.role_arn}` to all_access there" in reason
    assert "or set MasterSecretArn" in reason
    assert entries(bare.leader) == set()


def test_a_secret_with_a_wrong_password_is_told_as_such(bare, make_stack, resources, outdated):
    stack = make_stack(Map=resources.mapping(bare.leader, LEADER_ROLE, OURS, MasterSecretArn=outdated))
    assert stack.create() == "ROLLBACK_COMPLETE"
    stack.must_delete()
    reason = stack.reason(logical_id="Map")
    assert "Check that the secret holds a user of the domain" in reason
    assert "not-the-password" not in reason


def test_a_secret_that_is_not_there_is_told_as_such(bare, make_stack, resources, secret):
    missing = secret.replace("master", "nobody")
    stack = make_stack(Map=resources.mapping(bare.leader, LEADER_ROLE, OURS, MasterSecretArn=missing))
    assert stack.create() == "ROLLBACK_COMPLETE"
    assert "Check MasterSecretArn" in stack.reason(logical_id="Map")


def test_a_reserved_role_is_refused_with_what_to_do_instead(bare, make_stack, resources, secret):
    stack = make_stack(Map=resources.mapping(bare.leader, SUPERUSER, OURS, MasterSecretArn=secret))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Map")
    assert "is reserved" in reason
    assert "Make a role of your own with the same permissions" in reason


def test_a_role_that_does_not_exist_is_named(bare, make_stack, resources, secret):
    stack = make_stack(Map=resources.mapping(bare.leader, "no-such-role", OURS, MasterSecretArn=secret))
    assert stack.create() == "ROLLBACK_COMPLETE"
    reason = stack.reason(logical_id="Map")
    assert "there is no role `no-such-role` on the domain" in reason
    assert "Check Role" in reason


def test_everybody_who_edits_at_the_same_time_survives(bare, make_stack, resources, secret):
    """Five stacks come, change and go while two people add entries by the API as fast as they can."""
    bare.leader.map(LEADER_ROLE, THEIRS)
    stacks = [
        make_stack(f"s{n}", Map=resources.mapping(bare.leader, LEADER_ROLE, f"{OURS}-{n}", MasterSecretArn=secret))
        for n in range(5)
    ]
    with editing(bare.leader, LEADER_ROLE) as edited:
        for stack in stacks:
            stack.create(wait=False)
        for stack in stacks:
            assert stack.settled() == "CREATE_COMPLETE", stack.failures()
        for number, stack in enumerate(stacks):
            stack.change("Map", wait=False, BackendRoles=[f"{OURS}-{number}", f"{OURS}-{number}-too"])
        for stack in stacks:
            assert stack.settled() == "UPDATE_COMPLETE", stack.failures()
        for stack in stacks[:3]:
            stack.delete(wait=False)
        for stack in stacks[:3]:
            assert stack.deleted() == "DELETE_COMPLETE", stack.failures()
    ours = {f"{OURS}-{n}{more}" for n in (3, 4) for more in ("", "-too")}
    assert entries(bare.leader) == {THEIRS} | edited | ours


@contextmanager
def editing(domain: Domain, role: str):
    """Two people; yields what they have added, complete when they have stopped."""
    ended, added = threading.Event(), set()

    def edit(person: str) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            entry = f"{person}-{number}"
            append = [{"op": "add", "path": "/backend_roles/-", "value": entry}]
            # Somebody else was quicker: once more, as a person does.
            until(lambda: domain("PATCH", f"{API}/{role}", append).status == 200)
            added.add(entry)

    people = [threading.Thread(target=edit, args=(person,)) for person in ("ann", "bob")]
    for person in people:
        person.start()
    try:
        yield added
    finally:
        ended.set()
        for person in people:
            person.join()


def test_a_mapping_that_goes_stops_nothing_that_follows(bare, make_stack, resources, function, secret):
    """As the plugin has it: a replication goes on with the roles that it was started with."""
    mappings = {
        "OnTheLeader": resources.mapping(bare.leader, LEADER_ROLE, function.role_arn, MasterSecretArn=secret),
        "OnTheFollower": resources.mapping(bare.follower, FOLLOWER_ROLE, function.role_arn, MasterSecretArn=secret),
    }
    write(bare.leader, "books", some(20))
    mapped = make_stack("mapped", **mappings)
    mapped.must_create()
    # Who may let an index follow may not compare it.
    stack = make_stack(Index=resources.index("books", WaitFor="Syncing"))
    stack.must_create()
    mapped.must_delete()
    write(bare.leader, "books", some(30, "second"))
    assert len(until_equal(bare, "books")) == 30
    # Only those who call need it: the stack cannot go without it.
    mapped = make_stack("mapped-again", **mappings)
    mapped.must_create()
    stack.must_delete()
