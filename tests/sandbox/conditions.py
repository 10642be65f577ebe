"""Conditions that cut and join strings; ministack only knows references and selections in them.

`!Select [0, !Split ['.', !Ref InstanceType]]` inside a condition is an internal error there.
"""

from __future__ import annotations

import copy

from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

_FUNCTIONS = ("Fn::Split", "Fn::Join", "Fn::Sub", "Fn::FindInMap")


def install() -> None:
    """Resolve such functions first, wherever ministack imported the evaluation."""
    original = engine._evaluate_conditions

    def evaluate(template: dict, parameters: dict) -> dict:
        conditions = template.get("Conditions") or {}
        resolved = {name: _resolve(value, template, parameters) for name, value in conditions.items()}
        return original({**template, "Conditions": resolved}, parameters)

    for module in (engine, changesets, handlers, stacks, provisioners):
        if hasattr(module, "_evaluate_conditions"):
            module._evaluate_conditions = evaluate


def _resolve(value: object, template: dict, parameters: dict) -> object:
    if isinstance(value, list):
        return [_resolve(item, template, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if any(name in value for name in _FUNCTIONS):
        mappings = template.get("Mappings", {})
        return engine._resolve_refs(copy.deepcopy(value), {}, parameters, {}, mappings, "", "")
    return {name: _resolve(inner, template, parameters) for name, inner in value.items()}
