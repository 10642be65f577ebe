"""The state machine of connections under a clock of its own; no time passes here."""

from __future__ import annotations

import pytest

from sandbox.connection_requests import INBOUND, OUTBOUND, Domain, ServiceError, make_token
from sandbox.connections import DEAD, INBOUND_STATES, OUTBOUND_STATES, Connections
from sandbox.settings import FAST, REAL, Behaviour, retimed

LEADER = Domain("111111111111", "us-east-1", "leader")
FOLLOWER = Domain("222222222222", "us-west-2", "follower")
GOOD = {
    "EngineVersion": "OpenSearch_2.19",
    "NodeToNodeEncryptionOptions": {"Enabled": True},
    "AdvancedSecurityOptions": {"Enabled": True},
    "ClusterConfig": {"InstanceType": "m6g.large.search"},
}


class Scene:
    """Two good domains, a clock, and shorthands for what the two sides do."""

    def __init__(self, seed=0, timing=FAST, **behaviour):
        self.now = 0.0
        self.domains = {LEADER: dict(GOOD), FOLLOWER: dict(GOOD)}
        self.connections = Connections(lambda: self.now, self.domains.get, timing, Behaviour(**behaviour), seed)

    def create(self, alias="alias", local=FOLLOWER, remote=LEADER, **more):
        request = {
            "LocalDomainInfo": local.shape(),
            "RemoteDomainInfo": remote.shape(),
            "ConnectionAlias": alias,
            **more,
        }
        return self.connections.create(local.scope, request)

    def seen(self, side=OUTBOUND, where=None, **request):
        where = where or (FOLLOWER if side == OUTBOUND else LEADER)
        rows, _ = self.connections.describe(where.scope, side, request)
        return [row["ConnectionStatus"]["StatusCode"] for row in rows]

    def walk(self, side, until, step=0.01, seconds=1000.0):
        """The distinct statuses this side shows until one appears."""
        statuses, end = [], self.now + seconds
        while self.now < end:
            status = (self.seen(side) or ["ABSENT"])[0]
            if statuses[-1:] != [status]:
                statuses.append(status)
            if status == until:
                return statuses
            self.now += step
        raise AssertionError(f"{until} never came: {statuses}")

    def to(self, state, alias="alias"):
        """A connection that has just come to this state by itself."""
        connection = self.create(alias)
        if state == "VALIDATION_FAILED":
            self.connections.decide(state, "no")
        if state != "VALIDATING":
            self.settle()
        if state == "REJECTING" or state == "REJECTED":
            self.connections.reject(LEADER.scope, connection.id)
        elif state in ("APPROVED", "PROVISIONING", "ACTIVE", "DELETING", "DELETED"):
            self.connections.accept(LEADER.scope, connection.id)
            while connection.status != state and state in ("PROVISIONING", "ACTIVE"):
                self.now = connection.due
                self.connections.all()
        if state in ("DELETING", "DELETED"):
            self.settle()
            self.connections.delete(FOLLOWER.scope, OUTBOUND, connection.id)
        if state in ("REJECTED", "DELETED"):
            self.settle()
        assert connection.status == state
        return connection

    def settle(self):
        self.now += 10_000
        self.connections.all()


def refused(call, *arguments, **named):
    with pytest.raises(ServiceError) as caught:
        call(*arguments, **named)
    return caught.value.code, caught.value.status


def test_the_whole_life_as_the_follower_sees_it():
    scene = Scene()
    connection = scene.create()
    assert scene.walk(OUTBOUND, "PENDING_ACCEPTANCE") == ["ABSENT", "VALIDATING", "PENDING_ACCEPTANCE"]
    assert scene.walk(INBOUND, "PENDING_ACCEPTANCE") == ["ABSENT", "PENDING_ACCEPTANCE"]
    scene.connections.accept(LEADER.scope, connection.id)
    assert scene.walk(OUTBOUND, "ACTIVE", 0.001)[-2:] == ["PROVISIONING", "ACTIVE"]
    assert scene.seen(INBOUND) == ["ACTIVE"]
    scene.connections.delete(FOLLOWER.scope, OUTBOUND, connection.id)
    assert scene.walk(OUTBOUND, "DELETED") == ["DELETING", "DELETED"]
    assert scene.seen(INBOUND) == ["DELETED"]
    assert scene.now < 4


