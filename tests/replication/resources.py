"""Custom resources as a template holds them, with the properties that every scenario of a pair shares."""

from __future__ import annotations

from opensearch.domains import Domain, Pair

from scenarios.stacks import Stack

from .documents import PATIENCE

LEADER_ROLE = "cross_cluster_replication_leader_full_access"
FOLLOWER_ROLE = "cross_cluster_replication_follower_full_access"
# What CloudFormation waits for one resource, in seconds.
SERVICE_TIMEOUT = 900
_PROOF = ("Documents", "Differences", "Seconds", "Compared")
_ATTRIBUTES = {
    "Custom::RoleMapping": ("Role", "Added"),
    "Custom::FollowerIndex": ("FollowerIndex", "LeaderIndex", "Status", "LeaderCheckpoint", "FollowerCheckpoint", *_PROOF),
    "Custom::ReplicationRule": ("Name", "Pattern", "Following", "FollowerIndexes", *_PROOF),
}


class Resources:
    """The resources of one pair, served by one function."""

    def __init__(self, pair: Pair, function_arn: str):
        self.pair, self._function_arn = pair, function_arn

    def index(self, leader_index: str, follower_index: str = "", **properties: object) -> dict:
        """An index of the follower that follows one of the leader's."""
        named = {"FollowerIndex": follower_index} if follower_index else {}
        return self._of_the_follower("Custom::FollowerIndex", LeaderIndex=leader_index, **named, **properties)

    def rule(self, pattern: str, name: str = "rule", **properties: object) -> dict:
        """A rule, and all of the leader's indexes that match its pattern."""
        return self._of_the_follower("Custom::ReplicationRule", Name=name, Pattern=pattern, **properties)

    def mapping(self, domain: Domain, role: str, *backend_roles: str, **properties: object) -> dict:
        """Entries in the mapping of a role, on either domain."""
        lists = {"BackendRoles": list(backend_roles)} if backend_roles else {}
        return self._on(domain, "Custom::RoleMapping", Role=role, **lists, **properties)

    def doomed(self, *after: str) -> dict:
        """A resource that always fails, at once or after others are complete."""
        bad = self.index("none", Nonsense="true")
        return {**bad, **({"DependsOn": list(after)} if after else {})}

    def _of_the_follower(self, kind: str, **properties: object) -> dict:
        """It is done when the documents are equal, unless the properties say otherwise: one function reads both sides."""
        leader = {"LeaderEndpoint": self.pair.leader.endpoint, "LeaderRegion": self.pair.leader.region}
        given = {"ConnectionAlias": self.pair.alias, **leader, **properties}
        return self._on(self.pair.follower, kind, **given)

    def _on(self, domain: Domain, kind: str, **properties: object) -> dict:
        shared = {
            "ServiceToken": self._function_arn,
            "ServiceTimeout": SERVICE_TIMEOUT,
            "Endpoint": domain.endpoint,
            "Region": domain.region,
        }
        given = {**shared, **properties}
        return {"Type": kind, "Properties": {name: value for name, value in given.items() if value is not None}}


class DataStack(Stack):
    """A stack of such resources; every attribute is an output, as `IndexStatus` of the resource `Index`."""

    # What is waited for takes seconds, and several workers share the processors with the nodes.
    patience, every = PATIENCE, 0.2

    def __init__(self, client, name: str, resources: dict[str, dict]):
        super().__init__(client, name, {}, {})
        self.hold(resources)

    def hold(self, resources: dict[str, dict]) -> None:
        """From the next operation on."""
        outputs = {
            f"{logical_id}{attribute}": {"Value": {"Fn::GetAtt": [logical_id, attribute]}}
            for logical_id, resource in resources.items()
            if "Nonsense" not in resource["Properties"]
            for attribute in _ATTRIBUTES[resource["Type"]]
        }
        self.template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": outputs}

    def add(self, **resources: dict) -> None:
        self.hold({**self.template["Resources"], **resources})

    def change(self, logical_id: str, wait: bool = True, **properties: object) -> str | None:
        """Update with other properties of one resource; None takes one away."""
        held = dict(self.template["Resources"])
        merged = {**held[logical_id]["Properties"], **properties}
        held[logical_id] = {**held[logical_id], "Properties": {n: v for n, v in merged.items() if v is not None}}
        self.hold(held)
        return self.update(wait=wait)

    def must_create(self) -> None:
        assert self.create() == "CREATE_COMPLETE", self.failures()

    def must_change(self, logical_id: str, **properties: object) -> None:
        assert self.change(logical_id, **properties) == "UPDATE_COMPLETE", self.failures()

    def must_delete(self) -> None:
        assert self.delete() == "DELETE_COMPLETE", self.failures()

    def failures(self) -> list[str]:
        """Every reason that CloudFormation shows, newest first."""
        events = self.client.describe_stack_events(StackName=self.id)["StackEvents"]
        return [
            f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event['ResourceStatusReason']}"
            for event in events
            if event.get("ResourceStatusReason") and "FAILED" in event["ResourceStatus"]
        ]
