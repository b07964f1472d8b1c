"""Audit events as lines for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One changed attribute; `is_secret` where the log only says that it changed."""

    path: str
    native: str
    old: str | None
    new: str | None
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a page shows it: the event as SCIM gives it, and what is made of it.

    `is_made` tells whether its changes are known to have been made, not only wanted.
    What a proof says of the line belongs here, when there are proofs.
    """

    event: dict[str, Any]
    subject: str
    changes: tuple[ShownChange, ...]
    is_made: bool


def line_of(event: dict[str, Any]) -> Line:
    """Return the line of an event."""
    changes = tuple(map(_shown, event.get("changes", ())))
    return Line(event, _subject(event), changes, event["outcome"] == "success")


def _subject(event: dict[str, Any]) -> str:
    """Return whom or what the event is about, in a word or two."""
    if login := event.get("login"):
        return str(login)
    return " ".join(filter(None, (event["resourceType"], event.get("resourceId"))))


def _shown(change: dict[str, str]) -> ShownChange:
    old, new = change.get("old"), change.get("new")
    return ShownChange(
        path=change.get("path", ""),
        native=change.get("native", ""),
        old=old,
        new=new,
        is_secret=old is None and new is None,
    )