def test_every_state_can_be_reached():
    for state in OUTBOUND_STATES:
        scene = Scene()
        scene.to(state)
        scene.now += 1e-9
        if state not in ("APPROVED", "REJECTING", "VALIDATING"):
            assert scene.seen() == [state]


def test_real_time_is_in_minutes():
    scene = Scene(timing=REAL)
    connection = scene.create()
    scene.walk(INBOUND, "PENDING_ACCEPTANCE", 1)
    scene.connections.accept(LEADER.scope, connection.id)
    scene.walk(OUTBOUND, "ACTIVE", 1)
    assert scene.now > 60


def test_times_come_from_the_seed_and_not_from_polling():
    def moments(seed, step):
        scene = Scene(seed)
        connection = scene.create()
        while connection.status == "VALIDATING":
            scene.now += step
            scene.connections.all()
        return connection.id, connection.history[-1][0]

    assert moments(1, 0.001) == moments(1, 0.4)
    assert moments(1, 0.1) != moments(2, 0.1)


def test_deleting_from_the_leader_side_ends_both_sides():
    scene = Scene()
    connection = scene.to("ACTIVE")
    scene.settle()
    scene.connections.delete(LEADER.scope, INBOUND, connection.id)
    assert scene.seen(INBOUND) == ["DELETING"]
    scene.walk(OUTBOUND, "DELETED")


@pytest.mark.parametrize("state", OUTBOUND_STATES)
def test_deleting_in_every_state(state):
    scene = Scene()
    connection = scene.to(state)
    delete = scene.connections.delete
    if state in ("VALIDATING", "APPROVED", "PROVISIONING"):
        assert refused(delete, FOLLOWER.scope, OUTBOUND, connection.id) == ("DisabledOperationException", 409)
    elif state == "DELETED":
        assert refused(delete, FOLLOWER.scope, OUTBOUND, connection.id) == ("ResourceNotFoundException", 409)
    else:
        assert delete(FOLLOWER.scope, OUTBOUND, connection.id).status == "DELETING"


def test_deletion_may_be_allowed_at_any_time():
    scene = Scene(refuse_delete_while=[])
    connection = scene.create()
    assert scene.connections.delete(FOLLOWER.scope, OUTBOUND, connection.id).status == "DELETING"
    scene.settle()
    assert scene.seen(INBOUND) == []


@pytest.mark.parametrize("state", [s for s in INBOUND_STATES if s != "PENDING_ACCEPTANCE"])
@pytest.mark.parametrize("verb", ["accept", "reject"])
def test_accepting_and_rejecting_need_a_pending_connection(state, verb):
    scene = Scene()
    connection = scene.to(state)
    scene.now += 1
    assert refused(getattr(scene.connections, verb), LEADER.scope, connection.id) == ("DisabledOperationException", 409)


def test_the_leader_side_shows_nothing_of_a_failed_validation():
    scene = Scene()
    connection = scene.to("VALIDATION_FAILED")
    assert scene.seen(INBOUND) == []
    assert refused(scene.connections.accept, LEADER.scope, connection.id) == ("ResourceNotFoundException", 409)


@pytest.mark.parametrize("where", [FOLLOWER, ("111111111111", "us-west-2"), ("222222222222", "us-east-1")])
def test_accepting_in_the_wrong_account_or_region_finds_nothing(where):
    scene = Scene()
    connection = scene.to("PENDING_ACCEPTANCE")
    scope = getattr(where, "scope", where)
    assert refused(scene.connections.accept, scope, connection.id) == ("ResourceNotFoundException", 409)


