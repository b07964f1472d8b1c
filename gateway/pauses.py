"""Pauses: targets to which somebody lets nothing be written, until they are resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from gateway.audit import AuditLog
from gateway.database import Database, now
from gateway.intents import Intent
from gateway.tables import pauses
from schemas.errors import ScimError


class Pauses:
    """Which targets are paused since when, beside those that the configuration pauses.

    It holds for all processes, for each write that begins afterwards.
    """

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit
        self._known: tuple[int | None, dict[str, datetime]] = (None, {})

    def since(self, target: str) -> datetime | None:
        """Return since when a target is paused, None while it is not."""
        generation, held = self._known
        found = self._database.generation()
        if found is None or found != generation:
            with self._database.single() as connection:
                held = {row.target: row.since for row in connection.execute(select(pauses))}
            self._known = found, held
        return held.get(target)

    def pause(self, target: str, by: Intent) -> None:
        """Let nothing more be written to a target; `by` says who wants it. Raises 409."""

        def work(connection: Connection) -> None:
            if _of(connection, target):
                raise ScimError(409, f"{target} is paused already.")
            connection.execute(insert(pauses).values(target=target, since=now()))

        self._record("pause", target, by, work)

    def resume(self, target: str, by: Intent) -> None:
        """Let a target be written to again; `by` says who wants it. Raises 409."""

        def work(connection: Connection) -> None:
            if not _of(connection, target):
                raise ScimError(409, f"{target} is not paused.")
            connection.execute(delete(pauses).where(pauses.c.target == target))

        self._record("resume", target, by, work)

    def _record(
        self, operation: str, target: str, by: Intent, work: Callable[[Connection], None]
    ) -> None:
        def also(connection: Connection) -> None:
            work(connection)
            self._database.renew(connection)

        intent = replace(by, operation=operation, target=target, resource_type="Target")
        self._audit.record(replace(intent, resource_id=target), "success", also)


def _of(connection: Connection, target: str) -> bool:
    one = select(pauses.c.since).where(pauses.c.target == target)
    return connection.execute(one).one_or_none() is not None
