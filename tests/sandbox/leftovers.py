"""What exists in every account and Region, to prove that a deletion left nothing.

Reads ministack's stores directly, because a question through the API would need a principal in every account.
"""

from __future__ import annotations

from collections import Counter

from ministack.services import (
    cloudformation,
    cloudwatch,
    cloudwatch_logs,
    iam,
    lambda_svc,
    opensearch,
    s3,
    secretsmanager,
    sns,
    sqs,
    ssm,
)

from .world import World

# kind -> (store, what of the value or key to show)
_STORES = {
    "functions": lambda: lambda_svc._functions,
    "roles": lambda: iam._roles,
    "policies": lambda: iam._policies,
    "buckets": lambda: s3._buckets,
    "queues": lambda: sqs._queues,
    "topics": lambda: sns._topics,
    "secrets": lambda: secretsmanager._secrets,
    "log_groups": lambda: cloudwatch_logs._log_groups,
    "alarms": lambda: cloudwatch._alarms,
    "domains": lambda: opensearch._domains,
    "parameters": lambda: ssm._parameters,
}


def count(world: World) -> dict:
    """`total`, `counts` by kind, and `items`: one line each, "<account> <region> <kind> <name>"."""
    found: list[tuple[str, str, str, str]] = []
    for kind, store in _STORES.items():
        for key in list(store()._data):
            account, *region, name = key
            if kind == "policies" and (account == "aws" or ":aws:policy/" in str(name)):
                continue
            if kind == "roles" and str(name).startswith("AWSServiceRole"):
                continue
            found.append((account, region[0] if region else "global", kind, str(name)))
    for (account, region, _), stack in cloudformation._stacks._data.items():
        if stack.get("StackStatus") != "DELETE_COMPLETE":
            found.append((account, region, "stacks", f"{stack['StackName']} {stack['StackStatus']}"))
    for connection in world.connections.all():
        if connection.status != "DELETED":
            found.append((*connection.local.scope, "connections", f"{connection.alias} {connection.status}"))
    return {
        "total": len(found),
        "counts": dict(sorted(Counter(kind for _, _, kind, _ in found).items())),
        "items": [" ".join(item) for item in sorted(found)],
    }
