"""Signature Version 4 as the endpoint of a domain checks it.

The sandbox's door takes any signature of an account's root user; a data endpoint checks whatever can be checked.
Pure.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
from typing import NamedTuple
from urllib.parse import quote, unquote

SERVICE = "es"
EXPIRY = datetime.timedelta(minutes=5)
_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


class Rejected(Exception):
    """Why the service does not accept a request; it answers 403 with this text."""


class Signature(NamedTuple):
    """What an Authorization header says."""

    access_key: str
    date: str
    region: str
    service: str
    names: list[str]
    value: str

    @classmethod
    def parse(cls, header: str) -> Signature:
        fields = dict(re.findall(r"(Credential|SignedHeaders|Signature)=([^,\s]+)", header))
        missing = [name for name in ("Credential", "Signature", "SignedHeaders") if name not in fields]
        if missing:
            needed = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
            raise Rejected(f"{needed} Authorization={header}")
        scope = fields["Credential"].split("/")
        if len(scope) != 5 or scope[4] != "aws4_request":
            raise Rejected("Credential must have exactly 5 slash-delimited elements and end with 'aws4_request'.")
        return cls(*scope[:4], fields["SignedHeaders"].split(";"), fields["Signature"])


def is_signed(authorization: str) -> bool:
    return authorization.startswith(_ALGORITHM)


def check(
    signature: Signature,
    secret: str | None,
    region: str,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    now: datetime.datetime | None = None,
) -> None:
    """Raise Rejected unless the request is what was signed, for this service and Region, and not long ago.

    `headers` are in lower case, `target` is the path and query as sent. Without a secret all but the value is checked.
    """
    if signature.service != SERVICE:
        raise Rejected(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if signature.region != region:
        raise Rejected(f"Credential should be scoped to a valid region, not '{signature.region}'.")
    _check_time(signature, headers.get("x-amz-date", ""), now or datetime.datetime.now(datetime.timezone.utc))
    if "host" not in signature.names:
        raise Rejected("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    may_be_unsigned = {*signature.names, "x-amz-content-sha256"}
    unsigned = sorted(name for name in headers if name.startswith("x-amz-") and name not in may_be_unsigned)
    if unsigned:
        raise Rejected(f"There were headers present in the request which were not signed: {', '.join(unsigned)}")
    digest = hashlib.sha256(body).hexdigest()
    if headers.get("x-amz-content-sha256", digest) != digest:
        raise Rejected(_MISMATCH)
    if secret is None:
        return
    if not any(
        hmac.compare_digest(_sign(signature, secret, method, path, target, headers, digest), signature.value)
        for path in _paths(target.partition("?")[0])
    ):
        raise Rejected(_MISMATCH)


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


def _check_time(signature: Signature, sent: str, now: datetime.datetime) -> None:
    try:
        at = datetime.datetime.strptime(sent, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        raise Rejected("Date must be in ISO-8601 'basic format' in the header 'X-Amz-Date'.") from None
    if not sent.startswith(signature.date):
        raise Rejected("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
    shown = now.strftime("%Y%m%dT%H%M%SZ")
    if at < now - EXPIRY:
        raise Rejected(f"Signature expired: {sent} is now earlier than {shown} - 5 min.")
    if at > now + EXPIRY:
        raise Rejected(f"Signature not yet current: {sent} is still later than {shown} + 5 min.")


def _paths(path: str) -> list[str]:
    """The path encoded twice, as every service but S3 wants it; slashes merged as most clients do, or left."""
    encoded = quote(path or "/", safe="/" + _UNRESERVED)
    return list(dict.fromkeys((encoded, re.sub("/{2,}", "/", encoded))))


def _sign(
    signature: Signature, secret: str, method: str, path: str, target: str, headers: dict[str, str], digest: str
) -> str:
    pairs = []
    for part in filter(None, target.partition("?")[2].split("&")):
        name, _, value = part.partition("=")
        pairs.append((quote(unquote(name), safe=_UNRESERVED), quote(unquote(value), safe=_UNRESERVED)))
    lines = [method, path, "&".join(f"{name}={value}" for name, value in sorted(pairs))]
    lines += [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signature.names]
    canonical = "\n".join([*lines, "", ";".join(signature.names), digest])
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    text = "\n".join([_ALGORITHM, headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
