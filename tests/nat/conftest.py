"""Says aloud why the hosts were not built, because a skipped test is easily taken for a passed one."""

from __future__ import annotations

from . import hosts


def pytest_terminal_summary(terminalreporter: object) -> None:
    """One line at the end, with or without -rs."""
    if reason := hosts.why_not():
        terminalreporter.write_line(f"tests/nat passed no packets: {reason}")
