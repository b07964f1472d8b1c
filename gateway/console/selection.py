"""Which events a page shows: what was chosen in its form, as a filter on the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from schemas.audit_event import AUDIT_EVENT
from schemas.errors import ScimError
from schemas.filters import (
    Compare,
    Filter,
    Not,
    any_of,
    attribute_names,
    is_text,
    parse_filter,
    parse_path,
)
from schemas.user import USER

EVERYTHING = "any"
"""What the form says for all operations; where it says nothing, those of LOOKING are left out."""

LOOKING = ("read", "export")
"""What changes nothing: there is much of it, the reading of these very pages too."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the form of a list of events holds; dates are days in UTC, both included."""

    operation: str = ""
    outcome: str = ""
    attribute: str = ""
    actor: str = ""
    since: str = ""
    until: str = ""
    filter: str = ""

    def terms(self) -> list[Filter]:
        """Return what events must fulfil. Raises 400 with the reason in words."""
        given = parse_filter(self.filter, AUDIT_EVENT) if self.filter else None
        terms: list[Filter] = []
        if self.operation and self.operation != EVERYTHING:
            terms.append(equal("operation", self.operation))
        if not self.operation and "operation" not in attribute_names(given):
            terms.append(Not(any_of(*(equal("operation", name) for name in LOOKING))))
        for name in ("outcome", "actor"):
            if wanted := getattr(self, name):
                terms.append(equal(name, wanted))
        if self.attribute:
            terms.append(_of_attribute(self.attribute))
        if self.since:
            terms.append(_at("ge", day(self.since)))
        if self.until:
            terms.append(_at("lt", day(self.until) + timedelta(1)))
        return terms if given is None else [*terms, given]


def selection_of(arguments: Mapping[str, str], *, with_filter: bool = False) -> Selection:
    """Return what the parameters of a URL choose."""
    names = {"operation": "operation", "outcome": "outcome", "attribute": "attribute"}
    names |= {"actor": "actor", "since": "from", "until": "to"}
    if with_filter:
        names["filter"] = "filter"
    given = {name: arguments.get(written, "").strip() for name, written in names.items()}
    for text in given.values():
        if not is_text(text):
            raise ScimError(400, "The form holds characters that are no text.")
    return Selection(**given)


def equal(name: str, value: str | int) -> Filter:
    """Return the filter that an event's attribute has the value."""
    return Compare(parse_path(name, AUDIT_EVENT), "eq", value)


def day(text: str) -> datetime:
    """Return the beginning of a day. Raises 400."""
    try:
        found = date.fromisoformat(text)
        return datetime(found.year, found.month, found.day, tzinfo=UTC)
    except ValueError:
        raise ScimError(400, f"{text[:20]!r} is no date: write it as 2026-01-31.") from None


def _at(operator: str, moment: datetime) -> Filter:
    return Compare(parse_path("time", AUDIT_EVENT), operator, moment.isoformat())


def _of_attribute(text: str) -> Filter:
    """Return the filter that an attribute changed: by a part of its path, or its short path."""
    path = parse_path("changes.path", AUDIT_EVENT)
    try:
        standard = str(parse_path(text, USER))
    except ScimError:
        standard = text
    return any_of(*(Compare(path, "co", part) for part in dict.fromkeys((text, standard))))
