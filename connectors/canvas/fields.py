"""What Canvas's fields have in common: ids, texts, moments, and what can be asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from connectors import conversions
from connectors.conversions import in_utc, settled
from connectors.fields import Impossible, Push
from connectors.folding import plain_part
from schemas.filters import instant

ID = re.compile(r"[1-9][0-9]{0,18}")
"""An id; everything else in a path would be looked up as something else."""

text = partial(conversions.text, lms="Canvas")
"""The check of a text's length."""
an_id = conversions.id_check(ID, "Canvas", "1001")
"""The check of an id that is sent."""
id_key = conversions.id_filter(ID)
"""Takes an id that a filter names."""
SHORTEST_TERM = 3
"""Characters that a search term must have; newer servers are content with two."""


def key(prefix: str, *, case_exact: bool) -> Callable[[Any], str | None]:
    """Return the path form of another key: `sis_login_id:ann`.

    Canvas takes blanks around it away, and letters of either case for the same by other rules than
    filters; such a value is looked for in the list.
    """

    def value(wanted: Any) -> str | None:
        if not wanted:
            raise Impossible
        is_plain = wanted == wanted.strip() and wanted.isprintable()
        is_plain &= case_exact or wanted.lower() == wanted.casefold()
        # Rails reads what is behind the last dot as the wanted format.
        return f"{prefix}:{wanted}" if is_plain and not wanted.endswith(".json") else None

    return value


def by_key(call: str, prefix: str, *, case_exact: bool = False) -> dict[str, Push]:
    """Return the look-up of one object by a key of its own; `id` has no prefix."""
    value = id_key if prefix == "id" else key(prefix, case_exact=case_exact)
    return {"eq": Push(call, prefix, key=True, alone=True, value=value)}


def searched(call: str) -> dict[str, Push]:
    """Return the search for a part of a text, by what of it Canvas cannot miss."""
    return {
        operator: Push(call, "search_term", value=_term) for operator in ("eq", "co", "sw", "ew")
    }


def _term(wanted: Any) -> str | None:
    part = (plain_part(wanted) or "").strip()
    return part if len(part) >= SHORTEST_TERM and part.isprintable() else None


def moment(value: Any) -> str:
    """Return a dateTime as Canvas takes it: UTC, whole seconds."""
    return in_utc(instant(value), "seconds")


def moment_of(value: Any) -> str | None:
    """Return a moment as Canvas gives it, of whatever offset, as a dateTime in UTC."""
    try:
        return in_utc(instant(value), "seconds")
    except ValueError:
        return None


settled_moment = settled(moment)
"""Gives a dateTime the form in which Canvas gives it back."""
