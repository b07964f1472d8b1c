"""Texts that a database compares by lower case, and filters by folding: where the two differ.

Python's `casefold`, by which filters are defined here, equates more than `lower` does: final sigma
and sigma, sharp s and `ss`, ligatures and their letters.
"""

from __future__ import annotations

import re

ANY = "\0"
"""What stands for whatever the database may hold at a place."""

_EXPANDING = re.compile(
    # Letters of other scripts, with the ASCII letters that may be one half of a folded pair
    # (i and a dot above, n after an apostrophe), and the letters that ligatures stand for.
    r"[ahijtwy]?[^\x00-\x7f]+n?|s+t|ss+|f+[il]|ff+"
)
_AT_START = re.compile(r"^[sftlin]")  # the second half of a folded pair that begins before
_AT_END = re.compile(r"[sfahijtwy]$")  # the first half of one that ends behind


def marked(value: str, *, before: bool, after: bool) -> str:
    """Return the folded value with ANY wherever the database may hold something else.

    `before` and `after` tell whether text may precede and follow it.
    """
    text = _EXPANDING.sub(ANY, value.casefold())
    if before:
        text = _AT_START.sub(ANY, text)
    return _AT_END.sub(ANY, text) if after else text


def plain_part(value: str) -> str | None:
    """Return the longest part of a value that a search for a part of a text cannot miss, or None.

    >>> plain_part("Straßburg")
    'burg'
    """
    # Long s and the Kelvin sign fold to s and k.
    parts = re.split(rf"[{ANY}sk]", marked(value, before=True, after=True))
    return max(parts, key=len) or None
