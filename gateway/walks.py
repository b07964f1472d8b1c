"""Walks: the ids that a query found, kept for a while because the LMS cannot page the query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import orjson
from sqlalchemy import bindparam, delete, insert, select, update

from gateway.cursors import CURSOR_SECONDS
from gateway.database import Database, added, now
from gateway.tables import walk_ids, walks

_CHUNK = 500
"""How many ids one row holds: a page reads few rows, and no row holds much more than a page."""

_PAGE = (
    select(walks.c.walk, walks.c.time, walks.c.total, walk_ids.c.ids)
    .outerjoin(
        walk_ids,
        (walk_ids.c.walk == walks.c.walk)
        & walk_ids.c.chunk.between(bindparam("first"), bindparam("last")),
    )
    .where(
        walks.c.target == bindparam("target"),
        walks.c.resource_type == bindparam("type"),
        walks.c.key == bindparam("key"),
        walks.c.time > bindparam("since"),
    )
    .order_by(walk_ids.c.chunk)
)


class Walks:
    """Kept lists of ids, shared by all workers; each is known by target, type and query key.

    `digest` is that of the audit log's keys: a query holds personal values, so none is kept.
    """

    def __init__(
        self,
        database: Database,
        digest: Callable[[str], bytes],
        seconds: float = CURSOR_SECONDS,
        max_ids: int = 200_000,
        max_walks: int = 200,
    ) -> None:
        self._database = database
        self._digest = digest
        self._age = timedelta(seconds=seconds)
        self._max_ids = max_ids
        self._max_walks = max_walks

    def keep(self, target: str, type: str, key: str, ids: Sequence[str]) -> bool:
        """Keep the ids in place of those kept before; more than `max_ids` are not kept at all.

        Returns whether they are kept.
        """
        moment, key = now(), self._digest(key).hex()
        chunks = [
            {"chunk": number, "ids": orjson.dumps(ids[start : start + _CHUNK])}
            for number, start in enumerate(range(0, len(ids), _CHUNK))
        ]
        newest = select(walks.c.walk).order_by(walks.c.time.desc(), walks.c.walk.desc())
        # One at a time, because PostgreSQL would let two insert the same key.
        with (
            self._database.lock(("keep",), 10, family="walks"),
            self._database.write() as connection,
        ):
            connection.execute(
                delete(walks).where(
                    (walks.c.time <= moment - self._age)
                    | (
                        (walks.c.target == target)
                        & (walks.c.resource_type == type)
                        & (walks.c.key == key)
                    )
                )
            )
            if len(ids) <= self._max_ids:
                walk = added(
                    connection,
                    insert(walks),
                    {
                        "target": target,
                        "resource_type": type,
                        "key": key,
                        "time": moment,
                        "total": len(ids),
                    },
                )
                if chunks:
                    connection.execute(
                        insert(walk_ids), [{"walk": walk, **chunk} for chunk in chunks]
                    )
            kept = newest.limit(self._max_walks)
            connection.execute(delete(walks).where(walks.c.walk.not_in(kept)))
        return len(ids) <= self._max_ids

    def page(
        self, target: str, type: str, key: str, start: int, count: int
    ) -> tuple[int, list[str]] | None:
        """Return the total and up to `count` ids from the 1-based `start`; None when not kept.

        What is read is kept on: its time begins anew.
        """
        first = max(start, 1) - 1
        last = first + max(count, 0) - 1
        asked = {
            "target": target,
            "type": type,
            "key": self._digest(key).hex(),
            "since": now() - self._age,
            "first": first // _CHUNK,
            "last": last // _CHUNK,
        }
        with self._database.single() as connection:
            rows = connection.execute(_PAGE, asked).all()
        if not rows:
            return None
        if rows[0].time < now() - self._age / 2:
            with self._database.write() as connection:
                row = walks.c.walk == rows[0].walk
                connection.execute(update(walks).where(row).values(time=now()))
        total = rows[0].total
        if last < first or first >= total:
            return total, []
        ids = [id for row in rows for id in orjson.loads(row.ids)]
        skipped = first % _CHUNK
        return total, ids[skipped : skipped + count]
