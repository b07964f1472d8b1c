"""Between nested objects and flat records whose names are paths: `name.given`."""

from __future__ import annotations

from typing import Any

NULL: Any = object()
"""The native value that clears a property which is no text."""


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return an object without nesting.

    >>> flat({"id": "_1_1", "name": {"given": "Ann"}})
    {'id': '_1_1', 'name.given': 'Ann'}
    """
    record: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            record |= flat(value, f"{prefix}{name}.")
        else:
            record[prefix + name] = value
    return record


def nested(record: dict[str, Any]) -> dict[str, Any]:
    """Return the object that a flat record describes.

    >>> nested({"name.given": "Ann", "birthDate": NULL})
    {'name': {'given': 'Ann'}, 'birthDate': None}
    """
    row: dict[str, Any] = {}
    for path, value in record.items():
        *holders, name = path.split(".")
        holder = row
        for step in holders:
            holder = holder.setdefault(step, {})
        holder[name] = None if value is NULL else value
    return row
