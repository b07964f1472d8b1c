"""The record of an event as the ledger seals it: one form, personal values only as commitments.

A commitment binds a value without telling it: whoever has the event's salt and the value can show
that it is the one that was sealed; once the salt is destroyed, nobody can tell what it was.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.ledger.encoding import decode, encode

Fields = Mapping[str, Any]
"""Part of an event: values by name, and `changes`, a sequence of such."""

SALT_LENGTH = 32
"""Bytes of an event's salt."""

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_SIMPLE = frozenset((str, int, bool, type(None)))


def canonical(value: Any) -> bytes:
    """Return the canonical form of a JSON value (RFC 8785).

    Without fractions, with integers of up to 53 bits and names in ASCII, that is what orjson writes
    with sorted names. Raises ValueError for all else.
    """
    try:
        text = part_of_canonical(value)
    except TypeError as error:
        raise ValueError(f"It has no canonical form: {error}.") from error
    if not _is_simple(value):
        raise ValueError("It has no canonical form: only text, integers and ASCII names have one.")
    return text


def part_of_canonical(value: Any) -> bytes:
    """Return the canonical form of a part of what is known to have one: that is not looked at."""
    return orjson.dumps(value, option=_OPTIONS)


def commit(public: Fields, personal: Fields, salt: bytes) -> dict[str, Any]:
    """Return an event's record: its public part, and commitments to its personal values, which
    are text; each stands where the value would.

    `changes` of both parts belong together one by one. Raises ValueError when they cannot, or
    when a name stands in both parts.

    >>> commit({"sequence": 1, "changes": [{"op": "add"}]}, {"login": "ann"}, bytes(32))["login"]
    '4dypQGboMWS6k7hR/ohzh1Yj8Sd6BwXEhVTXePj9dwU='
    """
    values, *changed = _sealed(personal, salt)
    held, *changes = _levels(public)
    if len(changed) > len(changes):
        raise ValueError("There are more changes in the personal part than in the public one.")
    changed += [{}] * (len(changes) - len(changed))
    record = _joined(held, values)
    if "changes" in public:
        record["changes"] = [_joined(*both) for both in zip(changes, changed, strict=True)]
    return record


def opening(personal: Fields, salt: bytes) -> dict[str, Any] | None:
    """Return what shows the personal values, or some of them; None when there are none to show."""
    if not any(_levels(personal)):
        return None
    return {"salt": encode(salt), **personal}


def opens(record: Fields, opening: Any) -> bool:
    """Tell whether an opening shows values, and all that it shows are those of the record.

    It may leave values out. Any JSON value may be given as opening.
    """
    if not isinstance(opening, dict) or not isinstance(opening.get("salt"), str):
        return False
    shown = {name: value for name, value in opening.items() if name != "salt"}
    try:
        sealed = _sealed(shown, decode(opening["salt"], SALT_LENGTH))
    except ValueError:
        return False
    held = _levels(record)
    return (
        any(sealed)
        and len(sealed) <= len(held)
        and all(part.items() <= whole.items() for part, whole in zip(sealed, held, strict=False))
    )


def commitment(name: str, value: str, salt: bytes) -> str:
    """Return the commitment to a value, base64 of HMAC-SHA256; `name` is such as `changes.0.old`.

    Raises ValueError for text that UTF-8 cannot hold.
    """
    return encode(hmac.digest(salt, f"{name}\0{value}".encode(), "sha256"))


def _sealed(personal: Fields, salt: bytes) -> list[dict[str, str]]:
    """Return the commitments to the values of the event itself, then to those of each change."""
    if len(salt) != SALT_LENGTH or not _is_personal(personal):
        raise ValueError(f"Personal values are text, and their salt has {SALT_LENGTH} bytes.")
    own, *changes = _levels(personal)
    prefixed = [("", own), *((f"changes.{index}.", part) for index, part in enumerate(changes))]
    return [
        {name: commitment(prefix + name, value, salt) for name, value in part.items()}
        for prefix, part in prefixed
    ]


def _levels(fields: Fields) -> list[Fields]:
    """Return the values of the event itself, then those of each change."""
    own = {name: value for name, value in fields.items() if name != "changes"}
    return [own, *fields.get("changes", ())]


def _joined(public: Fields, sealed: Fields) -> dict[str, Any]:
    twice = public.keys() & sealed.keys()
    if twice:
        raise ValueError(f"These stand in both parts: {', '.join(sorted(twice))}.")
    return {**public, **sealed}


def _is_personal(fields: Fields) -> bool:
    changes = fields.get("changes", [])
    return (
        isinstance(changes, (list, tuple))
        and {type(change) for change in changes} <= {dict}
        and all(set(map(type, part.values())) <= {str} for part in _levels(fields))
    )


def _is_simple(value: Any) -> bool:
    values = [value]
    for held in values:
        if type(held) is dict:
            if not all(map(str.isascii, held)):
                return False
            values += held.values()
        elif type(held) is list:
            values += held
        elif type(held) not in _SIMPLE:
            return False
    return True
