"""`python -m demo`: run the acts, say how it ended and what to try next."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from .acts import Demo
from .checks import Inventory, NotAsPromised
from .documents import PATTERN, Documents, command
from .people import People, arn
from .project import DEV_ZIP, ROOT, Project
from .sides import Sides
from .surroundings import end_like_ctrl_c, local_aws
from .terminal import Terminal

# Sceptre's last words, shown when it failed unasked.
LAST_LINES = 15


def main() -> int:
    options = _options()
    end_like_ctrl_c()
    terminal, began = Terminal(), time.monotonic()
    project = _project(options)
    try:
        with local_aws(project, options.directory, nodes=2) as (sandbox, _):
            sides, people = Sides(project), People(project)
            documents = Documents(terminal, project, sides, people, options.command)
            Demo(terminal, project, sides, people, documents, lambda: Inventory(sandbox.control("/leftovers"))).run()
    except KeyboardInterrupt:
        terminal.line()
        terminal.line("Stopped; nothing keeps running.")
        return 130
    except NotAsPromised as broken:
        _show_failure(terminal, project, str(broken))
        return 1
    _say_goodbye(terminal, project, time.monotonic() - began)
    return 0


def _project(options: argparse.Namespace) -> Project:
    """The example, with a pattern, and with a person in each account who may read and write."""
    accounts = Project(options.directory)
    people = {side.role: {"administrators": arn(side.account)} for side in (accounts.leader, accounts.follower)}
    return Project(options.directory, options.artifact, pattern=PATTERN, **people)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="Tandem on a local AWS, from nothing and back to nothing.")
    parser.add_argument("--artifact", type=Path, default=DEV_ZIP, help="the function's zip")
    parser.add_argument("--command", type=Path, default=command(), help="the program `tandem`")
    parser.add_argument("--directory", type=Path, default=ROOT / "target" / "demo", help="where the logs go")
    return parser.parse_args()


def _show_failure(terminal: Terminal, project: Project, sentence: str) -> None:
    terminal.line()
    terminal.line(f"Not as promised: {sentence}", "red")
    terminal.line()
    terminal.line("The last lines of Sceptre:")
    for line in project.log.read_text(errors="replace").splitlines()[-LAST_LINES:]:
        terminal.line(f"  {line}", "dim")
    terminal.line()
    _name_logs(terminal, project)


def _say_goodbye(terminal: Terminal, project: Project, seconds: float) -> None:
    terminal.line()
    terminal.line(f"All as promised, in {seconds:.0f} s.", "green")
    _name_logs(terminal, project)
    terminal.heading("What to try next")
    terminal.table(
        None,
        [
            ["make sandbox", "keep this AWS running and talk to it with Sceptre or the aws CLI"],
            ["sceptre/vars/example.yaml", "the one file to copy and fill in for accounts of your own; README.md shows the way"],
            ["crates/README.md", "the map of the code"],
        ],
    )


def _name_logs(terminal: Terminal, project: Project) -> None:
    logs = (project.log, project.log.with_name("sandbox.log"))
    terminal.line(f"Logs: {' and '.join(os.path.relpath(log) for log in logs)}")


if __name__ == "__main__":
    sys.exit(main())
