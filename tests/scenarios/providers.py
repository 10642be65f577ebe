"""Functions beside the deployed one: with another time-out, another scope, or a permission less."""

from __future__ import annotations

import json
import re

from .deployment import Deployment
from .stacks import TEMPLATES, Stack, template


class Provider:
    """A provider stack of its own and, for two accounts, the accepter role that trusts it."""

    def __init__(self, base: Deployment, name: str):
        self._base, self.name = base, name
        parameters = base.parameters("follower/provider") | {"FunctionName": name, "AccepterRoleName": f"{name}-accepter"}
        self.function = Stack(
            base.aws("cloudformation", base.follower), name, template(TEMPLATES / "provider.yaml"), parameters
        )
        self.role = Stack(
            base.aws("cloudformation", base.leader), f"{name}-accepter", template(TEMPLATES / "accepter-role.yaml"), {}
        )
        # What allow_again goes back to.
        self._whole = [json.dumps(stack.template) for stack in (self.function, self.role)]

    def launch(self, role: dict[str, str] | None = None, **parameters: str) -> Provider:
        """The function with these parameters and, in another account, the accepter role with those."""
        made = self.function.create(**parameters)
        assert made == "CREATE_COMPLETE", self.function.reason(logical_id="Function")
        if self.function.parameters["LeaderAccountId"] not in ("", self._base.follower.account):
            made = self.role.create(
                ProviderRoleArn=self.function.outputs["RoleArn"],
                ExternalId=self.function.outputs["ExternalId"],
                RoleName=f"{self.name}-accepter",
                LeaderRegion=self._base.leader.region,
                **(role or {}),
            )
            assert made == "CREATE_COMPLETE"
        return self

    def without(self, action: str, sid: str | None = None, of: tuple[Stack, ...] = ()) -> Provider:
        """Take one action, and its older twin, out of the policies before the launch.

        Out of one statement if it is named, and of one role if only its stack is given.
        """
        removed = sum(_remove(stack.template, twins(action), sid) for stack in of or (self.function, self.role))
        assert removed, f"no statement of the templates allows {action}"
        return self

    def naming_any(self, kind: str) -> Provider:
        """Let the policies name every resource of this kind, not only the parameter's."""
        self._whole = [re.sub(rf"\b{kind}/\$\{{\w+\}}", f"{kind}/*", whole) for whole in self._whole]
        for stack, whole in zip((self.function, self.role), self._whole, strict=True):
            stack.template = json.loads(whole)
        return self

    def allow_again(self) -> None:
        """Back to the templates as they are."""
        for stack, text in zip((self.function, self.role), self._whole, strict=True):
            whole = json.loads(text)
            if stack.id and stack.template != whole:
                stack.template = whole
                assert stack.update() == "UPDATE_COMPLETE"

    def rename_role(self, suffix: str) -> None:
        """Another accepter role, as after a move of the leader's account to other names."""
        assert self.role.delete() == "DELETE_COMPLETE"
        name = f"{self.name}-{suffix}"
        assert self.function.update(AccepterRoleName=name) == "UPDATE_COMPLETE"
        assert self.role.create(RoleName=name) == "CREATE_COMPLETE"

    def delete(self) -> None:
        for stack in (self.role, self.function):
            if stack.id and stack.status != "DELETE_COMPLETE":
                assert stack.delete() == "DELETE_COMPLETE"

    def principal(self, operation: str) -> str:
        """A part of the ARN of whoever makes this call: the function's role, or the leader's."""
        return f"{self.name}-accepter" if "Inbound" in operation else f"{self.name}-Role"

    @property
    def connection_parameters(self) -> dict[str, str]:
        """What a connection stack needs to be served by this function."""
        parameters = {"ProviderFunctionArn": self.function.outputs["FunctionArn"], "LeaderRegion": self._base.leader.region}
        if self.role.id:
            parameters |= {
                "LeaderAccountId": self._base.leader.account,
                "AccepterRoleArn": self.role.outputs["RoleArn"],
                "AccepterExternalId": self.function.outputs["ExternalId"],
            }
        return parameters


def policies(content: dict) -> list[dict]:
    """The documents of every policy of a template's roles."""
    roles = (r["Properties"] for r in content["Resources"].values() if r["Type"] == "AWS::IAM::Role")
    return [policy["PolicyDocument"] for role in roles for policy in role.get("Policies", [])]


def statement(entry: dict) -> dict:
    """What an entry of a policy says: of a conditional one what it says when it holds."""
    return entry["Fn::If"][1] if "Fn::If" in entry else entry


def actions(entry: dict) -> list[str]:
    listed = statement(entry)["Action"]
    return [listed] if isinstance(listed, str) else list(listed)


def twins(action: str) -> set[str]:
    """An action on connections and that of the operation's former name."""
    plural = "s" if action.endswith("Connections") else ""
    return {action, action.removesuffix("s").replace("Connection", "CrossClusterSearchConnection") + plural}


def _remove(content: dict, doomed: set[str], sid: str | None) -> int:
    removed = 0
    for policy in policies(content):
        kept = []
        for entry in policy["Statement"]:
            is_meant = sid in (None, statement(entry).get("Sid"))
            left = [action for action in actions(entry) if not is_meant or action not in doomed]
            removed += len(actions(entry)) - len(left)
            statement(entry)["Action"] = left
            kept += [entry] if left else []
        policy["Statement"] = kept
    return removed