def test_the_leader_side_is_visible_only_after_a_while():
    scene = Scene(timing=retimed(FAST, {"inbound_lag": 5}))
    connection = scene.create()
    scene.walk(OUTBOUND, "PENDING_ACCEPTANCE")
    assert scene.seen(INBOUND) == []
    assert refused(scene.connections.accept, LEADER.scope, connection.id) == ("ResourceNotFoundException", 409)
    scene.now += 5
    assert scene.seen(INBOUND) == ["PENDING_ACCEPTANCE"]


def test_one_side_learns_late_what_the_other_did():
    scene = Scene(timing=retimed(FAST, {"status_lag": 3, "approved": 10}))
    connection = scene.to("PENDING_ACCEPTANCE")
    scene.connections.accept(LEADER.scope, connection.id)
    assert (scene.seen(OUTBOUND), scene.seen(INBOUND)) == (["PENDING_ACCEPTANCE"], ["APPROVED"])
    scene.now += 3
    assert scene.seen(OUTBOUND) == ["APPROVED"]


@pytest.mark.parametrize(
    ("side", "change", "words"),
    [
        (LEADER, None, "does not exist"),
        (LEADER, {"NodeToNodeEncryptionOptions": {"Enabled": False}}, "node-to-node encryption"),
        (FOLLOWER, {"NodeToNodeEncryptionOptions": None}, "node-to-node encryption"),
        (LEADER, {"AdvancedSecurityOptions": {"Enabled": False}}, "fine-grained access control"),
        (FOLLOWER, {"AdvancedSecurityOptions": {}}, "fine-grained access control"),
        (LEADER, {"ClusterConfig": {"InstanceType": "t3.small.search"}}, "instance type"),
        (FOLLOWER, {"ClusterConfig": {"InstanceType": "m3.large.search"}}, "instance type"),
        (FOLLOWER, {"EngineVersion": "OpenSearch_3.1"}, "newer version"),
        (LEADER, {"EngineVersion": "OpenSearch_2.9"}, "newer version"),
        (LEADER, {"EngineVersion": "Elasticsearch_7.10"}, "Elasticsearch domains"),
        (LEADER, {"EngineVersion": "OpenSearch_1.0"}, "does not support"),
    ],
)
def test_validation_looks_at_the_domains(side, change, words):
    scene = Scene()
    if change is None:
        del scene.domains[side]
    else:
        scene.domains[side] = {**GOOD, **change}
    connection = scene.create()
    scene.settle()
    assert connection.status == "VALIDATION_FAILED"
    assert words in connection.message
    assert scene.connections.view(connection, OUTBOUND)["ConnectionStatus"]["Message"] == connection.message


def test_a_follower_may_be_older_than_its_leader():
    scene = Scene()
    scene.domains[FOLLOWER] = {**GOOD, "EngineVersion": "OpenSearch_2.9"}
    assert scene.to("ACTIVE")


def test_a_missing_local_domain_is_not_found():
    scene = Scene()
    del scene.domains[FOLLOWER]
    assert refused(scene.create) == ("ResourceNotFoundException", 409)


def test_the_local_domain_belongs_to_the_caller():
    scene = Scene()
    request = {"LocalDomainInfo": FOLLOWER.shape(), "RemoteDomainInfo": LEADER.shape(), "ConnectionAlias": "alias"}
    for scope in (LEADER.scope, ("222222222222", "us-east-1")):
        assert refused(scene.connections.create, scope, request) == ("ValidationException", 400)


def test_owner_and_region_default_to_the_caller():
    scene = Scene()
    near = Domain(*FOLLOWER.scope, "near-leader")
    scene.domains[near] = dict(GOOD)
    names = [{"AWSDomainInformation": {"DomainName": n}} for n in ("follower", "near-leader")]
    request = {"LocalDomainInfo": names[0], "RemoteDomainInfo": names[1], "ConnectionAlias": "alias"}
    connection = scene.connections.create(FOLLOWER.scope, request)
    assert (connection.local, connection.remote) == (FOLLOWER, near)


@pytest.mark.parametrize("state", OUTBOUND_STATES)
def test_an_alias_is_taken_while_its_connection_is_alive(state):
    scene = Scene()
    scene.to(state)
    if state in DEAD:
        assert scene.create()
    else:
        assert refused(scene.create) == ("ResourceAlreadyExistsException", 409)


