"""What the checks read: the templates, parsed, and the Sceptre project, rendered without AWS."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cfnlint.decode.cfn_yaml
import yaml
from sceptre.config.reader import ConfigReader
from sceptre.context import SceptreContext
from sceptre.hooks import Hook
from sceptre.resolvers import Resolver
from sceptre.resolvers.stack_output import StackOutput

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").glob("*.yaml"))
SCEPTRE = ROOT / "sceptre"
EXAMPLE = SCEPTRE / "vars" / "example.yaml"
PERMISSIONS = ROOT / "crates" / "resources" / "permissions.json"
EGRESS_PERMISSIONS = PERMISSIONS.with_name("egress-permissions.json")


@dataclass(frozen=True, eq=False)
class Template:
    """One template: its text for rules about comments, its content for all others."""

    name: str
    text: str
    content: dict

    def resources(self, *types):
        return {
            name: resource
            for name, resource in self.content["Resources"].items()
            if not types or resource["Type"] in types
        }

    def section(self, name):
        return self.content.get(name, {})


@functools.cache
def parse(name, text):
    return Template(name, text, cfnlint.decode.cfn_yaml.loads(text))


def template(name):
    return parse(name, (ROOT / "templates" / name).read_text())


def example(**changes):
    """The variables of vars/example.yaml with changes; `leader__account_id` changes a nested one."""
    variables = yaml.safe_load(EXAMPLE.read_text())
    for path, value in changes.items():
        *groups, key = path.split("__")
        place = variables
        for group in groups:
            place = place[group]
        place[key] = value
    return variables


LAYOUTS = {
    "two accounts": example(),
    "one account": example(follower__account_id="111111111111", follower__profile="leader"),
    "one Region": example(leader__region="us-west-2"),
    "existing domains in two accounts": example(existing_domains=True),
    "existing domains in one account": example(existing_domains=True, follower__account_id="111111111111"),
}


def render(variables, project=SCEPTRE):
    """All stacks of the Sceptre project by name; each set of variables is rendered once."""
    return rendered(json.dumps(variables, sort_keys=True), project) if project == SCEPTRE else read(variables, project)


@functools.cache
def rendered(variables, project):
    return read(json.loads(variables), project)


def read(variables, project):
    context = SceptreContext(project_path=str(project), command_path="", user_variables=variables)
    stacks, _ = ConfigReader(context).construct_stacks()
    return {stack.name: stack for stack in stacks}


def launched(stacks):
    return {name: stack for name, stack in stacks.items() if not (stack.ignore or stack.obsolete)}


def parameters(stack):
    """The parameters as configured, not yet resolved."""
    return stack._parameters or {}


def template_of(stack, project=SCEPTRE):
    path = project / "templates" / stack._template_handler_config["path"]
    return parse(path.name, path.read_text())


def outputs_asked_for(stack):
    """Every `!stack_output` of a stack, in parameters and hooks, as (stack, output)."""
    found = []

    def walk(value):
        if isinstance(value, StackOutput):
            found.append((value.dependency_stack_name.removesuffix(".yaml"), value.output_key))
        if isinstance(value, (Hook, Resolver)):
            walk(value._argument)
        elif isinstance(value, dict):
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(parameters(stack))
    walk(stack.hooks or {})
    return found
