"""What a resource held at a moment, computed from the changes that the log has.

A value is what the last change before the moment made of it, or what the first one after it
found. What never passed through the gateway is not known to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.audit_event import AUDIT_EVENT
from schemas.course import COURSE
from schemas.errors import ScimError
from schemas.filters import instant, parse_path
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.role import ROLE
from schemas.user import USER

Event = dict[str, Any]

_TYPES = {t.name: t for t in (USER, GROUP, COURSE, MEMBERSHIP, ROLE, AUDIT_EVENT)}

_MAKING = ("create", "revive")


@dataclass(slots=True)
class Held:
    """What one attribute held; `by` is the event that made it so, None where a later one found it.

    `found` is what the next change found in its place, where that was something else: the LMS was
    changed beside the gateway in between. `told` are the values of a list that changes before the
    moment, or the first ones after it, have told of.
    """

    path: str
    values: list[str] = field(default_factory=list)
    by: Event | None = None
    is_secret: bool = False
    found: str | None = None
    is_followed: bool = False
    told: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class State:
    """What a resource held at a moment.

    `deleted` is the event that deleted it before the moment, `made` that it is known to have
    existed; `doubtful` are events whose changes may have been made or not.
    """

    held: tuple[Held, ...]
    is_made: bool
    deleted: Event | None
    doubtful: tuple[Event, ...]


def state_at(events: Iterable[Event], resource_type: str, moment: datetime) -> State:
    """Return what the events, oldest first, tell of their resource at a moment."""
    held: dict[str, Held] = {}
    doubtful: list[Event] = []
    deleted: Event | None = None
    is_made: bool | None = None
    for event in events:
        is_before = _ended(event) <= moment
        if event["outcome"] in ("failed", "unknown") and is_before and event.get("changes"):
            doubtful.append(event)
        if event["outcome"] != "success":
            continue
        if is_made is None:
            is_made = is_before or event["operation"] not in _MAKING
        if is_before:
            deleted = event if event["operation"] == "delete" else None
        for change in event.get("changes", ()):
            path = change.get("path", "")
            attribute = held.setdefault(path, Held(path))
            is_list = change.get("op") != "replace" and _is_list(path, resource_type)
            if is_before:
                _apply(attribute, change, event, is_list)
            elif not attribute.is_followed:
                _look_back(attribute, change, is_list)
    shown = (one for _, one in sorted(held.items()) if one.values or one.is_secret or one.found)
    return State(tuple(shown), bool(is_made), deleted, tuple(doubtful))


def _apply(attribute: Held, change: dict[str, str], event: Event, is_list: bool) -> None:
    old, new = change.get("old"), change.get("new")
    attribute.by = event
    attribute.told |= {value for value in (old, new) if value is not None}
    attribute.is_secret = old is None and new is None
    kept = [value for value in attribute.values if value != old] if is_list else []
    attribute.values = kept if new is None else [*(v for v in kept if v != new), new]


def _look_back(attribute: Held, change: dict[str, str], is_list: bool) -> None:
    """Learn from a change after the moment what it found."""
    old, new = change.get("old"), change.get("new")
    if is_list:
        # Each value of a list comes and goes by itself; one that first goes was there.
        if old is not None and old not in attribute.told:
            attribute.values.append(old)
        attribute.told |= {value for value in (old, new) if value is not None}
        return
    attribute.is_followed = True
    if old is None:
        return
    if attribute.by is None:
        attribute.values = [old]
    elif attribute.values != [old]:
        attribute.found = old


def _ended(event: Event) -> datetime:
    """Return when the event's changes were in the LMS."""
    ended = instant(event.get("finished") or event["time"])
    assert ended is not None
    return ended


def _is_list(path: str, resource_type: str) -> bool:
    """Tell whether changes at the path add and remove single values."""
    known = _TYPES.get(resource_type)
    try:
        found = parse_path(path, known) if known else None
    except ScimError:
        return False
    return found is not None and (
        found.attribute.multi_valued and not found.sub and found.where is None
    )
