"""The control API against a running sandbox, and connections over the wire."""

from __future__ import annotations

import socket
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.process import ControlError

from .conftest import FOLLOWER, LEADER, until
from .test_authorization import denied

GOOD = {
    "EngineVersion": "OpenSearch_2.19",
    "NodeToNodeEncryptionOptions": {"Enabled": True},
    "ClusterConfig": {"InstanceType": "m6g.large.search"},
    "AdvancedSecurityOptions": {
        "Enabled": True,
        "InternalUserDatabaseEnabled": True,
        "MasterUserOptions": {"MasterUserName": "master", "MasterUserPassword": "Password-1"},
    },
}


class Pair:
    """A leader and a follower domain of a test's own."""

    def __init__(self, aws, name):
        self.follower, self.leader = aws("opensearch"), aws("opensearch", LEADER)
        self.local, self.remote = f"f-{name}", f"l-{name}"
        self.follower.create_domain(DomainName=self.local, **GOOD)
        self.leader.create_domain(DomainName=self.remote, **GOOD)

    def create(self, alias="alias", client=None, **more):
        def info(where, domain):
            return {"AWSDomainInformation": {"OwnerId": where[0], "Region": where[1], "DomainName": domain}}

        return (client or self.follower).create_outbound_connection(
            LocalDomainInfo=info(FOLLOWER, self.local),
            RemoteDomainInfo=info(LEADER, self.remote),
            ConnectionAlias=alias,
            **more,
        )

    def rows(self):
        filters = [{"Name": "local-domain-info.domain-name", "Values": [self.local]}]
        return self.follower.describe_outbound_connections(Filters=filters)["Connections"]

    def inbound(self):
        filters = [{"Name": "remote-domain-info.domain-name", "Values": [self.remote]}]
        return self.leader.describe_inbound_connections(Filters=filters)["Connections"]

    def becomes(self, status):
        until(lambda: [r["ConnectionStatus"]["StatusCode"] for r in self.rows()] == [status])


@pytest.fixture
def pair(aws, name):
    return Pair(aws, name)


def test_a_connection_from_request_to_deletion(pair):
    made = pair.create()
    assert made["ConnectionStatus"]["StatusCode"] == "VALIDATING"
    pair.becomes("PENDING_ACCEPTANCE")
    until(pair.inbound)
    answer = pair.leader.accept_inbound_connection(ConnectionId=made["ConnectionId"])
    assert answer["Connection"]["ConnectionStatus"]["StatusCode"] == "APPROVED"
    pair.becomes("ACTIVE")
    for client, domain in ((pair.follower, pair.local), (pair.leader, pair.remote)):
        assert denied(client.delete_domain, DomainName=domain) == "ValidationException"
    pair.follower.delete_outbound_connection(ConnectionId=made["ConnectionId"])
    pair.becomes("DELETED")
    pair.follower.delete_domain(DomainName=pair.local)
    pair.leader.delete_domain(DomainName=pair.remote)
    assert pair.rows()[0]["ConnectionStatus"]["StatusCode"] == "DELETED"


def test_not_found_is_a_409(pair):
    with pytest.raises(ClientError) as caught:
        pair.leader.accept_inbound_connection(ConnectionId="c-0000000000")
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ResourceNotFoundException",
        409,
    )
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("action", "code", "status"),
    [
        ({"action": "fail", "code": "InternalException", "status": 500}, "InternalException", 500),
        ({"action": "fail", "code": "LimitExceededException", "status": 409}, "LimitExceededException", 409),
        ({"action": "throttle"}, "ThrottlingException", 429),
    ],
)
def test_the_nth_call_fails_without_taking_effect(pair, sandbox, action, code, status):
    sandbox.control("/faults", {"operation": "CreateOutboundConnection", "nth": 1, **action})
    with pytest.raises(ClientError) as caught:
        pair.create()
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert pair.rows() == []
    assert pair.create()


