"""One sandbox and one deployment per worker; after every scenario nothing is left and every request has its answer."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest
from sandbox.process import Sandbox

from .aws import FOLLOWER, LEADER, Place, create_domain
from .connections import Connections
from .deployment import Deployment
from .journal import Journal
from .networks import Nat
from .promises import assert_no_signature_in_logs, leftovers, until_equal
from .providers import Provider
from .session import artifact, aws, running_sandbox  # noqa: F401 - fixtures
from .stacks import TEMPLATES, Stack, template

# What can happen to one call.
FAULTS = ("fail", "throttle", "lose_response")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="session")
def deploy(sandbox, aws, artifact, tmp_path_factory) -> Callable[..., Deployment]:
    """A Sceptre deployment of its own: `deploy("solo", leader, follower)`. Nothing is launched yet."""

    def make(project: str, leader: Place, follower: Place) -> Deployment:
        return Deployment(sandbox, aws, tmp_path_factory.mktemp(project), artifact, project, leader, follower)

    return make


@pytest.fixture(scope="session")
def base(deploy) -> Deployment:
    """Everything but the connection, in two accounts and two Regions, launched by Sceptre."""
    deployment = deploy("tandem", LEADER, FOLLOWER)
    deployment.launch("leader")
    deployment.launch("follower/domain.yaml")
    return deployment


@pytest.fixture(scope="session")
def fast(sandbox) -> dict:
    """The times of the sandbox as it starts."""
    return sandbox.control("")["timing"]


@pytest.fixture
def reset(sandbox, fast) -> Callable[[], None]:
    """Takes every fault, hold and decision back."""

    def run() -> None:
        for path in ("/faults", "/duplicates"):
            sandbox.control(path, method="DELETE")
        for throttle in sandbox.control("")["throttles"]:
            sandbox.control("/throttle", {"operation": throttle["operation"], "per_second": None})
        sandbox.control("/response-bucket", {"state": "up"})
        sandbox.control("/connections/release", {})
        sandbox.control("/behaviour", {"late_answer": "forbidden", "failed_update_id": "answer", "connection_limit": 20})
        sandbox.control("/timing", fast)
        for alias in {row["alias"] for row in sandbox.control("/connections")["connections"]}:
            sandbox.control("/connections/outcome", {"alias": alias, "next": None})

    return run


@pytest.fixture(autouse=True)
def journal(sandbox, reset) -> Iterator[Journal]:
    """The journal of this scenario, and the promises that every scenario keeps."""
    before = leftovers(sandbox)
    kept = Journal(sandbox)
    yield kept
    reset()
    kept.settle()
    kept.check_answers()
    left = until_equal(lambda: leftovers(sandbox), before)
    assert left == before, sorted(set(left) ^ set(before))
    assert_no_signature_in_logs(sandbox)


@pytest.fixture
def name() -> str:
    """A name that nothing else has, fit for an alias, a domain, a function and a stack."""
    return f"s{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]}x{next(_numbers)}"


@pytest.fixture
def alias(name) -> str:
    return name


@pytest.fixture
def connections(request, sandbox, aws, base, reset) -> Iterator[Connections]:
    """Both sides of the service, in the two accounts of the base."""
    if "make_domain" in request.fixturenames:
        request.getfixturevalue("make_domain")
    hands = Connections(sandbox, aws, base.variables["follower"]["domain_name"], base.variables["leader"]["domain_name"])
    yield hands
    reset()
    hands.take_away_what_was_made_by_hand()


@pytest.fixture(scope="session")
def three_providers(base) -> dict[str, Provider]:
    """Functions of their own roles, so that three faults can be tried at once without meeting each other."""
    return {action: Provider(base, f"{action.replace('_', '-')}-provider").launch() for action in FAULTS}


@pytest.fixture(scope="session")
def shared_nat(sandbox, base) -> Nat:
    """Launched once: what comes and goes are the functions behind it."""
    return Nat(sandbox, base).launch()


@pytest.fixture
def nat(shared_nat, reset) -> Iterator[Nat]:
    """A NAT instance that is asleep, and put back to sleep whatever the scenario did to it."""
    yield shared_nat
    reset()
    shared_nat.sleep()


@pytest.fixture
def make_provider(request, base, reset) -> Iterator[Callable[[str], Provider]]:
    # A NAT instance sleeps again when nobody is behind it any more.
    if "nat" in request.fixturenames:
        request.getfixturevalue("nat")
    made: list[Provider] = []

    def make(suffix: str) -> Provider:
        made.append(Provider(base, suffix))
        return made[-1]

    yield make
    reset()
    for provider in made:
        provider.delete()


@pytest.fixture
def make_stack(request, base, name, reset) -> Iterator[Callable[..., Stack]]:
    """Connection stacks: `make_stack("two", LeaderDomainName="other")`. What a scenario leaves standing is deleted."""
    for used in ("make_domain", "make_provider"):
        # Domains and functions go after the connections that need them.
        if used in request.fixturenames:
            request.getfixturevalue(used)
    client, made = base.aws("cloudformation", base.follower), []
    provided = {
        "ProviderFunctionArn": base.outputs("follower/provider")["FunctionArn"],
        "ConnectionAlias": name,
        "FollowerDomainName": base.variables["follower"]["domain_name"],
        "LeaderDomainName": base.variables["leader"]["domain_name"],
        "LeaderRegion": base.leader.region,
        "LeaderAccountId": base.leader.account,
        "AccepterRoleArn": base.outputs("leader/accepter-role")["RoleArn"],
        "AccepterExternalId": base.outputs("follower/provider")["ExternalId"],
    }

    def make(suffix: str = "stack", content: dict | None = None, **parameters: str) -> Stack:
        content = content or template(TEMPLATES / "connection.yaml")
        made.append(Stack(client, f"{name}-{suffix}", content, provided | parameters))
        return made[-1]

    yield make
    reset()
    for stack in made:
        if stack.id and stack.status != "DELETE_COMPLETE":
            assert stack.delete() == "DELETE_COMPLETE", stack.reason("DELETE_FAILED")


@pytest.fixture
def stack(make_stack) -> Stack:
    """The connection stack of the project's template, with the base's parameters."""
    return make_stack()


@pytest.fixture
def make_domain(aws) -> Iterator[Callable[..., str]]:
    """Domains by hand: `make_domain(LEADER, "plain", encrypted=False)`."""
    made: list[tuple[Place, str]] = []

    def make(place: Place, domain: str, encrypted: bool = True) -> str:
        create_domain(aws, place, domain, encrypted)
        made.append((place, domain))
        return domain

    yield make
    for place, domain in made:
        opensearch = aws("opensearch", place)
        if domain in [found["DomainName"] for found in opensearch.list_domain_names()["DomainNames"]]:
            opensearch.delete_domain(DomainName=domain)
