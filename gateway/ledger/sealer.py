"""Sealing: events become leaves of the ledger in the background, checkpoints are signed over them.

Writes never wait for it: a batch is hashed outside of any transaction, and its leaves are few.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.engine import Connection

from gateway.database import Database, now
from gateway.ledger.events import EVENTS, Stored, masked, stored
from gateway.ledger.keys import AuditKeys
from gateway.ledger.merkle import Frontier, leaf_hash, root_of
from gateway.ledger.notes import Checkpoint, Signer, sign
from gateway.ledger.records import canonical, commit
from gateway.ledger.verify import UNSETTLED
from gateway.tables import blocks, checkpoints, events, leaves, moment_text

BLOCK = 1024
"""Leaves of a block, whose root is kept: so that proofs and restarts read few hashes."""

SEAL_SECONDS = 1.0
"""How long an event waits at most for its leaf, as long as the machine keeps up."""

CHECKPOINT_SECONDS = 30.0
"""How long a leaf waits at most for a signature above it; the promise is a minute."""

BATCH = 200
"""How many events become leaves in one transaction."""

_UNSEALED = EVENTS.where(events.c.leaf.is_(None)).order_by(events.c.sequence).limit(BATCH)
_STATES = (
    select(events.c.sequence, events.c.outcome, events.c.finished)
    .where(events.c.leaf.is_(None), events.c.sequence.between(bindparam("low"), bindparam("high")))
    .with_for_update()
)
_PLACE = update(events).where(events.c.sequence == bindparam("of"))
_SIZE = select(func.coalesce(func.max(leaves.c.number) + 1, 0))
LAST_CHECKPOINT = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)

_HASHES = (
    select(leaves.c.hash)
    .where(leaves.c.number >= bindparam("start"), leaves.c.number < bindparam("end"))
    .order_by(leaves.c.number)
)
log = logging.getLogger(__name__)

Publish = Callable[[int, str], None]
"""Told of every checkpoint: its size and its note."""


class Sealer:
    """The ledger's growing end.

    `name` is the log's: its origin, and the name of its key. `publish` may fail: what it was told
    stays in the database, and it is told of the next one.
    """

    def __init__(
        self, database: Database, keys: AuditKeys, name: str, publish: Publish | None = None
    ) -> None:
        self._database = database
        self._keys = keys
        self._signer = Signer(name, keys.signing)
        self._publish = publish
        self._frontier = Frontier()
        self._signed = 0.0

    def step(self) -> bool:
        """Seal what there is, and sign it when it is time: a step of the work in the background."""
        self.seal()
        if monotonic() - self._signed >= CHECKPOINT_SECONDS:
            self.checkpoint()
            self._signed = monotonic()
        return False

    def finish(self) -> None:
        """Seal and sign all that there is."""
        self.seal()
        self.checkpoint()

    def seal(self) -> int:
        """Turn all events that are not sealed as they are now into leaves; return how many."""
        count = 0
        with self._database.lock(("seal",), 60, family="ledger"):
            while batch := self._seal_batch():
                count += batch
        return count

    def checkpoint(self) -> str | None:
        """Sign what is sealed and return the note; None when the last one says as much."""
        with self._database.lock(("seal",), 60, family="ledger"):
            with self._database.single() as connection:
                size = connection.scalar(_SIZE) or 0
                last = connection.execute(LAST_CHECKPOINT).first()
            if size == (last.size if last else 0):
                return None
            self._catch_up(size)
            note = sign(
                str(Checkpoint(self._signer.name, size, self._frontier.root())), self._signer
            )
            with self._database.write() as connection:
                values = {"size": size, "time": now(), "note": note}
                connection.execute(insert(checkpoints), values)
        if self._publish is not None:
            try:
                self._publish(size, note)
            except Exception:
                log.exception("the checkpoint of %s leaves could not be published", size)
        return note

    def _seal_batch(self) -> int:
        """Seal the next events, in the order of their sequences; the caller holds the lock."""
        with self._database.read() as connection:
            size = connection.scalar(_SIZE) or 0
            found = stored(connection, self._keys, _UNSEALED)
        if not found:
            return 0
        self._catch_up(size)
        rows = []
        for number, event in enumerate(found, start=size):
            record = canonical(record_of(event))
            row: dict[str, Any] = {"number": number, "sequence": event.columns.sequence}
            row |= {"hash": leaf_hash(record), "record": None}
            if event.columns.outcome in UNSETTLED:
                # It will be amended, and then cannot tell any more what was sealed of it here.
                row["record"] = record
            rows.append(row)
        with self._database.write() as connection:
            if not _are_unchanged(connection, found):
                # One of them ended meanwhile: what it is now is sealed instead, next time.
                return len(found)
            connection.execute(insert(leaves), rows)
            connection.execute(
                _PLACE, [{"of": row["sequence"], "leaf": row["number"]} for row in rows]
            )
            ends = range(size // BLOCK, (size + len(rows)) // BLOCK)
            for block in ends:
                hashes = leaf_hashes(connection, block * BLOCK, (block + 1) * BLOCK)
                values = {"number": block, "hash": root_of(hashes)}
                connection.execute(insert(blocks), values)
        return len(found)

    def _catch_up(self, size: int) -> None:
        """Bring the frontier to the size that the ledger has in the database."""
        with self._database.read() as connection:
            if self._frontier.size == 0:
                for hash in connection.scalars(select(blocks.c.hash).order_by(blocks.c.number)):
                    self._frontier.append(hash, BLOCK)
            for hash in leaf_hashes(connection, self._frontier.size, size):
                self._frontier.append(hash)


def record_of(event: Stored) -> dict[str, Any]:
    """Return the record of an event as it is now (gateway.ledger.records).

    Its `duration` is in microseconds, for records have no fractions.
    """
    row = event.columns
    public = {
        "sequence": row.sequence,
        "time": moment_text(row.time),
        "finished": row.finished and moment_text(row.finished),
        "actor": row.actor,
        "clientAddress": row.client_address,
        "client": row.client,
        "requestId": row.request_id,
        "target": row.target,
        "operation": row.operation,
        "resourceType": row.resource_type,
        "resourceId": row.resource_id,
        "subject": row.subject,
        "outcome": row.outcome,
        "status": row.status,
        "upstreamCalls": row.upstream_calls,
        "durationMicroseconds": None if row.duration is None else round(row.duration * 1000),
        "configuration": row.configuration,
        "ignored": list(event.ignored) or None,
        "changes": [
            _present(path=masked(change.path), native=change.native, op=change.op)
            for change in event.changes
        ]
        or None,
    }
    salt, values = shown_of(event)
    return commit(_present(**public), values, salt) if values else _present(**public)


def shown_of(event: Stored) -> tuple[bytes, dict[str, Any]]:
    """Return an event's salt and its personal values as its record commits to them.

    Of an erased event nothing is left: no salt, no values.
    """
    personal = event.personal
    if personal is None:
        return b"", {}
    values: dict[str, Any] = dict(personal.values)
    if any(personal.changes):
        values["changes"] = [_renamed(change) for change in personal.changes]
    return personal.salt, values


def _renamed(change: dict[str, str]) -> dict[str, str]:
    """Return a change's personal values; a path with a value stands beside the public one."""
    return {"fullPath" if name == "path" else name: text for name, text in change.items()}


def _are_unchanged(connection: Connection, found: list[Stored]) -> bool:
    bounds = {"low": found[0].columns.sequence, "high": found[-1].columns.sequence}
    now = {row.sequence: (row.outcome, row.finished) for row in connection.execute(_STATES, bounds)}
    rows = [event.columns for event in found]
    return all(now.get(row.sequence) == (row.outcome, row.finished) for row in rows)


def leaf_hashes(connection: Connection, start: int, end: int) -> Iterator[bytes]:
    """Yield the hashes of the leaves from `start` up to `end`."""
    yield from connection.scalars(_HASHES, {"start": start, "end": end})


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
