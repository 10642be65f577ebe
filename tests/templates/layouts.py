"""The layouts that a user can choose, as changes to vars/example.yaml, and which of them are worth a launch. Pure.

`leader__region` is the key `region` of `leader`.
"""

import itertools

ACCOUNTS = {"two accounts": {}, "one account": {"follower__account_id": "111111111111", "follower__profile": "leader"}}
REGIONS = {"two Regions": {}, "one Region": {"leader__region": "us-west-2"}}
EGRESSES = {
    "no egress": {},
    "NAT instance": {"egress": "nat-instance"},
    "existing egress": {
        "egress": "existing",
        "follower__function_subnet_ids": "subnet-1,subnet-2",
        "follower__function_security_group_ids": "sg-1",
    },
}
DOMAINS = {
    "public domains": {},
    "existing domains": {"existing_domains": True},
    "VPCs": {"network": True},
    "VPCs with three zones": {"network": True, "domain__availability_zone_count": 3, "domain__instance_count": 3},
    "VPCs and tunnels": {"network": True, "dashboards_tunnel": True},
    "peered VPCs": {"network": True, "transit_gateway": True},
    "peered VPCs and tunnels": {"network": True, "transit_gateway": True, "dashboards_tunnel": True},
}
CHOICES = (ACCOUNTS, REGIONS, EGRESSES, DOMAINS)
SWITCHES = ("existing_domains", "network", "dashboards_tunnel", "transit_gateway")
LAYOUTS = {
    ", ".join(names): {key: value for part in parts for key, value in part.items()}
    for combination in itertools.product(*(choice.items() for choice in CHOICES))
    for names, parts in [zip(*combination, strict=True)]
}


# What replicates, in which direction.
REPLICATIONS = {
    "replicating": {"pattern": "logs-*", "index": "orders"},
    "replicating both ways": {"pattern": "logs-*", "reverse_pattern": "metrics-*"},
}


def replicating(layout, replication):
    """A layout in which indexes replicate, with what that asks for."""
    changes = {**LAYOUTS[layout], **REPLICATIONS[replication]}
    if changes.get("existing_domains"):
        changes |= {f"{side}__endpoint": f"{side}.example.com" for side in ("leader", "follower")}
        # The one by its master user's secret, the other by hand.
        changes["leader__master_user"] = "arn:aws:secretsmanager:us-east-1:111111111111:secret:leader-AbCdEf"
    is_far = changes.get("network") and "leader__region" not in changes
    if is_far and ("reverse_pattern" in changes or changes.get("egress") != "nat-instance"):
        changes["wait_for"] = "Syncing"
    return changes


def traits(layout):
    """What a layout is, switch by switch: (which, how)."""
    changes, (accounts, regions, egress, _) = LAYOUTS[layout], layout.split(", ")
    return [("accounts", accounts), ("Regions", regions), ("egress", egress), *((s, s in changes) for s in SWITCHES)]


def pairs(layout):
    """Every two of its traits, which a fault that needs two options to meet would show in."""
    return set(itertools.combinations(traits(layout), 2))


def covering():
    """A few layouts in which every two traits meet that can meet: the shortest list that any beginning leads to."""
    return min((_covering_from(layout) for layout in LAYOUTS), key=len)


def _covering_from(first):
    chosen, wanted = [first], set().union(*map(pairs, LAYOUTS)) - pairs(first)
    while wanted:
        chosen.append(max(LAYOUTS, key=lambda layout: len(pairs(layout) & wanted)))
        wanted -= pairs(chosen[-1])
    return chosen


def different():
    """One layout of each set of stacks; where they differ only in their Regions or sizes, these take turns."""
    found = {}
    for layout in LAYOUTS:
        found.setdefault(tuple(trait for trait in traits(layout) if trait[0] != "Regions"), []).append(layout)
    return [layouts[turn % len(layouts)] for turn, layouts in enumerate(found.values())]
