"""A sandbox with two nodes, into which whole deployments are launched, each in accounts of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sandbox.process import Sandbox
from scenarios.aws import Place
from scenarios.deployment import Deployment
from scenarios.session import artifact, aws, running_sandbox  # noqa: F401 - fixtures

from .launched import Launched

PLACES = {
    "two accounts": (Place("{:03}000000001", "us-east-1"), Place("{:03}000000002", "us-west-2")),
    "one account": (Place("{:03}000000002", "us-east-1"), Place("{:03}000000002", "us-west-2")),
    "one Region": (Place("{:03}000000001", "us-west-2"), Place("{:03}000000002", "us-west-2")),
    "one place": (Place("{:03}000000002", "us-west-2"), Place("{:03}000000002", "us-west-2")),
}
_numbers = itertools.count(801)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory, nodes=2) as running:
        yield running


@pytest.fixture(scope="session")
def launching(sandbox, aws, artifact, tmp_path_factory) -> Callable[..., AbstractContextManager[Launched]]:
    """`with launching("two accounts", pattern="logs-*") as launched`: deleted at the end, and nothing of it is left."""

    @contextmanager
    def make(places: str, **changes: object) -> Iterator[Launched]:
        number = next(_numbers)
        leader, follower = (place._replace(account=place.account.format(number)) for place in PLACES[places])
        project = f"data-{number}"
        deployment = Deployment(sandbox, aws, tmp_path_factory.mktemp(project), artifact, project, leader, follower)
        launched = Launched(sandbox, aws, deployment)
        launched.change(changes)
        try:
            yield launched
        finally:
            launched.delete()
        assert launched.left() == []

    return make