def test_an_alias_is_taken_on_its_own_domain_only():
    scene = Scene()
    other = Domain(*FOLLOWER.scope, "other")
    scene.domains[other] = dict(GOOD)
    scene.create()
    assert scene.create(local=other)
    assert scene.create(alias="second")


def test_a_domain_has_twenty_connections_in_each_direction():
    scene = Scene()
    for number in range(20):
        scene.create(f"alias-{number}")
    assert refused(scene.create, "one-more") == ("LimitExceededException", 409)
    other = Domain(*FOLLOWER.scope, "other")
    scene.domains[other] = dict(GOOD)
    assert refused(scene.create, "one-more", local=other) == ("LimitExceededException", 409)
    assert scene.create("back", local=LEADER, remote=FOLLOWER)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ConnectionAlias", "a"),
        ("ConnectionAlias", "a" * 101),
        ("ConnectionAlias", "1alias"),
        ("ConnectionAlias", "al ias"),
        ("ConnectionAlias", None),
        ("ConnectionMode", "INDIRECT"),
        ("ConnectionProperties", {"CrossClusterSearch": {"SkipUnavailable": "MAYBE"}}),
        ("LocalDomainInfo", None),
        ("RemoteDomainInfo", {"AWSDomainInformation": {"DomainName": "ab"}}),
        ("RemoteDomainInfo", {"AWSDomainInformation": {"DomainName": "Leader"}}),
        ("RemoteDomainInfo", {"AWSDomainInformation": {"DomainName": "l" * 29}}),
        ("RemoteDomainInfo", {"AWSDomainInformation": {"DomainName": "leader", "OwnerId": "1234"}}),
        ("RemoteDomainInfo", {"AWSDomainInformation": {"DomainName": "leader", "OwnerId": "12345678901x"}}),
        ("RemoteDomainInfo", {"AWSDomainInformation": {"DomainName": "leader", "Region": "us"}}),
        ("RemoteDomainInfo", {"AWSDomainInformation": {"DomainName": "leader", "Region": "US-EAST-1"}}),
    ],
)
def test_requests_are_checked(field, value):
    scene = Scene()
    request = {"LocalDomainInfo": FOLLOWER.shape(), "RemoteDomainInfo": LEADER.shape(), "ConnectionAlias": "alias"}
    assert refused(scene.connections.create, FOLLOWER.scope, {**request, field: value}) == ("ValidationException", 400)


def test_names_at_their_limits_are_fine():
    scene = Scene()
    assert scene.create("ab")
    assert scene.create("A" + "-_z9" * 24 + "abc")


def test_filters_are_alternatives_inside_and_conditions_between():
    scene = Scene()
    other = Domain(*FOLLOWER.scope, "other")
    scene.domains[other] = dict(GOOD)
    first, second = scene.create("one"), scene.create("two", local=other)
    scene.settle()

    def ids(side, *filters):
        request = {"Filters": [{"Name": n, "Values": v} for n, v in filters]}
        scope = (FOLLOWER if side == OUTBOUND else LEADER).scope
        return [row["ConnectionId"] for row in scene.connections.describe(scope, side, request)[0]]

    assert ids(OUTBOUND, ("connection-id", [first.id, second.id])) == [first.id, second.id]
    assert ids(OUTBOUND, ("local-domain-info.domain-name", ["other"])) == [second.id]
    assert ids(OUTBOUND, ("connection-id", [first.id]), ("local-domain-info.domain-name", ["other"])) == []
    assert ids(
        OUTBOUND, ("remote-domain-info.region", ["us-east-1"]), ("remote-domain-info.owner-id", ["111111111111"])
    )
    assert ids(INBOUND, ("local-domain-info.region", ["us-west-2"]), ("remote-domain-info.domain-name", ["leader"]))
    for side, name in ((OUTBOUND, "connection-alias"), (OUTBOUND, "local-domain-info.region"), (INBOUND, "status")):
        request = {"Filters": [{"Name": name, "Values": ["v"]}]}
        scope = (FOLLOWER if side == OUTBOUND else LEADER).scope
        assert refused(scene.connections.describe, scope, side, request) == ("ValidationException", 400)
    empty = {"Filters": [{"Name": "connection-id", "Values": []}]}
    assert refused(scene.connections.describe, FOLLOWER.scope, OUTBOUND, empty) == ("ValidationException", 400)


