"""Changes as the audit log keeps them: as text, secrets only as changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from connectors.mapping import Mapping
from gateway.intents import ChangeRecord
from schemas.changes import Change


def records(mapping: Mapping, changes: Iterable[Change]) -> tuple[ChangeRecord, ...]:
    """Return one record for each change; a secret's values are left out."""
    return tuple(
        ChangeRecord(
            path=str(change.path),
            native=mapping.native_name(change.path),
            op=change.op,
            old=None if change.path.secret else text(change.old),
            new=None if change.path.secret else text(change.new),
        )
        for change in changes
    )


def text(value: Any) -> str | None:
    """Return a value as text: a string as it is, a member by its id, all else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("value"), str):
        rest = set(value) - {"value", "type", "$ref", "display"}
        if not rest:
            return str(value["value"])
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
