"""The ways between the nodes of connected domains, with what can happen to them.

Every connection gets a port of its own in front of the leader's transport, and the follower's node knows the leader
only by that port. So a partition or a slow line is one for OpenSearch itself: for searches across clusters, for
the real replication plugin, and for the stand-in, which asks `Link.travel` before it reads from the leader.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass, field

STATES = ("up", "down", "silent")


class Unreachable(Exception):
    """Nothing listens at the other end, or nothing comes back."""


@dataclass
class Link:
    """One way; `down` refuses connections, `silent` swallows what is sent."""

    alias: str
    port: int
    target: tuple[str, int]
    state: str = "up"
    delay: float = 0.0
    bytes_per_second: float = 0.0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def travel(self, size: int = 0) -> None:
        """Take as long as the way takes for so many bytes, or raise."""
        if self.state != "up":
            raise Unreachable(self.address)
        pause = self.delay + (size / self.bytes_per_second if self.bytes_per_second else 0.0)
        if pause:
            time.sleep(pause)


class Links:
    """All links, served by one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="sandbox-links")
        self._thread.start()

    def open(self, alias: str, target: tuple[str, int]) -> Link:
        return self._do(self._begin(alias, target))

    def close(self, link: Link) -> None:
        self._do(self._end(link))

    def change(self, link: Link, state: str | None, delay: float | None, bytes_per_second: float | None) -> None:
        if state not in (None, *STATES):
            raise ValueError(f"`state` is one of {', '.join(STATES)}")
        if delay is not None:
            link.delay = float(delay)
        if bytes_per_second is not None:
            link.bytes_per_second = float(bytes_per_second)
        if state is not None and state != link.state:
            link.state = state
            self._do(self._obey(link))

    def _do(self, coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _begin(self, alias: str, target: tuple[str, int]) -> Link:
        link = Link(alias, 0, target)
        await self._listen(link)
        return link

    async def _listen(self, link: Link) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._forward(link, reader, writer)

        link._server = await asyncio.start_server(serve, "127.0.0.1", link.port)
        link.port = link._server.sockets[0].getsockname()[1]

    async def _obey(self, link: Link) -> None:
        if link.state == "down":
            await self._end(link)
        elif link._server is None:
            await self._listen(link)
        elif link.state == "up":
            # What was swallowed does not come back; the connections that missed it are of no use.
            self._cut(link)

    async def _end(self, link: Link) -> None:
        if link._server is not None:
            link._server.close()
            link._server = None
        self._cut(link)

    def _cut(self, link: Link) -> None:
        for writer in list(link._open):
            writer.transport.abort()
        link._open.clear()

    async def _forward(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link._open.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*link.target)
        except OSError:
            writer.transport.abort()
            link._open.discard(writer)
            return
        link._open.add(far_writer)
        try:
            await asyncio.gather(self._copy(link, reader, far_writer), self._copy(link, far_reader, writer))
        finally:
            for end in (writer, far_writer):
                link._open.discard(end)
                with contextlib.suppress(OSError):
                    end.close()

    async def _copy(self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await source.read(65536):
                if link.state == "silent":
                    continue
                pause = link.delay + (len(data) / link.bytes_per_second if link.bytes_per_second else 0.0)
                if pause:
                    await asyncio.sleep(pause)
                sink.write(data)
                await sink.drain()
        sink.transport.abort() if sink.transport.is_closing() else sink.close()
