"""The audit log: no write to an LMS without a record that is committed before it.

A write is begun (its intent is committed), done, and finished. What a crash leaves open is found
by `unsettled` and finished after a look at the LMS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypedDict, Unpack

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection

from gateway.audit_query import SINGLE, condition, ordering
from gateway.database import Database, added, now
from gateway.tables import changes, events, ignored, unsettled
from schemas.audit_event import AUDIT_EVENT, OUTCOMES
from schemas.filters import Filter
from schemas.paths import Path

_PAGE = 500
"""How many events one query reads at most."""


class NotOpen(Exception):
    """The event to be finished does not exist or has been finished already."""


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One changed attribute as text; the caller has blanked what is secret."""

    path: str | None
    native: str | None = None
    op: str | None = None
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be written, by whom, and what it would change.

    `resource_id` is None for a create. `lookup` is JSON text with what is needed to find the
    resource again when the outcome is unknown; it is not shown in SCIM.
    """

    target: str
    operation: str
    resource_type: str
    resource_id: str | None = None
    login: str | None = None
    changes: tuple[ChangeRecord, ...] = ()
    ignored: tuple[str, ...] = ()
    actor: str | None = None
    client_address: str | None = None
    client: str | None = None
    request_id: str | None = None
    configuration: str | None = None
    lookup: str | None = None


class Known(TypedDict, total=False):
    """What is known at the end of a write, besides its outcome.

    `changes` replace those of the intent; `duration` is in milliseconds.
    """

    status: int | None
    detail: str | None
    resource_id: str | None
    login: str | None
    changes: Sequence[ChangeRecord] | None
    upstream_calls: int
    duration: float


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """An event whose outcome is not known yet (`open`) or could not be told (`unknown`)."""

    sequence: int
    time: datetime
    outcome: str
    intent: Intent


_WANTED: dict[str, ColumnElement[bool]] = {
    "target": events.c.target == bindparam("target"),
    "resource_type": events.c.resource_type == bindparam("resource_type"),
    "id": events.c.resource_id == bindparam("id"),
    "login": and_(events.c.resource_id.is_(None), events.c.login_folded == bindparam("login")),
}
# Statements are made once: that costs as much as running them.
_INSERT = insert(events)
_INSERT_CHANGES = insert(changes)
_FINISH = update(events).where(events.c.sequence == bindparam("of"), unsettled)
_LAST_OF = select(func.max(events.c.sequence)).where(
    events.c.target == bindparam("target"),
    events.c.resource_type == bindparam("resource_type"),
    events.c.resource_id == bindparam("id"),
)
_CHANGE = tuple(field.name for field in fields(ChangeRecord))
_INTENT = tuple(field.name for field in fields(Intent) if field.name not in ("changes", "ignored"))
_SHOWN = tuple(
    (name, value.column.name)
    for name, value in SINGLE.items()
    if isinstance(value.column, Column) and "." not in name
)


class AuditLog:
    """The events of all targets, in the order in which their intents were committed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, intent: Intent) -> int:
        """Write the intent down as an open event and return its sequence, once it is committed."""
        return self._database.commit(lambda connection: _begin(connection, intent))

    def finish(self, sequence: int, outcome: str, **known: Unpack[Known]) -> None:
        """Write the outcome of an open or unknown event.

        Raises NotOpen when the event has been finished before.
        """
        result = _result(outcome, known)
        replaced = known.get("changes")
        self._database.commit(lambda connection: _finish(connection, sequence, result, replaced))

    def record(self, intent: Intent, outcome: str, **known: Unpack[Known]) -> int:
        """Write intent and outcome in one transaction, for what needed no call to the LMS."""
        result = _result(outcome, known)

        def work(connection: Connection) -> int:
            sequence = _begin(connection, intent)
            _finish(connection, sequence, result, known.get("changes"))
            return sequence

        return self._database.commit(work)

    def unsettled(
        self,
        target: str | None = None,
        *,
        resource_type: str | None = None,
        id: str | None = None,
        login: str | None = None,
        older_than: float = 0.0,
    ) -> list[OpenEvent]:
        """Return the open and unknown events, oldest first, that began `older_than` seconds ago.

        With `id` or `login` only those of that resource, or of a create under that login. An
        event of a request that is still at work is open, too.
        """
        known = {
            "target": target,
            "resource_type": resource_type,
            "id": id,
            "login": None if login is None else login.casefold(),
        }
        given: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
        query = _unsettled(frozenset(given))
        given["latest"] = now() - timedelta(0, older_than)
        with self._database.single() as connection:
            rows = connection.execute(query, given).all()
        if not rows:
            return []
        with self._database.read() as connection:
            details = _details(connection, [row.sequence for row in rows])
        return [
            OpenEvent(
                row.sequence,
                row.time,
                row.outcome,
                Intent(
                    **{name: getattr(row, name) for name in _INTENT},
                    changes=tuple(details[row.sequence][0]),
                    ignored=tuple(details[row.sequence][1]),
                ),
            )
            for row in rows
        ]

    def knows(self, target: str, resource_type: str, id: str, before: int | None = None) -> bool:
        """Tell whether a write, earlier than the sequence `before`, found or made the resource."""
        where = [
            events.c.target == target,
            events.c.resource_type == resource_type,
            events.c.resource_id == id,
            events.c.outcome.in_(("success", "noChange")),
        ]
        if before is not None:
            where.append(events.c.sequence < before)
        with self._database.single() as connection:
            return connection.scalar(select(events.c.sequence).where(*where).limit(1)) is not None

    def last(self) -> int:
        """Return the sequence of the last event, 0 when there is none."""
        with self._database.single() as connection:
            return connection.scalar(select(func.max(events.c.sequence))) or 0

    def last_of(self, target: str, resource_type: str, id: str) -> int:
        """Return the sequence of the last event of a resource, 0 when there is none."""
        known = {"target": target, "resource_type": resource_type, "id": id}
        with self._database.single() as connection:
            return connection.scalar(_LAST_OF, known) or 0

    def search(
        self,
        filter: Filter | None = None,
        *,
        start: int = 1,
        count: int = 100,
        sort_by: Path | None = None,
        descending: bool = False,
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return how many events match and, from the 1-based `start` on, up to `count` of them.

        Without `sort_by` the order is that of the log.
        """
        where = [] if filter is None else [condition(filter)]
        if sort_by is None:
            key = events.c.sequence
            order: list[ColumnElement[Any]] = [key.desc() if descending else key.asc()]
        else:
            order = ordering(sort_by, descending)
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(events).where(*where)) or 0
            if count <= 0 or start > total:
                return total, []
            page = select(events).where(*where).order_by(*order)
            return total, _resources(connection, page.offset(max(start, 1) - 1).limit(count))

    def get(self, id: str) -> dict[str, Any] | None:
        """Return the event of that id, or None."""
        # Only the one way of writing a number that ids have, and none beyond the column's range.
        if not (id.isascii() and id.isdecimal() and len(id) < 19 and str(int(id)) == id):
            return None
        with self._database.read() as connection:
            found = _resources(connection, select(events).where(events.c.sequence == int(id)))
        return found[0] if found else None

    def stream(self, filter: Filter | None = None) -> Iterator[dict[str, Any]]:
        """Yield the events that match and exist now, in order, in memory of constant size."""
        where = [] if filter is None else [condition(filter)]
        last = self.last()
        page = select(events).where(events.c.sequence <= last, *where)
        page = page.order_by(events.c.sequence).limit(_PAGE)
        sequence = 0
        while True:
            with self._database.read() as connection:
                found = _resources(connection, page.where(events.c.sequence > sequence))
            yield from found
            if len(found) < _PAGE:
                return
            sequence = found[-1]["sequence"]


@cache
def _unsettled(given: frozenset[str]) -> Select[Any]:
    """Return the query for open and unknown events, by what is given."""
    query = select(events).where(unsettled, events.c.time <= bindparam("latest"))
    query = query.where(*(_WANTED[name] for name in ("target", "resource_type") if name in given))
    if found := [_WANTED[name] for name in ("id", "login") if name in given]:
        query = query.where(or_(*found))
    return query.order_by(events.c.sequence)


def _begin(connection: Connection, intent: Intent) -> int:
    values: dict[str, Any] = {name: getattr(intent, name) or None for name in _INTENT}
    values |= {"time": now(), "outcome": "open", **_login(intent.login)}
    sequence = added(connection, _INSERT, values)
    _insert_changes(connection, sequence, intent.changes)
    if intent.ignored:
        rows = [
            {"sequence": sequence, "position": position, "attribute": attribute}
            for position, attribute in enumerate(intent.ignored)
        ]
        connection.execute(insert(ignored), rows)
    return sequence


def _result(outcome: str, known: Known) -> dict[str, Any]:
    """Return the columns that the end of a write fills; what is not known stays as it was."""
    if outcome not in OUTCOMES or outcome == "open":
        raise ValueError(f"{outcome!r} is no outcome of a write.")
    result: dict[str, Any] = {
        "outcome": outcome,
        "status": known.get("status"),
        "detail": known.get("detail") or None,
        "upstream_calls": known.get("upstream_calls", 0),
        "duration": known.get("duration", 0.0),
    }
    if resource_id := known.get("resource_id"):
        result["resource_id"] = resource_id
    if login := known.get("login"):
        result |= _login(login)
    return result


def _login(login: str | None) -> dict[str, str | None]:
    return {"login": login or None, "login_folded": login.casefold() if login else None}


def _finish(
    connection: Connection,
    sequence: int,
    result: dict[str, Any],
    replaced: Sequence[ChangeRecord] | None,
) -> None:
    found = connection.execute(_FINISH, result | {"of": sequence, "finished": now()})
    if found.rowcount == 0:
        raise NotOpen(f"Audit event {sequence} is not open.")
    if replaced is not None:
        connection.execute(delete(changes).where(changes.c.sequence == sequence))
        _insert_changes(connection, sequence, replaced)


def _insert_changes(connection: Connection, sequence: int, records: Sequence[ChangeRecord]) -> None:
    if not records:
        return
    rows = [
        {"sequence": sequence, "position": position, **asdict(record)}
        for position, record in enumerate(records)
    ]
    connection.execute(_INSERT_CHANGES, rows)


def _details(
    connection: Connection, sequences: list[int]
) -> dict[int, tuple[list[ChangeRecord], list[str]]]:
    """Return the changes and the ignored attributes of each event."""
    found: dict[int, tuple[list[ChangeRecord], list[str]]] = {id: ([], []) for id in sequences}
    for start in range(0, len(sequences), _PAGE):
        chunk = sequences[start : start + _PAGE]
        for row in connection.execute(_of(changes, chunk)):
            found[row.sequence][0].append(ChangeRecord(*row[2:]))
        for row in connection.execute(_of(ignored, chunk)):
            found[row.sequence][1].append(row.attribute)
    return found


def _of(table: Table, sequences: list[int]) -> Select[Any]:
    query = select(table).where(table.c.sequence.in_(sequences))
    return query.order_by(table.c.sequence, table.c.position)


def _resources(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    rows = connection.execute(query).all()
    details = _details(connection, [row.sequence for row in rows])
    return [_resource(row, *details[row.sequence]) for row in rows]


def _resource(row: Row[Any], made: list[ChangeRecord], unheld: list[str]) -> dict[str, Any]:
    """Return an event as SCIM shows it, without what has no value."""
    resource: dict[str, Any] = {"schemas": [AUDIT_EVENT.schema.urn], "id": str(row.sequence)}
    for name, column in _SHOWN:
        value = getattr(row, column)
        if value is not None:
            resource[name] = _text(value) if isinstance(value, datetime) else value
    if unheld:
        resource["ignored"] = unheld
    if made:
        resource["changes"] = [
            {name: value for name in _CHANGE if (value := getattr(change, name)) is not None}
            for change in made
        ]
    resource["meta"] = {
        "resourceType": AUDIT_EVENT.name,
        "created": _text(row.time),
        "lastModified": _text(row.finished or row.time),
    }
    return resource


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
