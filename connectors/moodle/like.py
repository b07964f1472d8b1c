"""SQL LIKE patterns that find at least what SCIM's comparison without letter case finds.

Moodle compares `lower(field)` with a pattern. Python's `casefold`, by which filters are defined
here, equates more: final sigma and sigma, sharp s and `ss`, ligatures and their letters. Wherever
the two differ, the pattern has a wildcard; the filter is checked again on what comes back.
"""

from __future__ import annotations

import re

_EXPANDING = re.compile(
    # Letters of other scripts, with the ASCII letters that may be one half of a folded pair
    # (i and a dot above, n after an apostrophe), and the letters that ligatures stand for.
    r"[ahijtwy]?[^\x00-\x7f]+n?|s+t|ss+|f+[il]|ff+"
)
_AT_START = re.compile(r"^[sftlin]")  # the second half of a folded pair that begins before
_AT_END = re.compile(r"[sfahijtwy]$")  # the first half of one that ends behind
_ONE = {"s": "_", "k": "_", "<": "_"}
"""Long s and the Kelvin sign fold to two of these; a `<` would be cut off as a tag by Moodle."""
_WILDCARDS = re.compile(r"[\\%_]")
_ANY = "\0"


def escaped(value: str) -> str:
    """Return the value with LIKE's wildcards made literal: `\\`, `%` and `_`."""
    return _WILDCARDS.sub(lambda found: "\\" + found[0], value)


def pattern(value: str, operator: str) -> str | None:
    """Return the LIKE pattern for eq, co, sw or ew; None when it would find everything.

    >>> pattern("Müller", "sw")
    'm%ller%'
    """
    before, after = operator in ("co", "ew"), operator in ("co", "sw")
    marked = _marked(value, before, after)
    if before:
        marked = _ANY + marked
    if after:
        marked += _ANY
    runs = re.split(_ANY + "+", marked)
    text = "%".join("".join(_ONE.get(c, escaped(c)) for c in run) for run in runs)
    return text if text.strip("%_") else None


def plain_part(value: str) -> str | None:
    """Return the longest part of a value that a plain substring search cannot miss, or None.

    For searches that take no wildcards (core_cohort_search_cohorts).
    """
    parts = re.split(r"[\0sk]", _marked(value, True, True))
    return max(parts, key=len) or None


def _marked(value: str, before: bool, after: bool) -> str:
    """Return the folded value with NUL wherever the database may hold something else.

    `before` and `after` tell whether text may precede and follow it.
    """
    marked = _EXPANDING.sub(_ANY, value.casefold())
    if before:
        marked = _AT_START.sub(_ANY, marked)
    return _AT_END.sub(_ANY, marked) if after else marked
