"""Asks AWS what it knows: both sides of the connection, the stacks, their events.

Only questions; every change is Sceptre's and CloudFormation's.
"""

from __future__ import annotations

from typing import NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .project import Project, Side


class View(NamedTuple):
    """A connection as one side shows it."""

    id: str
    alias: str
    status: str
    message: str
    follower: str
    leader: str


class Sides:
    """The leader's and the follower's account, each in its Region."""

    def __init__(self, project: Project):
        self._project = project
        self._clients: dict[tuple[str, str], object] = {}

    def connections(self, role: str) -> list[View]:
        """All rows that one side lists."""
        search = self._client(self._side(role), "opensearch")
        if role == "follower":
            rows = search.describe_outbound_connections()["Connections"]
        else:
            rows = search.describe_inbound_connections()["Connections"]
        return [_view(row) for row in rows]

    def statuses(self) -> tuple[str, str]:
        """What the follower's and the leader's side say about the newest connection, in this order."""
        rows = {role: {view.id: view for view in self.connections(role)} for role in ("follower", "leader")}
        living = [view for view in rows["follower"].values() if view.status != "DELETED"]
        newest = (living or [*rows["follower"].values()])[-1:]
        return tuple(rows[role][newest[0].id].status if newest and newest[0].id in rows[role] else "" for role in rows)

    def stacks(self) -> dict[str, str]:
        """The status of every stack of this deployment that is there."""
        found = {}
        for side in dict.fromkeys((self._project.leader, self._project.follower)):
            for stack in self._client(side, "cloudformation").describe_stacks()["Stacks"]:
                found[self._project.short(stack["StackName"])] = stack["StackStatus"]
        return {name: status for name, status in found.items() if status != "DELETE_COMPLETE"}

    def custom_resources(self) -> int:
        """How many resources of ours the stacks hold."""
        found = 0
        for stack in self.stacks():
            listed = self._cloudformation(stack).describe_stack_resources(StackName=self._stack_name(stack))
            found += sum(resource["ResourceType"].startswith("Custom::") for resource in listed["StackResources"])
        return found

    def outputs(self, stack: str) -> list[tuple[str, str]]:
        described = self._cloudformation(stack).describe_stacks(StackName=self._stack_name(stack))["Stacks"][0]
        return [(output["OutputKey"], output["OutputValue"]) for output in described.get("Outputs", [])]

    def failure(self, stack: str) -> tuple[str, str] | None:
        """The first failed resource of a stack and the Reason that CloudFormation shows."""
        try:
            events = self._cloudformation(stack).describe_stack_events(StackName=self._stack_name(stack))["StackEvents"]
        except ClientError:
            return None
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        return (failed[-1]["LogicalResourceId"], failed[-1].get("ResourceStatusReason", "")) if failed else None

    def _side(self, role: str) -> Side:
        return self._project.leader if role == "leader" else self._project.follower

    def _cloudformation(self, stack: str):
        return self._client(self._side(stack.split("/")[0]), "cloudformation")

    def _stack_name(self, stack: str) -> str:
        return f"{self._project.name}-{stack.replace('/', '-')}"

    def _client(self, side: Side, service: str):
        key = (side.role, service)
        if key not in self._clients:
            session = boto3.Session(profile_name=side.profile, region_name=side.region)
            self._clients[key] = session.client(service, config=Config(connect_timeout=5, read_timeout=30))
        return self._clients[key]


def _view(row: dict) -> View:
    status = row["ConnectionStatus"]
    return View(
        row["ConnectionId"], row.get("ConnectionAlias", ""), status["StatusCode"], status.get("Message", ""),
        _domain(row["LocalDomainInfo"]), _domain(row["RemoteDomainInfo"]),
    )


def _domain(info: dict) -> str:
    domain = info["AWSDomainInformation"]
    return f"{domain.get('OwnerId', '')}/{domain.get('Region', '')}/{domain['DomainName']}"
