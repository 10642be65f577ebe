"""Lambda, as the program sees it: an environment, the Runtime API, and an end when time is up.

Standard library only.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

ARN = "arn:aws:lambda:us-west-2:{account}:function:tandem-provider"
# How long the program may take to start: far more than it takes.
START = 30.0


class Server(ThreadingHTTPServer):
    """On the loopback address; that its client was ended in the middle of a request is nothing to report."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


class Outcome(NamedTuple):
    """How an invocation ended: "response", "error", or "timeout" or "crash" without the program's word."""

    kind: str
    payload: object
    seconds: float


class Function:
    """One execution environment: the program in a process, and the API it polls."""

    def __init__(self, program: Path, environment: dict[str, str], account: str = "222222222222"):
        self._arn = ARN.format(account=account)
        self._events: queue.Queue = queue.Queue()
        self._results: queue.Queue = queue.Queue()
        self._waiting = threading.Event()
        self._server = Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._output = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(program)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env={
                "PATH": os.defpath,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
                "AWS_LAMBDA_FUNCTION_NAME": "tandem-provider",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "AWS_LAMBDA_LOG_GROUP_NAME": "tandem-provider",
                "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
                "AWS_LAMBDA_LOG_FORMAT": "JSON",
                **environment,
            },
        )

    def invoke(self, event: object, seconds: float = 900) -> Outcome:
        """Hand over one event and wait for the program's word, for as long as Lambda would."""
        begun = time.monotonic()
        request_id = str(uuid.uuid4())
        self._waiting.clear()
        self._events.put((request_id, json.dumps(event).encode(), int((time.time() + seconds) * 1000)))
        deadline = begun + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                answered, kind, payload = self._results.get(timeout=min(left, 0.05))
            except queue.Empty:
                if self._process.poll() is not None:
                    return Outcome("crash", self._process.returncode, time.monotonic() - begun)
                continue
            if answered == request_id:
                return Outcome(kind, payload, time.monotonic() - begun)
        return Outcome("timeout", None, time.monotonic() - begun)

    def is_waiting(self) -> bool:
        """It is there and has asked for the next event."""
        return self._waiting.wait(START) and self._process.poll() is None

    def output(self) -> str:
        """Everything it ever printed."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def __enter__(self) -> Function:
        if not self.is_waiting():
            self.__exit__()
            raise AssertionError(f"the program did not ask for an event: {self.output()}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        function = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:  # noqa: N802 - the name is the library's
                assert self.path.endswith("/runtime/invocation/next"), self.path
                function._waiting.set()
                request_id, body, deadline = function._events.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", function._arn)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:  # noqa: N802 - the name is the library's
                body = self._body()
                *_, request_id, kind = self.path.split("/")
                function._results.put((request_id, kind, json.loads(body) if body else None))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = []
                while size := int(self.rfile.readline().strip(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

        return Handler
