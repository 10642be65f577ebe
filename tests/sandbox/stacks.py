"""Puts our stack operations in the place of ministack's.

ministack deletes nothing after a failed Create and knows no concurrent Delete; see the stack_* modules.
"""

from __future__ import annotations

from ministack.services.cloudformation import changesets, handlers, stacks

from .stack_deletion import delete
from .stack_deployment import deploy
from .stack_operations import running, share
from .stack_rollback import roll_back
from .world import World


def install(world: World) -> None:
    """Replace the operations wherever ministack imported them."""
    share(world)
    for module in (stacks, handlers, changesets):
        for name, ours in (
            ("_deploy_stack_async", deploy),
            ("_delete_stack_async", delete),
            ("_roll_back_operation", roll_back),
        ):
            if hasattr(module, name):
                setattr(module, name, ours)
    cancel = handlers._ACTION_HANDLERS["CancelUpdateStack"]

    def cancel_update(params: dict) -> tuple:
        response = cancel(params)
        stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
        if response[0] == 200 and (operation := running.get(stack.get("StackId"))):
            operation.cancelled.set()
        return response

    handlers._ACTION_HANDLERS["CancelUpdateStack"] = cancel_update
