"""The audit log: no write to an LMS without a record that is committed before it.

A write is begun (its intent is committed), done, and finished. What a crash leaves open is found
by `unsettled` and finished after a look at the LMS.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from sqlite3 import Error as DriverError
from typing import Any, TypeVar, Unpack

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from connectors.ticket import Ticket
from gateway.audit_query import SINGLE, condition, narrowed, ordering
from gateway.database import Database, now
from gateway.intents import ChangeRecord, Intent, Known, OpenEvent
from gateway.ledger.events import EVENTS, Policies, Stored, add, end, stored
from gateway.ledger.keys import AuditKeys
from gateway.sorting import sorted_by
from gateway.tables import audit_keys, changes, events, moment_text, unsettled
from schemas.audit_event import AUDIT_EVENT, OUTCOMES
from schemas.errors import ScimError, too_many
from schemas.filters import Filter
from schemas.match import compile_filter
from schemas.paths import Path

MAX_OPENED = 100_000
"""How many events one query opens at most, where only their encrypted values tell."""

_PAGE = 500
"""How many events one query reads at most."""

Result = TypeVar("Result")
Also = Callable[[Connection], object]
"""Something else to be done in the transaction of an event; it may be done twice."""

log = logging.getLogger(__name__)

Event = dict[str, Any]
"""An event as the SCIM resource AuditEvent, without the location."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a part of a job has ended last: outcome, and status, None where it was settled later.

    `made` is the id of what it has created, also when something has been done to that since.
    """

    outcome: str
    status: int | None
    made: str | None


class NotOpen(Exception):
    """The event to be finished does not exist or has been finished already."""


_WANTED: dict[str, ColumnElement[bool]] = {
    "target": events.c.target == bindparam("target"),
    "resource_type": events.c.resource_type == bindparam("resource_type"),
    "id": events.c.resource_id == bindparam("id"),
    "outcome": events.c.outcome == bindparam("outcome"),
    "login": and_(events.c.resource_id.is_(None), events.c.login == bindparam("login")),
}
_ALL_OF = ("target", "resource_type", "outcome")
# Statements are made once: that costs as much as running them.
_OF_JOB = (
    select(
        events.c.request_id,
        events.c.operation,
        events.c.outcome,
        events.c.status,
        events.c.resource_id,
    )
    .where(
        events.c.request_id > bindparam("first"),
        events.c.request_id < bindparam("last"),
        events.c.resource_type == bindparam("resource_type"),
    )
    .order_by(events.c.sequence)
)
_LAST_OF = select(func.max(events.c.sequence)).where(
    events.c.target == bindparam("target"),
    events.c.resource_type == bindparam("resource_type"),
    events.c.resource_id == bindparam("id"),
)
_LAST = (
    select(events.c.resource_id, func.max(events.c.sequence).label("sequence"))
    .where(
        events.c.target == bindparam("target"),
        events.c.resource_type == bindparam("resource_type"),
        events.c.resource_id.in_(bindparam("ids", expanding=True)),
        events.c.outcome == "success",
    )
    .group_by(events.c.resource_id)
    .subquery()
)
_DELETED = select(events.c.resource_id).where(
    events.c.sequence == _LAST.c.sequence, events.c.operation == "delete"
)
_FEED = EVENTS.where(events.c.leaf > bindparam("after")).order_by(events.c.leaf)
# Writes what is there already: only so does a full disk show.
_TOUCH = update(audit_keys).where(audit_keys.c.name == "own").values(content=audit_keys.c.content)
_NAMED_BY = ("userName", "externalId", 'emails[type eq "work"].value', "emails")
"""What tells whose account it is, besides the login: paths of changes."""

_CHANGE = ("path", "native", "op", "old", "new")
_SHOWN = tuple(
    (name, value.column.name)
    for name, value in SINGLE.items()
    if isinstance(value.column, Column) and "." not in name and name != "login"
)


class AuditLog:
    """The events of all targets, in the order in which their intents were committed.

    `policies` say of which attributes the values are not kept.
    """

    def __init__(
        self, database: Database, keys: AuditKeys, policies: Policies | None = None
    ) -> None:
        self._database = database
        self._keys = keys
        self._policies = policies or {}

    def begin(self, intent: Intent, also: Also | None = None) -> Ticket:
        """Write the intent down as an open event; once it is committed, the LMS may be changed.

        `also` is done in the same transaction; nothing is written when it raises.
        """

        def work(connection: Connection) -> int:
            if also is not None:
                also(connection)
            return add(connection, self._keys, intent, outcome="open")

        return Ticket(self._commit(work))

    def finish(self, sequence: int, outcome: str, **known: Unpack[Known]) -> None:
        """Write the outcome of an open or unknown event.

        Raises NotOpen when the event has been finished before.
        """
        columns = _result(outcome, known)
        policies = {} if outcome == "unknown" else self._policies

        def work(connection: Connection) -> bool:
            said, made = known.get("detail"), known.get("changes")
            return end(connection, self._keys, sequence, columns, said, made, policies)

        if not self._commit(work):
            raise NotOpen(f"Audit event {sequence} is not open.")

    def record(
        self, intent: Intent, outcome: str, also: Also | None = None, **known: Unpack[Known]
    ) -> int:
        """Write intent and outcome in one transaction, for what needed no call to the LMS.

        `also` is done in the same transaction; nothing is written when it raises.
        """
        columns, made = _result(outcome, known), known.get("changes")
        if made is not None:
            intent = replace(intent, changes=tuple(made))
        policies = {} if outcome == "unknown" else self._policies

        def work(connection: Connection) -> int:
            if also is not None:
                also(connection)
            detail = known.get("detail")
            return add(connection, self._keys, intent, detail, policies, **columns)

        return self._commit(work)

    def probe(self) -> None:
        """Raise 503 when events cannot be written."""
        self._commit(lambda connection: connection.execute(_TOUCH))

    def _commit(self, work: Callable[[Connection], Result]) -> Result:
        """Return what the work returns, once it is committed.

        Raises 503 when the store is full, locked, read-only or gone: without a record nothing is
        written to an LMS, and who has written must ask again.
        """
        try:
            return self._database.commit(work)
        except (SQLAlchemyError, DriverError) as error:
            log.exception("the audit log cannot be written")
            raise ScimError(503, "The audit log cannot be written.", retry_after=5) from error

    def unsettled(
        self,
        target: str | None = None,
        *,
        resource_type: str | None = None,
        id: str | None = None,
        login: str | None = None,
        outcome: str | None = None,
        older_than: float = 0.0,
    ) -> list[OpenEvent]:
        """Return the open and unknown events, oldest first, that began `older_than` seconds ago.

        With `outcome` only those of one of the two; with `id` or `login` only those of that
        resource, or of a create under that login. An event of a request that is still at work is
        open, too.
        """
        known = {
            "target": target,
            "resource_type": resource_type,
            "id": id,
            "outcome": outcome,
            "login": None if login is None else self._keys.digest(login),
        }
        given: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
        query = _unsettled(frozenset(given))
        given["latest"] = now() - timedelta(0, older_than)
        with self._database.single() as connection:
            if connection.execute(query, given).first() is None:
                return []
        with self._database.read() as connection:
            return [_open(event) for event in stored(connection, self._keys, query, given)]

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

    def deleted(self, target: str, resource_type: str, ids: Iterable[str]) -> set[str]:
        """Return those of the resources with which a deletion was the last that was done."""
        known = {"target": target, "resource_type": resource_type, "ids": list(ids)}
        with self._database.single() as connection:
            return set(connection.scalars(_DELETED, known))

    def outcomes(self, job: str, resource_type: str) -> dict[str, Ended]:
        """Return how each part of a job has ended last.

        Parts are the requests whose ids are that of the job, a slash, and the part's own name.
        """
        known = {"first": f"{job}/", "last": f"{job}0", "resource_type": resource_type}
        with self._database.single() as connection:
            ended: dict[str, Ended] = {}
            for row in connection.execute(_OF_JOB, known):
                part = row.request_id[len(job) + 1 :]
                made = ended[part].made if part in ended else None
                if row.operation in ("create", "revive") and row.outcome == "success":
                    made = row.resource_id
                ended[part] = Ended(row.outcome, row.status, made)
            return ended

    def subjects(self, person: str) -> list[int]:
        """Return the subjects that ever had a login, external id or e-mail address."""
        digest = self._keys.digest(person)
        named = select(changes.c.sequence).where(
            changes.c.path.in_(_NAMED_BY), or_(changes.c.old == digest, changes.c.new == digest)
        )
        query = select(events.c.subject).where(
            or_(events.c.login == digest, events.c.sequence.in_(named)),
            events.c.subject.is_not(None),
        )
        with self._database.single() as connection:
            return list(connection.scalars(query.distinct().order_by(events.c.subject)))

    def accounts(self, person: str) -> list[tuple[str, str, str]]:
        """Return the accounts of a person's subjects: target, resource type and id."""
        columns = events.c.target, events.c.resource_type, events.c.resource_id
        query = select(*columns).where(
            events.c.subject.in_(self.subjects(person)), events.c.resource_id.is_not(None)
        )
        with self._database.single() as connection:
            found = connection.execute(query.distinct().order_by(*columns)).all()
        return [(row.target, row.resource_type, row.resource_id) for row in found]

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
    ) -> tuple[int, list[Event]]:
        """Return how many events match and, from the 1-based `start` on, up to `count` of them.

        Without `sort_by` the order is that of the log. What the database cannot tell because it is
        encrypted is checked on the opened events; raises 400 tooMany beyond MAX_OPENED of them.
        """
        first = max(start, 1) - 1
        part, whole = narrowed(filter, self._keys.digest)
        order = None if sort_by is None else ordering(sort_by, descending)
        if not whole or (sort_by is not None and order is None):
            found = self._opened(filter, part, whole)
            if descending:
                found.reverse()
            if sort_by is not None:
                found = sorted_by(sort_by, descending, found)
            return len(found), found[first : first + count] if count > 0 else []
        if order is None:
            key = events.c.sequence
            order = [key.desc() if descending else key.asc()]
        where = [] if part is None else [condition(part)]
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(events).where(*where)) or 0
            if count <= 0 or first >= total:
                return total, []
            page = EVENTS.where(*where).order_by(*order).offset(first).limit(count)
            return total, [resource(event) for event in stored(connection, self._keys, page)]

    def get(self, id: str) -> Event | None:
        """Return the event of that id, or None."""
        # Only the one way of writing a number that ids have, and none beyond the column's range.
        if not (id.isascii() and id.isdecimal() and len(id) < 19 and str(int(id)) == id):
            return None
        query = EVENTS.where(events.c.sequence == int(id))
        with self._database.read() as connection:
            found = stored(connection, self._keys, query)
        return resource(found[0]) if found else None

    def stream(self, filter: Filter | None = None) -> Iterator[Event]:
        """Yield the events that match and exist now, in order, in memory of constant size."""
        return map(resource, self.stored(filter))

    def stored(self, filter: Filter | None = None) -> Iterator[Stored]:
        """Yield the events of `stream` as the tables have them."""
        part, whole = narrowed(filter, self._keys.digest)
        found = self._stored(part)
        if whole or filter is None:
            return found
        holds = compile_filter(filter)
        return (event for event in found if holds(resource(event)))

    def feed(self, after: int, count: int) -> list[tuple[int, Event]]:
        """Return up to `count` events with their leaves, in the order in which they were sealed.

        Only leaves after the number `after`; one that a later leaf amends is left out.
        """
        with self._database.read() as connection:
            found = stored(connection, self._keys, _FEED.limit(count), {"after": after})
        return [(event.columns.leaf, resource(event)) for event in found]

    def _opened(self, filter: Filter | None, part: Filter | None, whole: bool) -> list[Event]:
        """Return all events that match, in order, each of them opened."""
        holds = compile_filter(filter) if filter is not None and not whole else None
        found = []
        for number, event in enumerate(map(resource, self._stored(part)), start=1):
            if number > MAX_OPENED:
                raise too_many(
                    f"More than {MAX_OPENED} events would have to be opened: what is encrypted is "
                    "found by eq and ne only. Add a condition on time, target or login."
                )
            if holds is None or holds(event):
                found.append(event)
        return found

    def _stored(self, part: Filter | None) -> Iterator[Stored]:
        """Yield the events for which a filter holds that SQL can check."""
        where = [] if part is None else [condition(part)]
        last = self.last()
        page = EVENTS.where(events.c.sequence <= last, *where)
        page = page.order_by(events.c.sequence).limit(_PAGE)
        sequence = 0
        while True:
            with self._database.read() as connection:
                found = stored(connection, self._keys, page.where(events.c.sequence > sequence))
            yield from found
            if len(found) < _PAGE:
                return
            sequence = found[-1].columns.sequence


