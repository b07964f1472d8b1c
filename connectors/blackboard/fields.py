"""What Learn's fields have in common: ids, texts, moments, and what lists can be asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from connectors import conversions
from connectors.conversions import in_utc, settled
from connectors.fields import Field, Impossible, Push, read_only
from schemas.filters import instant

ID = re.compile(r"_[0-9]{1,18}_[0-9]{1,9}")
"""A primary id; everything else in a path would be looked up as something else."""

text = partial(conversions.text, lms="Blackboard")
"""The check of a text's length."""
an_id = conversions.id_check(ID, "Blackboard", "_123_1")
"""The check of an id that is sent."""
id_key = conversions.id_filter(ID)
"""Takes an id that a filter names."""

_COMPARES = ("greaterOrEqual", "lessThan")


def pushed_id(value: Any) -> str | None:
    """Return a primary id that a list is asked for; another value is looked for here."""
    return value if ID.fullmatch(value) else None


def key(name: str) -> Callable[[Any], str | None]:
    """Return the path form of another key: `userName:ann`.

    Learn's web server may refuse a slash in it before Learn sees it, so that is looked for in the
    list.
    """

    def value(wanted: Any) -> str | None:
        if not wanted or wanted != wanted.strip():
            raise Impossible
        return None if "/" in wanted or "\\" in wanted else f"{name}:{wanted}"

    return value


def by_key(call: str, name: str) -> dict[str, Push]:
    """Return the look-up of one object by a key of its own."""
    value = id_key if name == "id" else key(name)
    return {"eq": Push(call, name, key=True, alone=True, value=value)}


def containing(call: str, parameter: str, *, case_exact: bool) -> dict[str, Push]:
    """Return the search for a part of a text, where it can miss nothing.

    Learn folds what is sought to lower case but not what it keeps, so upper-case letters that are
    stored are not found (knowledge base 000077096). Nothing is lost when the value has no such
    letter and the attribute is compared with its case, or when it has no letters at all.
    """

    def value(wanted: Any) -> str | None:
        folded = wanted if case_exact else wanted.upper()
        is_safe = wanted and wanted == wanted.strip() and wanted.lower() == folded
        return str(wanted) if is_safe else None

    return {operator: Push(call, parameter, value=value) for operator in ("eq", "co", "sw", "ew")}


def equal(call: str, parameter: str, convert: Callable[[Any], Any] = str) -> dict[str, Push]:
    """Return the search for a value as it is."""
    return {"eq": Push(call, parameter, value=lambda wanted: convert(wanted) or None)}


def either(call: str, parameter: str) -> dict[str, Push]:
    """Return the search for a boolean."""
    return {"eq": Push(call, parameter, value=lambda wanted: "true" if wanted else "false")}


def bounds(call: str, parameter: str) -> dict[str, Push]:
    """Return the search by one bound of a moment; a second one is applied to what comes back."""

    def bound(compare: str, more: timedelta) -> Callable[[Any], str | None]:
        def value(wanted: Any) -> str | None:
            try:
                return f"{compare} {_written(instant(wanted), more)}"
            except (OverflowError, ValueError):
                return None

        return value

    # The moment sought may lie between two milliseconds.
    since = Push(call, parameter, value=bound("greaterOrEqual", timedelta()))
    until = Push(call, parameter, value=bound("lessThan", timedelta(milliseconds=1)))
    return {"ge": since, "gt": since, "eq": since, "lt": until, "le": until}


def query_of(parameter: str, value: str) -> dict[str, str]:
    """Return the query parameters of a condition; a bound has two."""
    compare, _, moment = value.partition(" ")
    if compare in _COMPARES and moment:
        return {parameter: moment, f"{parameter}Compare": compare}
    return {parameter: value}


def moment(value: Any) -> str:
    """Return a dateTime as Learn takes it, in UTC with milliseconds."""
    return _written(instant(value))


def _written(moment: datetime | None, more: timedelta = timedelta()) -> str:
    return in_utc(moment and moment + more, "milliseconds")


settled_moment = settled(moment)
"""Gives a dateTime the form in which Blackboard gives it back."""


def tag_of(locale: Any) -> str:
    """Return the language tag of a Java locale: `en_US` is `en-US`."""
    return str(locale).replace("_", "-")


def locale_of(tag: Any) -> str:
    """Return the Java locale of a language tag."""
    return text(20)(tag).replace("-", "_")


def settled_locale(tag: Any) -> Any:
    """Return a language tag as it comes back."""
    return tag.replace("_", "-") if isinstance(tag, str) else tag


def dates(call: str) -> tuple[Field, ...]:
    """Return when a record was created and modified, each read-only and searchable."""
    return (
        read_only("meta.created", "created", push=bounds(call, "created")),
        read_only("meta.lastModified", "modified", push=bounds(call, "modified")),
    )  # fmt: skip
