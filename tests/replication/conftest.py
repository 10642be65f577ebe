"""A sandbox with two nodes and one function per worker; every scenario has domains of its own, on emptied nodes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from opensearch.domains import MASTER, PASSWORD
from opensearch.node import Distribution
from sandbox.process import Sandbox

from scenarios import artifact as packing
from scenarios.aws import FOLLOWER
from scenarios.journal import Journal
from scenarios.promises import assert_no_signature_in_logs, leftovers, until_equal
from scenarios.session import aws, running_sandbox  # noqa: F401 - fixtures
from scenarios.stacks import Stack, template

from . import security
from .comparison import Ends
from .emptying import empty
from .resources import FOLLOWER_ROLE, LEADER_ROLE, DataStack, Resources

HERE = Path(__file__).parent
_numbers = itertools.count(1)


class Function(NamedTuple):
    """The function under test, and who it is."""

    arn: str
    questions_arn: str
    role_arn: str


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory, nodes=2) as running:
        # Several workers share the processors with their nodes, and every look of the stand-in costs both.
        running.control("/timing", {"replication_poll": [0.3, 0.3]})
        yield running


@pytest.fixture(scope="session")
def function(aws, kept, secret, outdated, tmp_path_factory) -> Function:
    """Beside the follower, as the data provider is, and for these two domains only."""
    packed = packing.pack(tmp_path_factory.mktemp("artifact"))
    storage = aws("s3")
    storage.create_bucket(Bucket="data-scenarios", CreateBucketConfiguration={"LocationConstraint": FOLLOWER.region})
    storage.put_object(Bucket="data-scenarios", Key="tandem.zip", Body=packed.read_bytes())
    parameters = {"ArtifactBucket": "data-scenarios", "ArtifactKey": "tandem.zip", "FunctionName": "data-provider"}
    parameters["DomainEndpoints"] = f"{kept.leader.endpoint},{kept.follower.endpoint}"
    # The last one is not there.
    parameters["MasterSecretArns"] = f"{secret},{outdated},{secret.replace('master', 'nobody')}"
    stack = Stack(aws("cloudformation"), "data-provider", template(HERE / "templates/function.yaml"), parameters)
    assert stack.create() == "CREATE_COMPLETE", stack.reason(logical_id="Function")
    return Function(stack.outputs["FunctionArn"], stack.outputs["QuestionsArn"], stack.outputs["RoleArn"])


@pytest.fixture(scope="session")
def secret(aws) -> str:
    """The ARN of the secret with the master user of both domains."""
    value = json.dumps({"username": MASTER, "password": PASSWORD})
    return aws("secretsmanager").create_secret(Name="data-scenarios/master", SecretString=value)["ARN"]


@pytest.fixture(scope="session")
def outdated(aws) -> str:
    """The ARN of a secret whose password is none any more."""
    value = json.dumps({"username": MASTER, "password": "not-the-password"})
    return aws("secretsmanager").create_secret(Name="data-scenarios/outdated", SecretString=value)["ARN"]


@pytest.fixture(scope="session")
def kept(sandbox, secret) -> Iterator[Ends]:
    """Made once, because making one takes longer than most scenarios."""
    with Ends.make(sandbox) as ends:
        ends.secret = secret
        yield ends


@pytest.fixture
def reset(sandbox) -> Callable[[], None]:
    """Takes every fault back."""

    def run() -> None:
        for path in ("/faults", "/duplicates"):
            sandbox.control(path, method="DELETE")
        for node in sandbox.control("/nodes")["nodes"]:
            sandbox.control("/nodes/state", {"domain": node["domain"]["name"], "state": "running"}, seconds=120)
        for link in sandbox.control("/links")["links"]:
            sandbox.control("/links", {"alias": link["alias"], "state": "up"})

    return run


@pytest.fixture(autouse=True)
def journal(sandbox, function, kept) -> Iterator[Journal]:
    """The journal of this scenario, and the promises that every scenario keeps."""
    before = leftovers(sandbox)
    written = Journal(sandbox)
    yield written
    written.settle()
    written.check_answers()
    left = until_equal(lambda: leftovers(sandbox), before)
    assert left == before, sorted(set(left) ^ set(before))
    assert_no_signature_in_logs(sandbox)


@pytest.fixture(autouse=True)
def unsurprised(request, journal) -> Iterator[None]:
    """Nothing happened that the stand-in or the joining of nodes did not expect."""
    yield
    if not request.node.get_closest_marker("takes_the_follower_away"):
        notes = [n for n in journal.read("note") if n["what"].startswith(("replication of", "joining"))]
        assert not notes


@pytest.fixture
def name() -> str:
    """A name that nothing else of this worker has."""
    return f"data{next(_numbers)}"


@pytest.fixture
def bare(request, kept, journal, reset) -> Iterator[Ends]:
    """A leader and a follower, empty and connected; the function has no role on either."""
    if "pair" not in request.fixturenames:
        for domain in (kept.leader, kept.follower):
            security.bring(domain)
    before = list(kept.connections)
    yield kept
    reset()
    if kept.connections != before:
        kept.disconnect()
        kept.connect(kept.follower, kept.leader, kept.alias)
    for domain in (kept.follower, kept.leader):
        empty(domain)


@pytest.fixture
def pair(bare, function) -> Ends:
    """The same, with everything that the function needs on both."""
    for domain, role in ((bare.leader, LEADER_ROLE), (bare.follower, FOLLOWER_ROLE)):
        security.bring(domain, {role: function.role_arn, security.EVERYTHING: function.role_arn})
    return bare


@pytest.fixture
def resources(bare, function) -> Resources:
    return Resources(bare, function.arn)


@pytest.fixture
def make_stack(aws, bare, name, reset) -> Iterator[Callable[..., DataStack]]:
    """Stacks in the follower's account: `make_stack(Index=resources.index("l1"))`. What is left standing is deleted."""
    made: list[DataStack] = []

    def make(suffix: str = "stack", **held: dict) -> DataStack:
        made.append(DataStack(aws("cloudformation"), f"{name}-{suffix}", held))
        return made[-1]

    yield make
    reset()
    for stack in made:
        if stack.id and stack.status != "DELETE_COMPLETE":
            stack.must_delete()


def pytest_configure(config) -> None:
    config.addinivalue_line("markers", "takes_the_follower_away: the stand-in notes that it cannot write meanwhile")


def pytest_terminal_summary(terminalreporter) -> None:
    """How many scenarios ran, and on which plugin; .ci/run prints it again."""
    ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    ran = {report.nodeid for report in ended if report.when == "call" and report.nodeid.startswith("tests/replication/")}
    if ran:
        terminalreporter.write_line(f"Data scenarios: {len(ran)} ran on {_plugin()}")


def _plugin() -> str:
    distribution = Distribution.read()
    if not distribution.replicates:
        return f"the stand-in for the replication plugin, with real nodes of OpenSearch {distribution.version}"
    return f"the real replication plugin, OpenSearch {distribution.version} ({distribution.kind})"
