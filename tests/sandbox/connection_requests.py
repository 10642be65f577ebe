"""Reading the requests of the connection operations, and the errors they answer.

The service checks names and lengths before anything else, and reports what it finds in one ValidationException.
Pure.
"""

from __future__ import annotations

import base64
import binascii
import json
import string
from collections.abc import Callable
from typing import NamedTuple

OUTBOUND, INBOUND = "outbound", "inbound"

# The filters each side knows; there is none on the alias and none on the status.
_FILTERS = {
    OUTBOUND: {
        "connection-id": lambda c: c.id,
        "remote-domain-info.domain-name": lambda c: c.remote.name,
        "remote-domain-info.owner-id": lambda c: c.remote.account,
        "remote-domain-info.region": lambda c: c.remote.region,
        "local-domain-info.domain-name": lambda c: c.local.name,
    },
    INBOUND: {
        "connection-id": lambda c: c.id,
        "local-domain-info.domain-name": lambda c: c.local.name,
        "local-domain-info.owner-id": lambda c: c.local.account,
        "local-domain-info.region": lambda c: c.local.region,
        "remote-domain-info.domain-name": lambda c: c.remote.name,
    },
}


class ServiceError(Exception):
    """An error as the service answers it: code, HTTP status, message."""

    def __init__(self, code: str, status: int, message: str):
        super().__init__(f"{code}: {message}")
        self.code, self.status, self.message = code, status, message


def not_found(message: str) -> ServiceError:
    """The service answers this code with 409, which surprises everyone once."""
    return ServiceError("ResourceNotFoundException", 409, message)


def refused(message: str) -> ServiceError:
    return ServiceError("DisabledOperationException", 409, message)


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", 400, message)


class Domain(NamedTuple):
    """Where a domain is: it identifies a side of a connection."""

    account: str
    region: str
    name: str

    @property
    def scope(self) -> tuple[str, str]:
        return (self.account, self.region)

    def shape(self) -> dict:
        return {"AWSDomainInformation": {"OwnerId": self.account, "DomainName": self.name, "Region": self.region}}


def parse_create(caller: tuple[str, str], request: dict) -> dict:
    """The fields of CreateOutboundConnection, or ValidationException with every finding."""
    problems: list[str] = []
    local = _domain(caller, request.get("LocalDomainInfo"), "localDomainInfo", problems)
    remote = _domain(caller, request.get("RemoteDomainInfo"), "remoteDomainInfo", problems)
    alias = request.get("ConnectionAlias")
    _check(problems, "connectionAlias", alias, 2, 100, _ALIAS)
    mode = request.get("ConnectionMode") or "DIRECT"
    _check_choice(problems, "connectionMode", mode, ("DIRECT", "VPC_ENDPOINT"))
    search = ((request.get("ConnectionProperties") or {}).get("CrossClusterSearch") or {}).get("SkipUnavailable")
    _check_choice(
        problems,
        "connectionProperties.crossClusterSearch.skipUnavailable",
        search or "DISABLED",
        ("ENABLED", "DISABLED"),
    )
    if problems:
        count = len(problems)
        raise invalid(f"{count} validation error{'s' * (count > 1)} detected: {'; '.join(problems)}")
    return {"local": local, "remote": remote, "alias": alias, "mode": mode, "skip_unavailable": search or "DISABLED"}


_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_ALIAS = (_LOWER + _UPPER, _LOWER + _UPPER + _DIGITS + "-_", "[a-zA-Z][a-zA-Z0-9\\-\\_]+")
_NAME = (_LOWER, _LOWER + _DIGITS + "-", "[a-z][a-z0-9\\-]+")
_OWNER = (_DIGITS, _DIGITS, "[0-9]+")
_FILTER = (_LOWER + _UPPER + _DIGITS + "-_.",) * 2 + ("[a-zA-Z0-9\\-\\_\\.]+",)


def _domain(caller: tuple[str, str], info: object, where: str, problems: list[str]) -> Domain | None:
    shape = (info or {}).get("AWSDomainInformation") if isinstance(info, dict) else None
    if not isinstance(shape, dict):
        problems.append(f"Value null at '{where}' failed to satisfy constraint: Member must not be null")
        return None
    account, region = shape.get("OwnerId") or caller[0], shape.get("Region") or caller[1]
    prefix = f"{where}.aWSDomainInformation"
    _check(problems, f"{prefix}.ownerId", account, 12, 12, _OWNER)
    _check(problems, f"{prefix}.domainName", shape.get("DomainName"), 3, 28, _NAME)
    _check(problems, f"{prefix}.region", region, 5, 30, _NAME)
    return Domain(account, region, str(shape.get("DomainName")))


def _check(problems: list[str], where: str, value: object, low: int, high: int, pattern: tuple[str, str, str]) -> None:
    begin = f"Value '{value}' at '{where}' failed to satisfy constraint:"
    first, others, shown = pattern
    if not isinstance(value, str):
        problems.append(f"Value null at '{where}' failed to satisfy constraint: Member must not be null")
    elif len(value) < low:
        problems.append(f"{begin} Member must have length greater than or equal to {low}")
    elif len(value) > high:
        problems.append(f"{begin} Member must have length less than or equal to {high}")
    elif value[0] not in first or any(c not in others for c in value):
        problems.append(f"{begin} Member must satisfy regular expression pattern: {shown}")


def _check_choice(problems: list[str], where: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        problems.append(
            f"Value '{value}' at '{where}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(choices)}]"
        )


def parse_filters(side: str, filters: object) -> list[tuple[Callable[[object], str], set[str]]]:
    """Values inside one filter are alternatives, several filters must all hold."""
    parsed = []
    for item in filters or []:
        name, values = (item.get("Name"), item.get("Values")) if isinstance(item, dict) else (None, None)
        problems: list[str] = []
        _check(problems, "filters.name", name, 1, 100, _FILTER)
        for value in values or []:
            _check(problems, "filters.values", value, 1, 100, _FILTER)
        if problems:
            raise invalid(f"{len(problems)} validation error detected: {'; '.join(problems)}")
        if name not in _FILTERS[side]:
            raise invalid(f"Filter {name} is not supported.")
        if not values:
            raise invalid(f"Filter {name} has no values.")
        parsed.append((_FILTERS[side][name], set(values)))
    return parsed


def make_token(number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": number}).encode()).decode()


def read_token(token: object) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.b64decode(str(token), altchars=b"-_", validate=True))["after"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise ServiceError("InvalidPaginationTokenException", 400, "The pagination token is invalid.") from None
