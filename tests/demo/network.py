"""`python -m demo.network`: two accounts, two Regions, a NAT that is woken and put back to sleep, and peered networks."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
from reachability import flows, launching, reading
from reachability.network import Place
from sandbox.process import Sandbox

from . import __main__ as plain
from .checks import Inventory, NotAsPromised, require
from .nat_life import happened_in_order, short_life
from .network_timeline import NetworkTimeline
from .project import DEV_ZIP, ROOT, Project, Side
from .sides import Sides
from .surroundings import end_like_ctrl_c, local_aws
from .terminal import Terminal

OPTIONS = {"network": "true", "egress": "nat-instance", "transit_gateway": "true", "dashboards_tunnel": "true"}
# The NAT's life while something is launched or deleted, and it slept before.
WOKEN = ["leased", "starts", "runs", "ready", "released", "stopping", "stopped"]


class NetworkDemo:
    """The acts; each checks what it shows."""

    def __init__(self, terminal: Terminal, project: Project, sandbox: Sandbox):
        self._terminal, self._project, self._sandbox = terminal, project, sandbox
        self._sides = Sides(project)

    def run(self) -> None:
        self._introduce()
        nat = self._launch_nat()
        self._launch_the_rest(nat)
        self._show_flows()
        self._delete()

    def _introduce(self) -> None:
        terminal = self._terminal
        terminal.line("Tandem with networks: domains in VPCs, a function behind a NAT that sleeps, two Regions peered.", "bold")
        terminal.line()
        terminal.paragraph(
            "Sceptre, the templates and the function are the real ones; the AWS is a local one on this machine, with IAM "
            "enforced. What a function in a VPC calls gets there only if routes, rules and endpoints lead there."
        )
        terminal.line()
        terminal.table(None, [[f"{name}:", value] for name, value in OPTIONS.items()])

    def _launch_nat(self) -> str:
        self._terminal.heading("1. The networks and the NAT come first, and with nothing to do it goes to sleep")
        self._must("launch", "-y", "follower/egress.yaml")
        nat = self._sides_output("follower/egress", "NatInstanceId")
        self._terminal.line()
        self._terminal.paragraph("Here its 15 idle minutes are over at once.")
        self._terminal.line()
        timeline, before = NetworkTimeline(self._terminal, self._sides, self._nat), self._last()
        self._sandbox.control("/instances/halt", {"id": nat})
        require(timeline.watch(lambda: self._sleeps(before)), "The NAT instance did not stop.")
        self._terminal.line()
        self._terminal.good("The NAT instance has halted itself.")
        return nat

    def _launch_the_rest(self, nat: str) -> None:
        self._terminal.heading("2. Launching everything else wakes it, for as long as it is needed")
        before = self._last()
        timeline = self._must("launch", "-y", "")
        require(timeline.watch(lambda: self._sleeps(before)), "The NAT instance was left running.")
        self._check_life(nat, before)
        states = [peering["state"] for peering in self._sandbox.control("/peerings")["peerings"]]
        require(states == ["available"], f"There should be one peering that is available, not {states}.")
        self._terminal.line()
        self._terminal.good("The NAT instance sleeps again, and the networks of both Regions are peered.")

    def _show_flows(self) -> None:
        self._terminal.heading("3. Who gets where, proved from the routes, rules and endpoints that EC2 describes")
        sides = (self._project.leader, self._project.follower)
        places = {side.role: Place(side.account, side.region) for side in sides}
        world = {place: reading.read(self._client, place) for place in places.values()}
        layout = launching.layout(Described(self._client, self._project, self._sides, places), world)
        rows = []
        for flow, verdict in flows.table(flows.awake(world, layout), flows.promised(layout)):
            asleep = flows.reaches(flows.asleep(world, layout), flow.source, flow.target, flow.bucket)
            # What leaves through the NAT waits until it is awake.
            rows.append([flow.name, verdict.via or f"NO: {verdict.missing}", "passes" if asleep.passes else "waits"])
        self._terminal.table(["from -> to", "by", "while the NAT sleeps"], rows)
        broken = flows.broken(world, layout)
        require(not broken, f"These flows do not pass: {broken}")
        everybody = [host for place in places.values() for host in reading.interfaces(world[place], place)]
        intruders = flows.intruders(world, layout, [*everybody, *layout.domains])
        require(not intruders, f"Somebody else reaches a domain: {intruders}")
        self._terminal.line()
        self._terminal.good("Nobody else reaches a domain.")

    def _delete(self) -> None:
        self._terminal.heading("4. One command takes everything down, and nothing is left")
        full = Inventory(self._sandbox.control("/leftovers"))
        before = self._last()
        self._must("delete", "-y", "")
        words = short_life(self._nat(before))
        require(happened_in_order(words, ["leased", "starts", "ready", "released"]), f"The NAT's life was {words}.")
        after = Inventory(self._sandbox.control("/leftovers"))
        self._terminal.line()
        counts = [[word, count, after.counts.get(word, 0)] for word, count in full.counts.items()]
        self._terminal.table(["in both accounts", "launched", "left"], counts)
        after.require_empty()

    def _check_life(self, nat: str, before: int) -> None:
        words = short_life(self._nat(before))
        require(happened_in_order(words, WOKEN), f"The NAT's life was {words}.")
        left = [i["tags"] for i in self._sandbox.control("/instances")["instances"] if i["id"] == nat][0]
        require(not [key for key in left if key.startswith("tandem:")], f"These marks are left on it: {left}.")

    def _must(self, *words: str) -> NetworkTimeline:
        options = [word for name, value in OPTIONS.items() for word in ("--var", f"{name}={value}")]
        sceptre = self._project.sceptre(*options, *words)
        timeline = NetworkTimeline(self._terminal, self._sides, self._nat)
        try:
            self._terminal.command(sceptre.text)
            require(timeline.follow(sceptre), f"Sceptre could not {words[0]} the stacks.")
        finally:
            sceptre.stop()
        return timeline

    def _sleeps(self, before: int) -> bool:
        """Whether the NAT instance has come to rest since then, and nothing on it speaks of anybody."""
        entries = self._nat(before)
        states = [entry["state"] for entry in entries if entry["state"] not in ("tagged", "untagged")]
        return states[-1:] == ["stopped"] and not [key for key in entries[-1]["tags"] if key.startswith("tandem:")]

    def _nat(self, after: int = 0) -> list[dict]:
        """What happened to the NAT instance, which is the only one that is ever leased or halted."""
        entries = self._sandbox.control(f"/journal?kind=instance&after={after}")["entries"]
        return [entry for entry in entries if "egress" in entry["tags"].get("Name", "")]

    def _last(self) -> int:
        return max((entry["id"] for entry in self._nat()), default=0)

    def _sides_output(self, stack: str, key: str) -> str:
        return dict(self._sides.outputs(stack))[key]

    def _client(self, service: str, place: Place) -> object:
        side: Side = next(s for s in (self._project.leader, self._project.follower) if s.account == place.account)
        return boto3.Session(profile_name=side.profile, region_name=place.region).client(service)


class Described:
    """What the reader of a layout asks of a deployment, answered by the demo's project."""

    def __init__(self, client: Callable, project: Project, sides: Sides, places: dict[str, Place]):
        self.aws, self.project, self._sides = client, project.name, sides
        self.leader, self.follower = places["leader"], places["follower"]
        self.variables = {"transit_gateway": True, "network": True, "dashboards_tunnel": True, "egress": OPTIONS["egress"]}

    def outputs(self, path: str) -> dict[str, str]:
        return dict(self._sides.outputs(path))


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo.network", description="Tandem with networks on a local AWS.")
    parser.add_argument("--artifact", type=Path, default=DEV_ZIP, help="the function's zip")
    parser.add_argument("--directory", type=Path, default=ROOT / "target" / "demo-network", help="where the logs go")
    options = parser.parse_args()
    end_like_ctrl_c()
    terminal, began = Terminal(), time.monotonic()
    project = Project(options.directory, options.artifact)
    try:
        with local_aws(project, options.directory) as (sandbox, _):
            NetworkDemo(terminal, project, sandbox).run()
    except KeyboardInterrupt:
        terminal.line()
        terminal.line("Stopped; nothing keeps running.")
        return 130
    except NotAsPromised as broken:
        plain._show_failure(terminal, project, str(broken))
        return 1
    terminal.line()
    terminal.line(f"All as promised, in {time.monotonic() - began:.0f} s.", "green")
    plain._name_logs(terminal, project)
    return 0


if __name__ == "__main__":
    sys.exit(main())
