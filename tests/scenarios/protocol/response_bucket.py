"""The bucket behind a ResponseURL: answers as it is told to, and keeps what it was sent. Standard library only."""

from __future__ import annotations

import secrets
import threading
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from .runtime_api import Server


class Put(NamedTuple):
    """One PUT, whatever it was answered."""

    path: str
    headers: dict[str, str]
    body: str
    answered: int


class ResponseBucket:
    """On the loopback address. `statuses` are given one after the other, the last one for ever; 0 is no answer at all."""

    def __init__(self):
        self.statuses = [200]
        self.puts: list[Put] = []
        self.signature = secrets.token_hex(32)
        self._server = Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Looks like a presigned URL, percent-encoding included."""
        return (
            f"http://127.0.0.1:{self._server.server_address[1]}/arn%3Aaws%3Acloudformation%3Aus-west-2%7CConnection%7Ckey"
            f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101%2Fus-west-2&X-Amz-Signature={self.signature}"
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_PUT(self) -> None:  # noqa: N802 - the name is the library's
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = bucket.statuses.pop(0) if len(bucket.statuses) > 1 else bucket.statuses[0]
                headers = {name.lower(): value for name, value in self.headers.items()}
                bucket.puts.append(Put(self.path, headers, body, status))
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                if status in (301, 307):
                    self.send_header("Location", bucket.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Handler
