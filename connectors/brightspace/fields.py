"""What Brightspace's fields have in common: ids, texts, codes, moments, rich text, and NULL."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from connectors import conversions
from connectors.conversions import in_utc, settled
from connectors.fields import Push
from schemas.filters import instant

ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
"""A D2LID; anything else in a path may be routed to another action."""

text = partial(conversions.text, lms="Brightspace")
"""The check of a text's length."""
id_key = conversions.id_filter(ID)
"""Takes an id that a filter names."""

NULL: Any = object()
"""The native value that clears a member; it travels as null."""

_NOT_IN_CODES = frozenset("\\:*?\"<>|'#,%&")
_LONGEST_CODE = 50
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_TAG = re.compile(r"<[A-Za-z/!][^>]*>")


def without_null(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as it travels.

    >>> without_null({"MiddleName": NULL})
    {'MiddleName': None}
    """
    return {name: None if value is NULL else value for name, value in record.items()}


def name(longest: int = 4000) -> Callable[[Any], str]:
    """Return the check of a text that has to have more than spaces in it."""

    def write(value: Any) -> str:
        if not value.strip():
            raise ValueError("it must not be blank")
        return text(longest)(value)

    return write


def email(value: Any) -> str:
    """Check an address, which Brightspace takes only when it is well formed."""
    if not _EMAIL.fullmatch(value):
        raise ValueError("not an e-mail address")
    return text(256)(value)


def code(value: Any) -> str:
    """Check the code of an org unit."""
    if found := sorted(_NOT_IN_CODES & set(value)):
        raise ValueError(f"Brightspace takes no {' '.join(found)} in it")
    return text(_LONGEST_CODE)(value)


def an_id(value: Any) -> int:
    """Return the number of an id that is sent."""
    if not ID.fullmatch(value):
        raise ValueError(f"{value[:40]!r} is not an id of Brightspace's, such as 6671")
    return int(value)


def by_id(call: str, value: Callable[[Any], str] = id_key) -> dict[str, Push]:
    """Return the look-up of one resource by its id."""
    return {"eq": Push(call, "id", key=True, alone=True, value=value)}


def sought(value: Any) -> str | None:
    """Return a text that Brightspace is asked for; blanks around it might be lost on the way."""
    return value if value and value == value.strip() else None


def part(value: Any) -> str | None:
    """Return a part of a text that Brightspace is asked for; a bracket may mean something there."""
    return None if "[" in value else sought(value)


def moment(value: Any) -> str:
    """Return a dateTime as Brightspace takes it: in UTC, with three fraction digits."""
    return in_utc(instant(value), "milliseconds")


settled_moment = settled(moment)
"""Gives a dateTime the form in which Brightspace gives it back."""


def read_rich(held: Any) -> str | None:
    """Return rich text, whichever of its two forms has one."""
    return (held.get("Html") or held.get("Text") or None) if isinstance(held, dict) else None


def write_rich(value: Any) -> dict[str, str]:
    """Return rich text as it is sent: as HTML when there is a tag in it."""
    return {"Content": value, "Type": "Html" if _TAG.search(value) else "Text"}


def as_sent(held: Any) -> dict[str, str]:
    """Return rich text that was read as it is sent back."""
    form = "Html" if isinstance(held, dict) and held.get("Html") else "Text"
    return {"Content": read_rich(held) or "", "Type": form}