@pytest.mark.parametrize(("answer", "error"), [("reset", ConnectionClosedError), ("500", ClientError)])
def test_a_lost_answer_is_a_call_that_took_effect(pair, sandbox, answer, error):
    sandbox.control(
        "/faults", {"operation": "CreateOutboundConnection", "action": "lose_response", "nth": 1, "answer": answer}
    )
    with pytest.raises(error):
        pair.create()
    assert denied(pair.create) == "ResourceAlreadyExistsException"
    assert len(until(pair.rows)) == 1


def test_a_delay_delays(pair, sandbox):
    sandbox.control(
        "/faults", {"operation": "DescribeOutboundConnections", "action": "delay", "seconds": 0.5, "nth": 1}
    )
    started = time.monotonic()
    pair.rows()
    assert time.monotonic() - started >= 0.5


def test_errors_speak_the_dialect_of_their_service(aws, sandbox):
    sandbox.control("/faults", {"operation": "*", "action": "throttle"})
    assert (
        denied(aws("sts").assume_role, RoleArn="arn:aws:iam::222222222222:role/r", RoleSessionName="ss") == "Throttling"
    )
    assert denied(aws("ssm").get_parameter, Name="/x") == "ThrottlingException"
    assert denied(aws("lambda").get_function, FunctionName="f") == "ThrottlingException"
    assert denied(aws("cloudformation").describe_stack_resource, StackName="s", LogicalResourceId="r") == "Throttling"


def test_a_rate_limits_calls(pair, sandbox):
    sandbox.control("/throttle", {"operation": "es:*", "per_second": 0.001, "burst": 2})
    pair.rows()
    pair.rows()
    assert denied(pair.follower.describe_outbound_connections) == "ThrottlingException"
    pair.inbound()


def test_connections_are_held_released_and_forced(pair, sandbox):
    alias = pair.local
    sandbox.control("/connections/hold", {"state": "VALIDATING", "alias": alias})
    made = pair.create(alias)
    pair.becomes("VALIDATING")
    (shown,) = sandbox.control(f"/connections?alias={alias}")["connections"]
    assert shown["held_in"] == ["VALIDATING"]
    sandbox.control("/connections/release", {"alias": alias})
    pair.becomes("PENDING_ACCEPTANCE")
    sandbox.control("/connections/force", {"id": made["ConnectionId"], "state": "REJECTED"})
    pair.becomes("REJECTED")


def test_a_validation_outcome_can_be_decided(pair, sandbox):
    alias = pair.local
    sandbox.control("/connections/outcome", {"next": "VALIDATION_FAILED", "message": "because", "alias": alias})
    pair.create(alias)
    pair.becomes("VALIDATION_FAILED")
    assert pair.rows()[0]["ConnectionStatus"]["Message"] == "because"


def test_the_journal_names_calls_without_secrets(pair, sandbox):
    pair.create()
    entry = sandbox.control("/journal?kind=call&operation=CreateOutboundConnection")["entries"][-1]
    assert (entry["account"], entry["region"], entry["status"]) == (*FOLLOWER, 200)
    assert entry["principal"] == "arn:aws:iam::222222222222:root"
    assert "ResponseURL" not in str(sandbox.control("/journal"))
    assert "X-Amz-Signature" not in str(sandbox.control("/journal"))


def test_leftovers_count_by_kind(pair, sandbox):
    pair.create()
    found = sandbox.control("/leftovers")
    assert found["counts"]["domains"] >= 2
    assert f"222222222222 us-west-2 domains {pair.local}" in found["items"]


def test_times_and_behaviours_are_changed_and_checked(sandbox):
    before = sandbox.control("")["timing"]["deleting"]
    assert sandbox.control("/timing", {"deleting": 5})["deleting"] == [5.0, 5.0]
    sandbox.control("/timing", {"deleting": before})
    with pytest.raises(ControlError, match="unknown behaviour"):
        sandbox.control("/behaviour", {"colour": "red"})
    with pytest.raises(ControlError, match="no such control"):
        sandbox.control("/nothing")


def test_it_listens_on_the_loopback_address_only(sandbox):
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        with pytest.raises(OSError), socket.create_connection((address, sandbox.port), timeout=1):
            pass
