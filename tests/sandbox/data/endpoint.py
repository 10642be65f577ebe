"""The endpoint of one domain: what the managed service puts in front of the cluster.

Signature or password, IAM and the domain's policy, the calls that the service keeps to itself; then the node,
as the caller's role, so that fine-grained access control is the real plugin's.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opensearch.node import SUPERUSER, Answer, identity

from ..connection_requests import Domain
from ..faults import Call
from ..world import World
from . import access, blocked
from .access import Caller, Denied
from .nodes import Placement, apply_master

# Before the node is asked: (method, path with query, body, the headers that name the user) -> an answer, or None.
Hook = Callable[[str, str, bytes, dict], Answer | None]

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "trailer", "content-length", "host", "expect"}
_OURS = {"x-proxy-user", "x-proxy-roles", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded"}


class Endpoint:
    """Listens on a port of its own from the moment the domain exists until it is deleted."""

    def __init__(self, world: World, placement: Placement, hook: Hook):
        self._world, self._placement, self._hook = world, placement, hook
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="sandbox-endpoint").start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def domain(self) -> Domain:
        return self._placement.domain

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()

    def serve(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """The answer to a request, None to close without one."""
        started, record, caller = time.monotonic(), self._placement.record, None
        domain, path, injected = self.domain, target.partition("?")[0], []
        try:
            caller = access.identify(domain, record, method, target, headers, body)
            call = Call(
                "es-http", f"ESHttp{method.capitalize()}", *domain.scope, caller.arn if caller else "anonymous", path
            )
            verdict = self._world.faults.judge(call)
            if verdict.delay:
                injected.append("delay")
                time.sleep(verdict.delay)
            if verdict.error:
                injected.append("error")
                code, status, message = verdict.error
                answer = _answer(status, {"message": f"{code}: {message}"})
            else:
                access.authorize(domain, record, caller, method, path)
                answer = self._pass_on(caller, method, target, headers, body)
            if verdict.lose:
                injected.append("lost")
                answer = None if verdict.lose == "reset" else _answer(500, {"message": "The answer was lost."})
        except Denied as denied:
            answer = _answer(denied.status, denied.body)
        except OSError as error:
            answer = Answer(503, {"content-type": "text/plain"}, f"Service Unavailable: {error}".encode())
        self._world.journal.add(
            "data",
            domain=domain.name,
            account=domain.account,
            region=domain.region,
            method=method,
            path=target,
            principal=caller.arn if caller else "anonymous",
            status=answer.status if answer else 0,
            sent=len(body),
            received=len(answer.body) if answer else 0,
            seconds=round(time.monotonic() - started, 4),
            injected=injected,
        )
        return answer

    def _pass_on(self, caller: Caller | None, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        path = target.partition("?")[0]
        if refusal := blocked.refusal(method, path, body):
            return _answer(401, refusal)
        self._placement.await_ready()
        passed = {
            name: value
            for name, value in headers.items()
            if name not in _HOP and name not in _OURS and not name.startswith("x-amz-")
        }
        options = self._placement.record.get("AdvancedSecurityOptions") or {}
        if str(options.get("Enabled")).lower() != "true":
            # Without fine-grained access control whoever is let in may do everything.
            passed.pop("authorization", None)
            user = identity(SUPERUSER, (SUPERUSER,))
        else:
            apply_master(self._placement)
            if caller is None or not caller.password:
                passed.pop("authorization", None)
            elif str(options.get("InternalUserDatabaseEnabled")).lower() != "true":
                return Answer(401, {"content-type": "text/plain"}, b"Unauthorized")
            user = identity(caller.arn, (caller.arn,)) if caller and not caller.password else {}
            if not user and "authorization" in passed:
                user = {"authorization": passed["authorization"]}
        answer = self._hook(method, target, body, user)
        if answer is None:
            answer = self._placement.node.request(method, target, body or None, {**passed, **user})
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
        return Answer(answer.status, kept, answer.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, endpoint: Endpoint):
        self.endpoint = endpoint
        self._clients: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        client, address = super().get_request()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients.add(client)
        return client, address

    def shutdown_request(self, request: socket.socket) -> None:
        self._clients.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is none of our business."""

    def hang_up(self) -> None:
        """Nobody goes on talking to a domain that is gone."""
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sandbox", ""
    # One packet per answer.
    wbufsize = -1

    def _serve(self) -> None:
        headers = {}
        for name, value in self.headers.items():
            lower = name.lower()
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
        answer = self.server.endpoint.serve(self.command, self.path, headers, self._read(headers))
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        length = answer.headers.get("x-content-length") or str(len(answer.body))
        self.send_header("content-length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve  # noqa: N815

    def _read(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(chunks)
        return self.rfile.read(int(headers.get("content-length") or 0))

    def log_message(self, *_: object) -> None:
        """The journal has it."""


def _answer(status: int, body: dict) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())
