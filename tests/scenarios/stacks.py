"""One CloudFormation stack, through the API, for scenarios that need many or odd ones."""

from __future__ import annotations

import json
from pathlib import Path

import cfnlint.decode.cfn_yaml
from botocore.exceptions import ClientError

from .artifact import ROOT
from .deadline import PATIENCE, until

TEMPLATES = ROOT / "templates"
OWN_TEMPLATES = Path(__file__).with_name("templates")


def template(path: Path) -> dict:
    """A template, parsed, to be changed before it is launched."""
    return json.loads(json.dumps(cfnlint.decode.cfn_yaml.load(str(path))))


class Stack:
    """A stack; parameters persist from one operation to the next."""

    patience, every = PATIENCE, 0.03

    def __init__(self, client, name: str, template: dict, parameters: dict[str, str]):
        self.client, self.name, self.template, self.parameters = client, name, template, dict(parameters)
        self.id: str | None = None

    def create(self, wait: bool = True, **parameters: str) -> str | None:
        self.parameters |= parameters
        self.id = self.client.create_stack(**self._request())["StackId"]
        return self.settled() if wait else None

    def update(self, wait: bool = True, **parameters: str) -> str | None:
        self.parameters |= parameters
        self.client.update_stack(**self._request())
        return self.settled() if wait else None

    def delete(self, wait: bool = True) -> str | None:
        self.client.delete_stack(StackName=self.name)
        return self.deleted() if wait else None

    def _request(self) -> dict:
        known = self.template.get("Parameters", {})
        return {
            "StackName": self.name,
            "TemplateBody": json.dumps(self.template),
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items() if key in known
            ],
        }

    @property
    def status(self) -> str:
        return self.client.describe_stacks(StackName=self.id)["Stacks"][0]["StackStatus"]

    def settled(self, prefix: str = "") -> str:
        def end() -> str | None:
            status = self.status
            return status if status.startswith(prefix) and not status.endswith("IN_PROGRESS") else None

        return until(end, f"stack {self.name} ends {prefix or 'its operation'}", self.patience, self.every)

    def deleted(self) -> str:
        return self.settled("DELETE")

    @property
    def outputs(self) -> dict[str, str]:
        found = self.client.describe_stacks(StackName=self.id)["Stacks"][0].get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    @property
    def connection_id(self) -> str:
        return self.outputs["ConnectionId"]

    def resource(self, logical_id: str = "Connection") -> dict:
        try:
            found = self.client.describe_stack_resource(StackName=self.id, LogicalResourceId=logical_id)
        except ClientError:
            return {}
        return found["StackResourceDetail"]

    def reason(self, status: str = "CREATE_FAILED", logical_id: str = "Connection") -> str:
        """The last reason CloudFormation shows for a resource in a status."""
        events = self.client.describe_stack_events(StackName=self.id)["StackEvents"]
        return next(
            e["ResourceStatusReason"]
            for e in events
            if e["LogicalResourceId"] == logical_id and e["ResourceStatus"] == status and e.get("ResourceStatusReason")
        )
