"""Three hosts as network namespaces: a client, a NAT between two networks, and a server that knows only its own network."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

CLIENT, NAT, SERVER = "client", "nat", "server"
ADDRESSES = {CLIENT: "10.77.1.2", SERVER: "10.77.2.2"}
# What the NAT is called in either network.
GATEWAY, OUTSIDE = "10.77.1.1", "10.77.2.1"


def why_not() -> str | None:
    """The reason why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nft"):
        if not any((Path(d) / program).exists() for d in (*os.environ["PATH"].split(":"), "/usr/sbin", "/sbin")):
            return f"{program} is not installed; `make test-nat` installs it where it may (iproute2, nftables)"
    name = f"tandem-probe-{os.getpid()}"
    made = _run("ip", "netns", "add", name)
    if made.returncode:
        return f"network namespaces are not permitted: {made.stderr.strip()}"
    table = _run("ip", "netns", "exec", name, "nft", "add table ip probe")
    _run("ip", "netns", "del", name)
    return f"nftables are not permitted: {table.stderr.strip()}" if table.returncode else None


class Hosts:
    """Made on entry, taken away on exit with everything that runs in them."""

    def __init__(self):
        self._prefix, self._processes = f"tandem-{os.getpid()}-", []

    def __enter__(self) -> Hosts:
        for host in (CLIENT, NAT, SERVER):
            _must("ip", "netns", "add", self._prefix + host)
            self.must(host, "ip", "link", "set", "lo", "up")
        for host, gateway in ((CLIENT, GATEWAY), (SERVER, OUTSIDE)):
            # One wire per network; its ends are named after who is at the other end.
            _must(
                "ip", "link", "add", "to-nat", "netns", self._prefix + host, "type", "veth",
                "peer", "name", f"to-{host}", "netns", self._prefix + NAT,
            )  # fmt: skip
            self.must(host, "ip", "address", "add", f"{ADDRESSES[host]}/24", "dev", "to-nat")
            self.must(host, "ip", "link", "set", "to-nat", "up")
            self.must(NAT, "ip", "address", "add", f"{gateway}/24", "dev", f"to-{host}")
            self.must(NAT, "ip", "link", "set", f"to-{host}", "up")
        # As in a VPC: the private subnet's default route is the NAT, the internet has no route to the private subnet.
        self.must(CLIENT, "ip", "route", "add", "default", "via", GATEWAY)
        self.reboot()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for host in (CLIENT, NAT, SERVER):
            _run("ip", "netns", "del", self._prefix + host)

    def reboot(self) -> None:
        """What a boot leaves of the NAT's rules and settings: nothing."""
        self.must(NAT, "nft", "flush", "ruleset")
        self.must(NAT, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")

    def run(self, host: str, *command: str) -> subprocess.CompletedProcess:
        return _run("ip", "netns", "exec", self._prefix + host, *command)

    def must(self, host: str, *command: str) -> str:
        done = self.run(host, *command)
        assert done.returncode == 0, f"{host}: {' '.join(command)}: {done.stderr}"
        return done.stdout

    def serve(self, script: Path, *arguments: str, port: int) -> None:
        """Run a Python script in the server's namespace, and wait until it listens."""
        command = ["ip", "netns", "exec", self._prefix + SERVER, sys.executable, "-B", str(script), *arguments]
        self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        deadline = time.monotonic() + 20
        while self.run(SERVER, "bash", "-c", f"exec 3<>/dev/tcp/{ADDRESSES[SERVER]}/{port}").returncode:
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.05)


def _run(*command: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def _must(*command: str) -> None:
    done = _run(*command)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
