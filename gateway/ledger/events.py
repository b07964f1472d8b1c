"""One event in the tables: written with its personal values encrypted, read with them opened."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from gateway.database import added, now
from gateway.intents import ChangeRecord, Intent, unfiltered
from gateway.ledger.keys import AuditKeys
from gateway.ledger.personal import Personal, new_salt, opened, texts
from gateway.ledger.subjects import subject_of
from gateway.tables import changes, events, ignored, subjects, unsettled

_CHUNK = 500
_SEQUENCE_LOCK = 0x6D747263
"""What PostgreSQL locks for whoever adds an event; any number that nobody else uses."""

_PLAIN = (
    *("target", "operation", "resource_type", "resource_id", "actor", "client_address"),
    *("client", "request_id", "configuration"),
)
_VALUE = re.compile(r'\[value eq "(?:[^"\\]|\\.)*"\]')
_MASK = '[value eq "*"]'

EVENTS = select(events, subjects.c.key).outerjoin(subjects, subjects.c.subject == events.c.subject)
"""Selects events as `stored` wants them."""

_INSERT = insert(events)
_INSERT_CHANGES = insert(changes)
_END = update(events).where(events.c.sequence == bindparam("of"), unsettled)
_ONE = EVENTS.where(events.c.sequence == bindparam("of"))
_NEXT = select(func.coalesce(func.max(events.c.sequence), 0) + 1)
_LOCK = select(func.pg_advisory_xact_lock(_SEQUENCE_LOCK))

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """One event: its columns, its personal values (None when they are erased), and its lists."""

    columns: Any
    personal: Personal | None
    changes: tuple[ChangeRecord, ...]
    ignored: tuple[str, ...]

    def value(self, name: str) -> str | None:
        """Return a personal value: login, detail or lookup."""
        return self.personal.values.get(name) if self.personal else None


Policies = Mapping[str, str]
"""How the values of an attribute are kept, by its path without brackets, where not encrypted.

`hash`: found by equality, never shown; `omit`: not kept at all.
"""


def add(
    connection: Connection,
    keys: AuditKeys,
    intent: Intent,
    detail: str | None = None,
    policies: Policies | None = None,
    **columns: Any,
) -> int:
    """Insert an event and return its sequence; sequences have no gaps.

    `columns` are those that the intent does not fill. The policies hold once an event has ended:
    until then its values tell how to settle it.
    """
    login = keys.digest(intent.login) if intent.login else None
    id = columns.get("resource_id") or intent.resource_id or None
    subject, key = subject_of(connection, keys, intent.target, intent.resource_type, id, login)
    said = {"login": intent.login or None, "detail": detail or None, "lookup": intent.lookup}
    kept = tuple(_kept(change, policies or {}) for change in intent.changes)
    personal = Personal(new_salt(), texts(said), tuple(map(_personal, kept)))
    values = {name: getattr(intent, name) or None for name in _PLAIN}
    values |= {
        "target": intent.target,
        "time": now(),
        "subject": subject,
        "login": login,
        "personal": personal.sealed(key),
        **columns,
    }
    if connection.dialect.name == "postgresql":
        # Its own numbers would have gaps, and would not come in the order of the commits.
        connection.execute(_LOCK)
        values["sequence"] = connection.scalar(_NEXT)
    sequence = added(connection, _INSERT, values)
    _add_changes(connection, keys, sequence, intent.changes, policies or {})
    if intent.ignored:
        rows = [
            {"sequence": sequence, "position": position, "attribute": attribute}
            for position, attribute in enumerate(intent.ignored)
        ]
        connection.execute(insert(ignored), rows)
    return sequence


def end(
    connection: Connection,
    keys: AuditKeys,
    sequence: int,
    columns: dict[str, Any],
    detail: str | None,
    made: Sequence[ChangeRecord] | None,
    policies: Policies,
) -> bool:
    """Write how an open or unknown event has ended; tell whether it was one.

    `made` are the changes when they are not those of the intent.
    """
    values = columns | {"of": sequence, "leaf": None}
    if detail or made is not None or policies:
        (event,) = stored(connection, keys, _ONE, {"of": sequence}) or (None,)
        if event is None:
            return False
        final = event.changes if made is None else tuple(made)
        if event.personal is not None:
            values["personal"] = _rewritten(keys, event, detail, final, policies)
    if connection.execute(_END, values).rowcount == 0:
        return False
    if made is not None or policies:
        connection.execute(delete(changes).where(changes.c.sequence == sequence))
        _add_changes(connection, keys, sequence, final, policies)
    return True


def stored(
    connection: Connection,
    keys: AuditKeys,
    query: Select[Any],
    parameters: Mapping[str, Any] | None = None,
) -> list[Stored]:
    """Return the events of a query that was made from EVENTS."""
    rows = connection.execute(query, parameters).all()
    sequences = [row.sequence for row in rows]
    made = _by_sequence(connection, changes, sequences)
    left = _by_sequence(connection, ignored, sequences)
    found = []
    for row in rows:
        personal = _opened(keys, row)
        said = personal.changes if personal else ()
        found.append(
            Stored(
                row,
                personal,
                tuple(
                    _change(change, said[number] if number < len(said) else {})
                    for number, change in enumerate(made.get(row.sequence, ()))
                ),
                tuple(entry.attribute for entry in left.get(row.sequence, ())),
            )
        )
    return found


def _key_of(keys: AuditKeys, row: Any) -> bytes | None:
    """Return what opens the personal values of an event's row, None when it was destroyed."""
    if row.subject is None:
        return keys.own
    return None if row.key is None else keys.unwrap(row.key)


