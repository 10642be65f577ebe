"""The local AWS for the demo and for `make sandbox`: started, told apart from the caller's own AWS, and ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.process import Profile, Sandbox

from .project import ROOT, Project

SANDBOX_PYTHON = ROOT / "target" / "venv" / "sandbox" / "bin" / "python"


@contextmanager
def local_aws(project: Project, directory: Path, port: int = 0, nodes: int = 0) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A running sandbox, and the environment that makes every tool of this process and its children use it."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "sandbox.log"
    log.write_text("")
    # A proxy of the environment is for the internet, not for this machine.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))
    with Sandbox.start(str(SANDBOX_PYTHON), port=port, log_path=str(log), nodes=nodes) as sandbox:
        sides = (project.leader, project.follower)
        profiles = tuple(dict.fromkeys(Profile(side.profile, side.account, side.region) for side in sides))
        settings = sandbox.write_profiles(directory / "aws", profiles)
        # Nothing of the caller's AWS is used here, least of all the credentials.
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(settings)
        yield sandbox, settings


def end_like_ctrl_c() -> None:
    """Being told to end, or losing the terminal, cleans up as Ctrl-C does."""

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        # Once: an impatient second one must not interrupt the cleaning up.
        for name in signals:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in signals:
        signal.signal(name, interrupt)
