"""Moments: Moodle keeps them in whole seconds since 1970, in which 0 is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.filters import instant


def moment(seconds: Any) -> str | None:
    """Return Moodle's seconds as a dateTime in UTC; 0 is no value.

    >>> moment(1790000000)
    '2026-09-21T14:13:20Z'
    """
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def seconds_of(value: Any) -> int:
    """Return a dateTime of any offset as Moodle's seconds; a fraction is dropped."""
    found = instant(value)
    if found is None:
        raise ValueError("no dateTime")
    seconds = int(found.timestamp())
    if seconds < 1:
        raise ValueError("Moodle keeps no moment before 1970-01-01T00:00:01Z")
    return seconds


def settled(value: Any) -> Any:
    """Return a dateTime in the form in which it comes back."""
    try:
        return moment(seconds_of(value))
    except (OverflowError, TypeError, ValueError):
        return value