def test_pages_hold_every_row_once():
    scene = Scene()
    made = [scene.create(f"alias-{n}").id for n in range(7)]
    scene.settle()
    seen, token = [], None
    while True:
        rows, token = scene.connections.describe(FOLLOWER.scope, OUTBOUND, {"MaxResults": 3, "NextToken": token})
        seen += [row["ConnectionId"] for row in rows]
        if not token:
            break
    assert seen == made
    describe = scene.connections.describe
    assert refused(describe, FOLLOWER.scope, OUTBOUND, {"NextToken": "?"}) == ("InvalidPaginationTokenException", 400)
    assert refused(describe, FOLLOWER.scope, OUTBOUND, {"MaxResults": 101}) == ("ValidationException", 400)
    assert describe(FOLLOWER.scope, OUTBOUND, {"NextToken": make_token(7)}) == ([], None)


def test_each_side_has_its_own_shape():
    scene = Scene()
    properties = {"CrossClusterSearch": {"SkipUnavailable": "ENABLED"}}
    connection = scene.create(ConnectionMode="VPC_ENDPOINT", ConnectionProperties=properties)
    scene.settle()
    outbound = scene.connections.view(connection, OUTBOUND)
    assert outbound["ConnectionProperties"] == properties
    scene.connections.accept(LEADER.scope, connection.id)
    scene.settle()
    outbound, inbound = (scene.connections.view(connection, side) for side in (OUTBOUND, INBOUND))
    assert outbound["ConnectionProperties"]["Endpoint"].startswith("vpc-leader-")
    assert outbound["ConnectionAlias"] == "alias"
    assert not {"ConnectionAlias", "ConnectionProperties"} & set(inbound)
    assert outbound["LocalDomainInfo"] == inbound["LocalDomainInfo"] == FOLLOWER.shape()


def test_a_direct_connection_has_no_endpoint():
    scene = Scene()
    connection = scene.to("ACTIVE")
    assert "Endpoint" not in scene.connections.view(connection, OUTBOUND)["ConnectionProperties"]


@pytest.mark.parametrize("state", OUTBOUND_STATES)
def test_a_domain_is_held_by_its_live_connections(state):
    scene = Scene()
    scene.to(state)
    for domain in (FOLLOWER, LEADER):
        assert bool(scene.connections.holding(domain)) == (state not in DEAD)


@pytest.mark.parametrize("state", ["VALIDATING", "APPROVED", "PROVISIONING", "REJECTING", "DELETING"])
def test_a_connection_can_be_held_in_a_state(state):
    scene = Scene()
    scene.connections.hold(state, "alias")
    connection = scene.to(state) if state == "VALIDATING" else None
    if connection is None:
        connection = scene.create()
        scene.settle()
        getattr(scene.connections, "reject" if state == "REJECTING" else "accept")(LEADER.scope, connection.id)
        if state == "DELETING":
            scene.settle()
            scene.connections.delete(FOLLOWER.scope, OUTBOUND, connection.id)
    for _ in range(3):
        scene.settle()
    assert connection.status == state
    assert scene.connections.release("other") == 0
    assert scene.connections.release("alias") == 1
    assert connection.status != state


def test_a_validation_can_be_decided_and_a_state_forced():
    scene = Scene()
    scene.connections.decide("VALIDATION_FAILED", "because", "alias")
    assert scene.to("VALIDATION_FAILED").message in ("because", "no")
    scene.connections.decide(None, alias="alias")
    scene.connections.decide(None)
    connection = scene.to("PENDING_ACCEPTANCE")
    assert scene.connections.force(connection.id, "REJECTED").status == "REJECTED"
    with pytest.raises(ValueError, match="unknown state"):
        scene.connections.force(connection.id, "GONE")
