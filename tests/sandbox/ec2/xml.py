"""Answers in EC2's XML dialect, made from plain values."""

from __future__ import annotations

from xml.sax.saxutils import escape

from ministack.services import ec2

from ..wire import Response


class EC2Error(Exception):
    """An error answer."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def render(value: object) -> str:
    """A dict's names become elements with a small first letter, a list's members `<item>`; None is left out."""
    if isinstance(value, dict):
        return "".join(
            f"<{(tag := name[0].lower() + name[1:])}>{render(inner)}</{tag}>"
            for name, inner in value.items()
            if inner is not None
        )
    if isinstance(value, (list, tuple)):
        return "".join(f"<item>{render(inner)}</item>" for inner in value)
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def respond(action: str, values: dict) -> Response:
    return ec2._xml(200, f"{action}Response", render(values))


def tags_of(resource_id: str) -> list[dict]:
    return [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in ec2._tags.get(resource_id) or []]


def new_id(prefix: str) -> str:
    return f"{prefix}-{ec2.new_uuid().replace('-', '')[:17]}"
