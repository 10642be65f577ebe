"""The host outside: answers every request with the address it came from, and keeps what is PUT in a file."""

from __future__ import annotations

import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """GET tells who asks, PUT writes down what was sent and how."""

    def do_GET(self) -> None:
        self._answer(self.client_address[0].encode())

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(sys.argv[3], "a") as file:
            print(json.dumps({"body": json.loads(body), "type": self.headers.get("Content-Type")}), file=file)
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
