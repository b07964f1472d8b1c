"""Conversions that fields of several LMSs share: texts, ids and moments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from re import Pattern
from typing import Any

from connectors.fields import Impossible


def text(longest: int, lms: str) -> Callable[[Any], str]:
    """Return the check of a text's length."""

    def write(value: Any) -> str:
        if len(value) > longest:
            raise ValueError(f"longer than the {longest} characters that {lms} keeps")
        return str(value)

    return write


def id_check(part: Pattern[str], lms: str, example: str) -> Callable[[Any], str]:
    """Return the check of an id that is sent."""

    def write(value: Any) -> str:
        if not part.fullmatch(value):
            raise ValueError(f"{value[:40]!r} is not an id of {lms}'s, such as {example}")
        return str(value)

    return write


def id_filter(part: Pattern[str]) -> Callable[[Any], str]:
    """Return what takes an id that a filter names, if it is one."""

    def value(wanted: Any) -> str:
        if not part.fullmatch(wanted):
            raise Impossible
        return str(wanted)

    return value


def in_utc(moment: datetime | None, timespec: str) -> str:
    """Return a moment as most LMSs write it; ValueError for none. `timespec` is isoformat's."""
    if moment is None:
        raise ValueError("no dateTime")
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def settled(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a conversion that leaves alone what cannot be converted."""

    def settle(value: Any) -> Any:
        try:
            return write(value)
        except (OverflowError, TypeError, ValueError):
            return value

    return settle
