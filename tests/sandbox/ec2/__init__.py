"""EC2 as the templates and the function meet it: instances that take time, interfaces, gateways, peering.

ministack answers most of EC2's API from memory, at once and without asking whether a deletion would break anything.
"""

from __future__ import annotations

from ..world import World
from . import (
    addresses,
    dependencies,
    documents,
    endpoints,
    images,
    instance_type,
    instances,
    interfaces,
    networks,
    resources,
    routes,
    rules,
    transit_gateway_actions,
    transit_gateway_types,
)


def install(world: World) -> None:
    """Patch everything in; dependencies last, because they wrap the deletions of all the others."""
    resources.install()
    images.install()
    networks.install()
    interfaces.install()
    addresses.install()
    instances.install(world)
    instance_type.install(world)
    rules.install()
    endpoints.install()
    routes.install()
    documents.install()
    transit_gateway_actions.install(world)
    transit_gateway_types.install(world)
    dependencies.install()