@cache
def _unsettled(given: frozenset[str]) -> Select[Any]:
    """Return the query for open and unknown events, by what is given."""
    query = EVENTS.where(unsettled, events.c.time <= bindparam("latest"))
    query = query.where(*(_WANTED[name] for name in _ALL_OF if name in given))
    if found := [_WANTED[name] for name in ("id", "login") if name in given]:
        query = query.where(or_(*found))
    return query.order_by(events.c.sequence)


def _open(event: Stored) -> OpenEvent:
    row = event.columns
    intent = Intent(
        target=row.target,
        operation=row.operation,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
        login=event.value("login"),
        changes=event.changes,
        ignored=event.ignored,
        actor=row.actor,
        client_address=row.client_address,
        client=row.client,
        request_id=row.request_id,
        configuration=row.configuration,
        lookup=event.value("lookup"),
    )
    return OpenEvent(row.sequence, row.time, row.outcome, intent)


def _result(outcome: str, known: Known) -> dict[str, Any]:
    """Return the columns that the end of a write fills; what is not known stays as it was."""
    if outcome not in OUTCOMES or outcome == "open":
        raise ValueError(f"{outcome!r} is no outcome of a write.")
    result: dict[str, Any] = {
        "outcome": outcome,
        "status": known.get("status"),
        "upstream_calls": known.get("upstream_calls", 0),
        "duration": known.get("duration", 0.0),
        "finished": now(),
    }
    if resource_id := known.get("resource_id"):
        result["resource_id"] = resource_id
    return result


def resource(event: Stored) -> Event:
    """Return an event as SCIM shows it, without what has no value."""
    row = event.columns
    shown: Event = {"schemas": [AUDIT_EVENT.schema.urn], "id": str(row.sequence)}
    for name, column in _SHOWN:
        value = getattr(row, column)
        if value is not None and value != "":
            shown[name] = moment_text(value) if isinstance(value, datetime) else value
    for name in ("login", "detail"):
        if value := event.value(name):
            shown[name] = value
    if event.ignored:
        shown["ignored"] = list(event.ignored)
    if event.changes:
        shown["changes"] = [_shown(change) for change in event.changes]
    shown["meta"] = {
        "resourceType": AUDIT_EVENT.name,
        "created": moment_text(row.time),
        "lastModified": moment_text(row.finished or row.time),
    }
    return shown


def _shown(change: ChangeRecord) -> dict[str, str]:
    return {name: value for name in _CHANGE if (value := getattr(change, name)) is not None}
