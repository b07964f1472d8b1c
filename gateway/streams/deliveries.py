"""Deliveries: what one stream has still to send, kept so that nothing is lost and none overtakes.

A stream's position is the last leaf of the ledger whose event was taken. What was taken waits as a
row until it is acknowledged; a row that is dead is kept and holds nobody back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from gateway.database import Database, now
from gateway.streams.formats import Event, Feed
from gateway.tables import deliveries, streams

BATCH = 100
"""How many events are taken, and how many deliveries tried, at a time."""

_CHUNK = 500
_LONGEST = 500

_earlier = deliveries.alias("earlier")
_DUE = (
    select(deliveries)
    .where(
        deliveries.c.stream == bindparam("of"),
        deliveries.c.dead.is_(None),
        deliveries.c.due <= bindparam("moment"),
        ~exists().where(
            _earlier.c.stream == deliveries.c.stream,
            _earlier.c.subject == deliveries.c.subject,
            _earlier.c.leaf < deliveries.c.leaf,
            _earlier.c.dead.is_(None),
            _earlier.c.due > bindparam("moment"),
        ),
    )
    .order_by(deliveries.c.leaf)
    .limit(BATCH)
)
_FAIL = (
    update(deliveries)
    .where(deliveries.c.stream == bindparam("of"), deliveries.c.leaf == bindparam("at"))
    .values(
        attempts=deliveries.c.attempts + 1,
        error=bindparam("said"),
        due=bindparam("again"),
        dead=bindparam("ended"),
    )
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that waits, or is dead: `attempts` failed, the last one with `error`."""

    leaf: int
    target: str
    subject: str
    attempts: int
    error: str | None
    due: datetime
    dead: datetime | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that failed; it is due again after `wait` seconds, or dead when that is None."""

    leaf: int
    error: str
    wait: float | None = None


class Deliveries:
    """The deliveries of one stream, shared by all processes."""

    def __init__(self, database: Database, stream: str, max_pending: int = 10_000) -> None:
        self._database = database
        self._stream = stream
        self._max_pending = max_pending

    def position(self) -> int:
        """Return the last leaf that was taken, -1 before the first one."""
        found = self._position()
        return -1 if found is None else found

    def counts(self) -> tuple[int, int]:
        """Return how many deliveries are pending and how many are dead."""
        query = select(func.count(), func.count(deliveries.c.dead)).where(self._mine)
        with self._database.single() as connection:
            total, dead = connection.execute(query).one()
        return total - dead, dead

    def take(self, feed: Feed, wanted: Callable[[Event], bool]) -> bool:
        """Take the next events of the ledger; tell whether there may be more at once.

        Nothing is taken while too many are pending. When somebody else has moved the position
        meanwhile, nothing is taken either.
        """
        position = self._position()
        if position is None:
            position = self._begin()
        if self.counts()[0] >= self._max_pending:
            return False
        found = feed(position, BATCH)
        if not found:
            return False
        moment = now()
        rows = [
            {
                "stream": self._stream,
                "leaf": leaf,
                "target": event.get("target", ""),
                "subject": subject_of(event),
                "attempts": 0,
                "due": moment,
            }
            for leaf, event in found
            if wanted(event)
        ]
        here = update(streams).where(streams.c.name == self._stream, streams.c.position == position)
        with self._database.write() as connection:
            moved = connection.execute(here.values(position=found[-1][0])).rowcount
            if moved and rows:
                connection.execute(insert(deliveries), rows)
        return len(found) == BATCH

    def due(self) -> list[Delivery]:
        """Return what is to be tried now, in order: nothing whose subject waits for an earlier."""
        return self._read(_DUE, {"of": self._stream, "moment": now()})

    def unacknowledged(self, targets: Sequence[str] | None, count: int) -> list[Delivery]:
        """Return the first pending deliveries, of all targets when they are None."""
        query = select(deliveries).where(self._mine, deliveries.c.dead.is_(None), *_among(targets))
        return self._read(query.order_by(deliveries.c.leaf).limit(count))

    def dead(self, count: int) -> list[Delivery]:
        """Return the first dead deliveries."""
        query = select(deliveries).where(self._mine, deliveries.c.dead.is_not(None))
        return self._read(query.order_by(deliveries.c.leaf).limit(count))

    def settle(
        self,
        done: Iterable[int],
        failed: Iterable[Failure] = (),
        targets: Sequence[str] | None = None,
    ) -> None:
        """Forget the leaves that are done and note the failures, in one transaction.

        With `targets`, only deliveries of those are touched.
        """
        moment = now()
        failures = [
            {
                "of": self._stream,
                "at": failure.leaf,
                "said": "".join(filter(str.isprintable, failure.error[:_LONGEST])),
                "again": moment + timedelta(seconds=failure.wait or 0),
                "ended": moment if failure.wait is None else None,
            }
            for failure in failed
        ]
        with self._database.write() as connection:
            for chunk in _chunks(done):
                among = (deliveries.c.leaf.in_(chunk), *_among(targets))
                connection.execute(delete(deliveries).where(self._mine, *among))
            if failures:
                connection.execute(_FAIL.where(*_among(targets)), failures)

    def replay_dead(self) -> int:
        """Let the dead deliveries be tried again and return how many there are."""
        query = update(deliveries).where(self._mine, deliveries.c.dead.is_not(None))
        with self._database.write() as connection:
            return connection.execute(query.values(attempts=0, due=now(), dead=None)).rowcount

    def replay_from(self, leaf: int) -> bool:
        """Go back, so that everything from that leaf on is taken again; tell whether it did.

        A stream never goes forward: nothing is left out.
        """
        beyond = update(streams).where(streams.c.name == self._stream, streams.c.position >= leaf)
        with self._database.write() as connection:
            went_back = connection.execute(beyond.values(position=leaf - 1)).rowcount > 0
            if went_back:
                connection.execute(delete(deliveries).where(self._mine, deliveries.c.leaf >= leaf))
        return went_back

    @property
    def _mine(self) -> ColumnElement[bool]:
        return deliveries.c.stream == self._stream

    def _position(self) -> int | None:
        query = select(streams.c.position).where(streams.c.name == self._stream)
        with self._database.single() as connection:
            found = connection.scalar(query)
        return None if found is None else int(found)

    def _begin(self) -> int:
        """Write down the position before the first leaf; somebody else may have been faster."""
        with suppress(IntegrityError), self._database.write() as connection:
            connection.execute(insert(streams).values(name=self._stream, position=-1))
        return -1

    def _read(self, query: Any, given: dict[str, Any] | None = None) -> list[Delivery]:
        with self._database.single() as connection:
            return [_delivery(row) for row in connection.execute(query, given or {})]


def subject_of(event: Event) -> str:
    """Return the key of what an event is about; a create that made nothing is a subject alone."""
    about = event.get("resourceId") or f"#{event['id']}"
    return f"{event.get('target', '')}/{event.get('resourceType', '')}/{about}"


def shown(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery for people and programs, times as text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(delivery).items()
        if value is not None
    }


def _among(targets: Sequence[str] | None) -> list[ColumnElement[bool]]:
    return [] if targets is None else [deliveries.c.target.in_(targets)]


def _chunks(leaves: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(leaves)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(row.leaf, row.target, row.subject, row.attempts, row.error, row.due, row.dead)
