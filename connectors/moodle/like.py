"""SQL LIKE patterns that find at least what SCIM's comparison without letter case finds.

Moodle compares `lower(field)` with a pattern. Wherever that and the folding of filters differ, the
pattern has a wildcard; the filter is checked again on what comes back.
"""

from __future__ import annotations

import re

from connectors.folding import ANY, marked

_ONE = {"s": "_", "k": "_", "<": "_"}
"""Long s and the Kelvin sign fold to two of these; a `<` would be cut off as a tag by Moodle."""
_WILDCARDS = re.compile(r"[\\%_]")


def escaped(value: str) -> str:
    """Return the value with LIKE's wildcards made literal: `\\`, `%` and `_`."""
    return _WILDCARDS.sub(lambda found: "\\" + found[0], value)


def pattern(value: str, operator: str) -> str | None:
    """Return the LIKE pattern for eq, co, sw or ew; None when it would find everything.

    >>> pattern("Müller", "sw")
    'm%ller%'
    """
    before, after = operator in ("co", "ew"), operator in ("co", "sw")
    text = marked(value, before=before, after=after)
    if before:
        text = ANY + text
    if after:
        text += ANY
    runs = re.split(ANY + "+", text)
    text = "%".join("".join(_ONE.get(c, escaped(c)) for c in run) for run in runs)
    return text if text.strip("%_") else None
