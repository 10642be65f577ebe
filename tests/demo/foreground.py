"""`python -m demo.foreground --port N`: the local AWS with two nodes until Ctrl-C, and the three lines to talk to it."""

from __future__ import annotations

import argparse
import os
import shlex
import socket

from .project import ROOT, SCEPTRE, Project
from .surroundings import end_like_ctrl_c, local_aws
from .terminal import Terminal

DIRECTORY = ROOT / "target" / "sandbox"


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the local AWS in the foreground.")
    parser.add_argument("--port", type=int, default=4566)
    port = parser.parse_args().port
    # Whoever has the port would answer in place of our own.
    if is_taken(port):
        raise SystemExit(f"Something listens on port {port} already: end it, or choose another one as in `make sandbox PORT={port + 1}`.")
    end_like_ctrl_c()
    terminal = Terminal()
    project = Project(DIRECTORY)
    try:
        with local_aws(project, DIRECTORY, port, nodes=2) as (sandbox, settings):
            _explain(terminal, project, sandbox.endpoint, settings)
            os.waitpid(sandbox.pid, 0)
            raise SystemExit(f"The local AWS ended by itself; its log is {sandbox.log_path}.")
    except KeyboardInterrupt:
        terminal.line()
        terminal.line("The local AWS has ended, and what it held is gone.")


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _explain(terminal: Terminal, project: Project, endpoint: str, settings: dict[str, str]) -> None:
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    sceptre = ROOT / "target" / "venv" / "tools" / "bin" / "sceptre"
    arguments = shlex.join(project.arguments("launch", "-y", "")).replace("''", '""')
    terminal.line(f"A local AWS answers at {endpoint} until Ctrl-C. Paste this into another terminal:", "bold")
    terminal.line()
    terminal.line(f"export {exports}")
    terminal.line(f"(cd {shlex.quote(str(SCEPTRE))} && {shlex.quote(os.path.relpath(sceptre, SCEPTRE))} {arguments})")
    terminal.line(f"aws --profile {project.follower.profile} opensearch describe-outbound-connections")
    terminal.line()
    terminal.line("`delete` in place of `launch` takes everything down again.")
    terminal.line("Both domains have an OpenSearch node: with `--var 'pattern=logs-*'` before `launch` these indexes follow.")


if __name__ == "__main__":
    main()
