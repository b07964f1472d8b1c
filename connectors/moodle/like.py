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
    r"[ahijtwy]?[^\x00-\x7f]+n?|ss|st|f[fil]"
)
_AT_START = re.compile(r"^(?:[sftlin]|[^\x00-\x7f])")
_AT_END = re.compile(r"(?:[sfahijtwy]|[^\x00-\x7f])$")
_FOLDED_TO = {"s": "_", "k": "_"}  # long s and the kelvin sign fold to these two
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
    folded = value.casefold()
    open_start, open_end = operator in ("co", "ew"), operator in ("co", "sw")
    if open_start:
        folded = _AT_START.sub("", folded)
    if open_end:
        folded = _AT_END.sub("", folded)
    marked = _EXPANDING.sub(_ANY, folded)
    literal = "".join(_FOLDED_TO.get(character, escaped(character)) for character in marked)
    text = literal.replace(_ANY, "%")
    text = ("%" if open_start else "") + text + ("%" if open_end else "")
    return text if text.strip("%_") else None


def plain_part(value: str) -> str | None:
    """Return the longest part of a value that a plain substring search cannot miss, or None.

    For searches that take no wildcards (core_cohort_search_cohorts).
    """
    folded = _AT_END.sub(_ANY, _AT_START.sub(_ANY, value.casefold()))
    parts = re.split(r"[\0sk]", _EXPANDING.sub(_ANY, folded))
    return max(parts, key=len) or None
