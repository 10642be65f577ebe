"""`python -m sandbox --port N`: set the environment, patch ministack, serve until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile


def main() -> None:
    options = _parse()
    temporary = tempfile.mkdtemp(prefix=f"tandem-sandbox-{options.port}-")
    _prepare_environment(options, temporary)

    # It asks for a package that only asymmetric keys need.
    logging.getLogger("kms").setLevel(logging.ERROR)
    # Only now: ministack reads its environment while it is imported.
    from ministack import app

    from . import (
        authorization,
        buckets,
        conditions,
        custom_resources,
        data,
        domains_in_vpcs,
        ec2,
        egress,
        functions,
        gateway,
        names,
        opensearch,
        stack_views,
        stacks,
    )
    from .world import World

    world = World(port=options.port, speed=options.speed, seed=options.seed, temporary=temporary)

    def stop(*_: object) -> None:
        """At once: what is in flight has nobody left to answer."""
        functions.kill_children()
        world.data.kill()
        shutil.rmtree(temporary, ignore_errors=True)
        sys.stdout.flush()
        os._exit(0)

    def when_started() -> None:
        # Here and not earlier, because the server installs handlers of its own that wait for requests to end.
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop)
        world.data.started(asyncio.get_running_loop())

    conditions.install()
    authorization.install()
    buckets.install()
    ec2.install(world)
    names.install()
    domains_in_vpcs.install()
    opensearch.install(world)
    data.install(world, options.nodes)
    functions.install(world)
    egress.install(world)
    custom_resources.install(world)
    stacks.install(world)
    stack_views.install()
    gateway.install(world, when_started)
    sys.argv = sys.argv[:1]
    try:
        app.main()
    finally:
        functions.kill_children()
        world.data.kill()
        shutil.rmtree(temporary, ignore_errors=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="A local AWS for tests and the demo.")
    parser.add_argument("--port", type=int, required=True, help="the port on 127.0.0.1")
    parser.add_argument("--speed", choices=("fast", "real"), default="fast", help="how long AWS takes")
    parser.add_argument("--seed", type=int, default=0, help="the seed of all times")
    parser.add_argument("--nodes", type=int, default=0, help="OpenSearch nodes for the first domains that are made")
    parser.add_argument("--no-auth", action="store_true", help="do not enforce IAM")
    return parser.parse_args()


def _prepare_environment(options: argparse.Namespace, temporary: str) -> None:
    """Nothing of the caller's AWS configuration reaches ministack or the functions it runs."""
    for name in [n for n in os.environ if n.startswith(("AWS_", "MINISTACK_", "LAMBDA_", "DOCKER_", "LOCALSTACK_"))]:
        del os.environ[name]
    os.environ.update(
        GATEWAY_PORT=str(options.port),
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{options.port}",
        AUTH="false" if options.no_auth else "true",
        PERSIST_STATE="0",
        # Ports of other protocols would be shared by two sandboxes.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        # There may be a Docker on the machine; it is none of our business.
        DOCKER_HOST=f"unix://{temporary}/no-docker.sock",
        TMPDIR=temporary,
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING"),
    )
    tempfile.tempdir = temporary


if __name__ == "__main__":
    main()
