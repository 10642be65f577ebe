"""How fast two indexes are compared, what it holds in memory, and what crosses between the sides: `make bench-data`.

    python -m bench.data [--sizes 10000 100000 1000000] [--rate 1000000]

Two real nodes behind the sandbox's endpoints; the documents are small. What would have to cross without digests is the
documents of both sides as searches answer them: what was read when they were equal.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from opensearch import tandem
from opensearch.domains import Domain
from opensearch.node import SUPERUSER, identity
from sandbox.process import FOLLOWER_ACCOUNT, LEADER_ACCOUNT, Sandbox

SHARES = (0, 1, 10, 100)
# A node of 256 MB refuses larger requests when it is busy.
TOGETHER = 1000
COLUMNS = ("documents", "differ", "found", "seconds", "documents/s", "memory MB", "between kB", "copying kB", "ratio")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rate", type=int, default=1_000_000, help="documents per second from each domain, at most")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as sandbox:
        print(" ".join(f"{name:>11}" for name in COLUMNS), flush=True)
        for number, size in enumerate(given.sizes):
            leader, follower = pair(sandbox, number)
            secret = tandem.master_secret(follower)
            for domain in (leader, follower):
                fill(sandbox, domain, size)
            copying = 0
            for share in SHARES:
                change(sandbox, follower, size, share)
                copying = measure(leader, follower, size, share, secret, given.rate, copying)
            for domain in (leader, follower):
                domain.delete()


def start(folder: Path) -> Sandbox:
    return Sandbox.start(sys.executable, log_path=str(folder / "log"), nodes=2)


def pair(sandbox: Sandbox, number: int) -> tuple[Domain, Domain]:
    leader = Domain.make(sandbox, LEADER_ACCOUNT, "us-east-1", f"leader-{number}")
    return leader, Domain.make(sandbox, FOLLOWER_ACCOUNT, "us-west-2", f"follower-{number}")


def fill(sandbox: Sandbox, domain: Domain, size: int) -> None:
    settings = {"number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "-1"}
    # The first request comes back when the node is ready.
    domain.must("PUT", "/i", {"settings": settings})
    write(sandbox, domain, range(size), "first")


def change(sandbox: Sandbox, domain: Domain, size: int, share: int) -> None:
    """So many percent of the documents are others, among them all that were changed before."""
    step = 100 // share if share else 0
    write(sandbox, domain, range(0, size, step) if step else (), f"changed {share}")


def write(sandbox: Sandbox, domain: Domain, numbers: Iterable[int], word: str) -> None:
    """Past the endpoint, because it is not what is measured."""
    nodes = sandbox.control("/nodes")["nodes"]
    port = next(node["http_port"] for node in nodes if node["domain"]["name"] == domain.name)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {**identity(SUPERUSER, (SUPERUSER,)), "content-type": "application/x-ndjson"}
    lines: list[str] = []

    def send() -> None:
        connection.request("POST", "/i/_bulk", "\n".join(lines) + "\n", headers)
        answer = json.loads(connection.getresponse().read())
        assert answer.get("errors") is False, str(answer)[:500]
        lines.clear()

    for number in numbers:
        source = {"n": number, "word": word, "text": f"document {number} of a benchmark, which is small"}
        lines += [json.dumps({"index": {"_id": f"d{number}"}}), json.dumps(source)]
        if len(lines) >= 2 * TOGETHER:
            send()
    if lines:
        send()
    connection.close()


def measure(leader: Domain, follower: Domain, size: int, share: int, secret: str, rate: int, copying: int) -> int:
    """Prints a row; answers what both sets come to, `copying` if that is known."""
    options = ("--ignore-versions", "--patience", 0, "--rate", rate)
    compared = tandem.compare(leader, follower, "i", *options, secret=secret)
    assert compared.code == (1 if share else 0), compared
    report = compared.report
    found = f"{'>=' if report['at_least'] else ''}{report['differences']}"
    sides = (report["leader"], report["follower"])
    between = sum(side["bytes_exchanged"] for side in sides)
    copying = copying or sum(side["bytes_read"] for side in sides)
    numbers = (
        f"{size:,}",
        f"{share} %",
        found,
        f"{report['seconds']:.1f}",
        f"{report['documents_per_second']:,.0f}",
        f"{compared.resident / 1024:.0f}",
        f"{between / 1000:,.0f}",
        f"{copying / 1000:,.0f}",
        f"1:{copying / between:,.0f}",
    )
    print(" ".join(f"{number:>11}" for number in numbers), flush=True)
    return copying


if __name__ == "__main__":
    main()
