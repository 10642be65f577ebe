"""Errors in the dialect of the service they stand for, and answers of our own.

AWS speaks four error dialects; an injected error must be indistinguishable from a real one.
"""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

Response = tuple[int, dict, bytes]


def answer(status: int, body: object) -> Response:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def error(service: str, headers: dict, code: str, status: int, message: str) -> Response:
    """The error as this service would send it, chosen by service and by the request's protocol."""
    kind = headers.get("content-type", "")
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return status, {"Content-Type": "application/xml"}, body.encode()
    if service == "ec2":
        if code == "ThrottlingException":
            code, status = "RequestLimitExceeded", 503
        body = f"<Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        body = f"<Response>{body}<RequestID>sandbox</RequestID></Response>"
        return status, {"Content-Type": "text/xml"}, body.encode()
    if kind.startswith("application/x-www-form-urlencoded"):
        if code == "ThrottlingException":
            code, status = "Throttling", 400
        fault = "Sender" if status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>sandbox</RequestId></ErrorResponse>"
        )
        return status, {"Content-Type": "text/xml"}, body.encode()
    if kind.startswith("application/x-amz-json") and status == 429:
        status = 400
    body = json.dumps({"__type": code, "message": message, "Message": message})
    return status, {"Content-Type": "application/json", "x-amzn-errortype": code}, body.encode()