def _opened(keys: AuditKeys, row: Any) -> Personal | None:
    try:
        return opened(row.personal, _key_of(keys, row))
    except ValueError:
        # The log is still to be read; the ledger tells that the event is not what was sealed.
        log.error("the personal values of event %s were tampered with", row.sequence)
        return None


def _rewritten(
    keys: AuditKeys,
    event: Stored,
    detail: str | None,
    final: Iterable[ChangeRecord],
    policies: Policies,
) -> bytes:
    """Return an event's personal values with what its end adds, under the same salt."""
    assert event.personal is not None
    key = _key_of(keys, event.columns)
    assert key is not None
    values = event.personal.values | texts({"detail": detail or None})
    kept = tuple(_personal(_kept(change, policies)) for change in final)
    return Personal(event.personal.salt, values, kept).sealed(key)


def _add_changes(
    connection: Connection,
    keys: AuditKeys,
    sequence: int,
    made: Sequence[ChangeRecord],
    policies: Policies,
) -> None:
    if not made:
        return
    rows = [
        {
            "sequence": sequence,
            "position": position,
            "path": masked(change.path),
            "native": change.native,
            "op": change.op,
            **_digests(keys, change, policies),
        }
        for position, change in enumerate(made)
    ]
    connection.execute(_INSERT_CHANGES, rows)


def _digests(keys: AuditKeys, change: ChangeRecord, policies: Policies) -> dict[str, bytes | None]:
    omitted = _policy(change, policies) == "omit"
    return {
        name: keys.digest(text) if text and not omitted else None
        for name, text in (("old", change.old), ("new", change.new))
    }


def _kept(change: ChangeRecord, policies: Policies) -> ChangeRecord:
    """Return a change without the values that are not to be shown."""
    if _policy(change, policies) is None:
        return change
    return ChangeRecord(masked(change.path), change.native, change.op)


def _policy(change: ChangeRecord, policies: Policies) -> str | None:
    """Return what holds for a changed attribute: of its own path, or of the whole attribute."""
    if not policies:
        return None
    path = unfiltered(change.path or "")
    return policies.get(path) or policies.get(path.rpartition(".")[0])


def _personal(change: ChangeRecord) -> dict[str, str]:
    path = change.path if change.path != masked(change.path) else None
    return texts({"path": path, "old": change.old, "new": change.new})


def masked(path: str | None) -> str | None:
    """Return a path without the value by which it tells one of several apart."""
    return path and _VALUE.sub(_MASK, path)


def _change(row: Any, said: Mapping[str, str]) -> ChangeRecord:
    path = said.get("path", row.path)
    return ChangeRecord(path, row.native, row.op, said.get("old"), said.get("new"))


def _by_sequence(
    connection: Connection, table: Table, sequences: Sequence[int]
) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for start in range(0, len(sequences), _CHUNK):
        chunk = sequences[start : start + _CHUNK]
        query = select(table).where(table.c.sequence.in_(chunk))
        for row in connection.execute(query.order_by(table.c.sequence, table.c.position)):
            found.setdefault(row.sequence, []).append(row)
    return found
