"""Erasing: what the log holds of a person is destroyed, and every proof still holds.

A legal hold comes before it. Both, and their ends, are events themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.engine import Connection

from gateway.audit import AuditLog
from gateway.database import Database, now
from gateway.intents import Intent
from gateway.ledger.events import EVENTS, add, stored
from gateway.ledger.keys import AuditKeys
from gateway.ledger.records import canonical
from gateway.ledger.sealer import Sealer, record_of
from gateway.tables import changes, events, leaves, subjects, tombstones
from schemas.errors import ScimError, not_found

_PAGE = 500


class Eraser:
    """Erases people from the log, or keeps that from being done."""

    def __init__(self, database: Database, keys: AuditKeys, audit: AuditLog, sealer: Sealer):
        self._database = database
        self._keys = keys
        self._audit = audit
        self._sealer = sealer

    def erase(self, person: str, by: Intent) -> list[int]:
        """Destroy what the log holds of a person: keys, values and digests; return whose.

        `by` says who does it. Raises 404 for somebody unknown, 409 under a legal hold or while
        writes to the person's accounts are open.
        """
        found = self._found(person)
        by = replace(by, operation="erase", resource_type="Subject", resource_id=_words(found))
        try:
            self._destroy(found, by)
        except ScimError as error:
            self._audit.record(by, "refused", status=error.status, detail=error.detail)
            raise
        self._database.scrub(("events", "changes", "subjects", "tombstones", "leaves"))
        return found

    def hold(self, person: str, reason: str, by: Intent) -> list[int]:
        """Keep a person from being erased, for a reason; return whose events are held.

        Raises 404 for somebody unknown, 409 for somebody who is erased at the same time.
        """
        return self._mark(person, reason, replace(by, operation="hold"))

    def release(self, person: str, by: Intent) -> list[int]:
        """Let a person be erased again; return whose events were held. Raises 404."""
        return self._mark(person, None, replace(by, operation="release"))

    def _mark(self, person: str, reason: str | None, by: Intent) -> list[int]:
        found = self._found(person)
        chosen = subjects.c.subject.in_(found) & subjects.c.erased.is_(None)

        def mark(connection: Connection) -> None:
            marked = connection.execute(update(subjects).where(chosen).values(hold=reason))
            if marked.rowcount != len(found):
                raise ScimError(409, "The person has been erased meanwhile.")

        by = replace(by, resource_type="Subject", resource_id=_words(found))
        self._audit.record(by, "success", mark, status=200, detail=reason)
        return found

    def _found(self, person: str) -> list[int]:
        found = self._audit.subjects(person)
        if not found:
            raise not_found("No event is about an account of that login, id or address.")
        return found

    def _destroy(self, found: Sequence[int], by: Intent) -> None:
        """Keep the sealed records, which have commitments only, and destroy the rest."""
        theirs = events.c.subject.in_(found)
        unfinished = select(events.c.sequence).where(theirs, events.c.outcome == "open")
        unsealed = select(events.c.sequence).where(theirs, events.c.leaf.is_(None))
        self._sealer.seal()
        with (
            self._database.lock(("seal",), 60, family="ledger"),
            self._database.write() as connection,
        ):
            _refuse_held(connection, found)
            for pending in (unfinished, unsealed):
                if connection.scalar(pending.limit(1)) is not None:
                    raise ScimError(409, "A write to an account is under way: try again later.")
            self._keep_records(connection, theirs)
            sequences = select(events.c.sequence).where(theirs)
            connection.execute(
                update(changes).where(changes.c.sequence.in_(sequences)).values(old=None, new=None)
            )
            _forget_logins(connection, theirs)
            connection.execute(update(events).where(theirs).values(personal=None, login=None))
            gone: dict[str, Any] = {"key": None, "erased": now()}
            connection.execute(update(subjects).where(subjects.c.subject.in_(found)).values(gone))
            add(connection, self._keys, by, outcome="success", status=200, finished=now())

    def _keep_records(self, connection: Connection, theirs: ColumnElement[bool]) -> None:
        """Keep what the leaves say of the events, which cannot say it themselves any more."""
        last = 0
        while True:
            page = EVENTS.where(theirs, events.c.sequence > last).order_by(events.c.sequence)
            found = stored(connection, self._keys, page.limit(_PAGE))
            for event in found:
                leaf = update(leaves).where(
                    leaves.c.number == event.columns.leaf, leaves.c.record.is_(None)
                )
                connection.execute(leaf.values(record=canonical(record_of(event))))
            if len(found) < _PAGE:
                return
            last = found[-1].columns.sequence


def _refuse_held(connection: Connection, found: Sequence[int]) -> None:
    """Raise 409 under a legal hold, and let nobody place one until the transaction ends."""
    rows = select(subjects.c.hold).where(subjects.c.subject.in_(found))
    # With `key_share` events of the person, which refer to these rows, can still be written.
    rows = rows.with_for_update(key_share=True)
    reasons = sorted({hold for hold in connection.scalars(rows) if hold is not None})
    if reasons:
        raise ScimError(409, f"A legal hold forbids it: {'; '.join(reasons)}")


def _forget_logins(connection: Connection, theirs: ColumnElement[bool]) -> None:
    """Take the logins out of the tombstones of the accounts."""
    accounts = select(events.c.target, events.c.resource_type, events.c.resource_id)
    for row in connection.execute(accounts.where(theirs).distinct()).all():
        connection.execute(
            update(tombstones)
            .where(
                tombstones.c.target == row.target,
                tombstones.c.resource_type == row.resource_type,
                tombstones.c.id == row.resource_id,
            )
            .values(login=None)
        )


def _words(found: Sequence[int]) -> str:
    return " ".join(map(str, found))
