"""Proofs from the ledger: exports that are verified offline, and whether an event is as sealed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, bindparam, select
from sqlalchemy.engine import Connection

from gateway.database import Database
from gateway.ledger.events import EVENTS, Stored, stored
from gateway.ledger.keys import AuditKeys
from gateway.ledger.lines import checkpoint_line, event_line, head_line
from gateway.ledger.merkle import inclusion_proof, leaf_hash, root_of, root_of_inclusion
from gateway.ledger.notes import Signer, open_checkpoint
from gateway.ledger.records import canonical, opening
from gateway.ledger.sealer import BLOCK, LAST_CHECKPOINT, leaf_hashes, record_of, shown_of
from gateway.ledger.verify import UNSETTLED
from gateway.tables import blocks, checkpoints, events, leaves

_PAGE = 500

_LEAVES = select(leaves).where(leaves.c.number.between(bindparam("first"), bindparam("last")))
_BLOCK_HASHES = (
    select(blocks.c.hash)
    .where(blocks.c.number >= bindparam("start"), blocks.c.number < bindparam("end"))
    .order_by(blocks.c.number)
)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether one event is what was sealed, and below which signed checkpoint it is.

    `leaf` is None as long as the event is not sealed as it is now, `size` as long as no checkpoint
    is above it; `holds` tells whether everything is as the ledger says.
    """

    leaf: int | None = None
    size: int | None = None
    holds: bool = True


class Prover:
    """Reads the ledger; `name` is the log's, `verifier` its public key."""

    def __init__(self, database: Database, keys: AuditKeys, name: str) -> None:
        self._database = database
        self._keys = keys
        self.verifier = Signer(name, keys.signing).verifier

    def whole(self) -> Iterator[bytes]:
        """Yield the lines of an export of all that is signed, in memory of constant size."""
        yield head_line(self.verifier.name, part=False)
        start = 0
        for size, note in self._checkpoints():
            while start < size:
                last = min(start + _PAGE, size) - 1
                with self._database.read() as connection:
                    rows = connection.execute(_LEAVES, {"first": start, "last": last}).all()
                    yield from self._lines(connection, rows)
                start = last + 1
            yield checkpoint_line(note)

    def part(self, wanted: Iterable[Stored]) -> Iterator[bytes]:
        """Yield the lines of an export of some events, each with its proof.

        Events above the last checkpoint are left out: seal and sign before. Raises LookupError
        when nothing is signed at all.
        """
        numbers = sorted(event.columns.leaf for event in wanted if event.columns.leaf is not None)
        with self._database.read() as connection:
            last = connection.execute(LAST_CHECKPOINT).first()
            if last is None:
                raise LookupError("The log has no checkpoint yet.")
            yield head_line(self.verifier.name, part=True)
            yield checkpoint_line(last.note)
            numbers = [number for number in numbers if number < last.size]
            for start in range(0, len(numbers), _PAGE):
                chosen = leaves.c.number.in_(numbers[start : start + _PAGE])
                rows = connection.execute(select(leaves).where(chosen)).all()
                yield from self._lines(connection, rows, last.size)

    def of(self, sequence: int) -> Proof:
        """Return what the ledger says of an event, followed up to the signature."""
        with self._database.read() as connection:
            found = stored(connection, self._keys, EVENTS.where(events.c.sequence == sequence))
            (proof,) = self._compared(connection, found) or (Proof(),)
            last = connection.execute(LAST_CHECKPOINT).first()
            if proof.leaf is None or last is None or proof.leaf >= last.size:
                return proof
            hash = connection.scalar(select(leaves.c.hash).where(leaves.c.number == proof.leaf))
            hashes = self._inclusion(connection, proof.leaf, last.size)
            root = root_of_inclusion(hash or b"", proof.leaf, last.size, hashes)
            try:
                signed = open_checkpoint(last.note, self.verifier).root
            except ValueError:
                signed = b""
            return Proof(proof.leaf, last.size, proof.holds and root == signed)

    def compared(self, sequences: Sequence[int]) -> dict[int, Proof]:
        """Return whether each of some events is what its leaf says, by sequence."""
        with self._database.read() as connection:
            query = EVENTS.where(events.c.sequence.in_(sequences))
            found = stored(connection, self._keys, query)
            proofs = self._compared(connection, found)
        return {event.columns.sequence: proof for event, proof in zip(found, proofs, strict=True)}

    def _compared(self, connection: Connection, found: Sequence[Stored]) -> list[Proof]:
        sequences = [event.columns.sequence for event in found]
        of_event: dict[int, list[Row[Any]]] = {sequence: [] for sequence in sequences}
        query = select(leaves).where(leaves.c.sequence.in_(sequences)).order_by(leaves.c.number)
        for row in connection.execute(query):
            of_event[row.sequence].append(row)
        last = connection.execute(LAST_CHECKPOINT).first()
        size = last.size if last else 0
        return [_proof(event, of_event[event.columns.sequence], size) for event in found]

    def _checkpoints(self) -> Iterator[tuple[int, str]]:
        """Yield some checkpoints, at most one for each block of leaves, and the last one."""
        size = 0
        query = select(checkpoints).order_by(checkpoints.c.size).limit(1)
        with self._database.read() as connection:
            last = connection.execute(LAST_CHECKPOINT).first()
        while last is not None and size < last.size:
            with self._database.single() as connection:
                following = query.where(checkpoints.c.size >= min(size + BLOCK, last.size))
                row = connection.execute(following).one()
            size = row.size
            yield size, row.note

    def _lines(
        self, connection: Connection, rows: Sequence[Row[Any]], size: int | None = None
    ) -> Iterator[bytes]:
        """Yield the lines of leaves, with proofs for the tree of that size."""
        query = EVENTS.where(events.c.sequence.in_({row.sequence for row in rows}))
        found = {event.columns.sequence: event for event in stored(connection, self._keys, query)}
        for row in sorted(rows, key=lambda row: int(row.number)):
            event = found.get(row.sequence)
            record = _record(event, row)
            shown = None
            if event is not None and event.columns.leaf == row.number:
                salt, values = shown_of(event)
                values.pop("lookup", None)
                shown = opening(values, salt)
            proof = None if size is None else self._inclusion(connection, row.number, size)
            yield event_line(row.number, record, shown, proof)

    def _inclusion(self, connection: Connection, number: int, size: int) -> list[bytes]:
        def range_hash(start: int, end: int) -> bytes:
            if end - start < BLOCK:
                return root_of(leaf_hashes(connection, start, end))
            between = {"start": start // BLOCK, "end": end // BLOCK}
            return root_of(connection.scalars(_BLOCK_HASHES, between))

        return inclusion_proof(number, size, range_hash)


def _record(event: Stored | None, leaf: Row[Any]) -> dict[str, Any]:
    """Return the record of a leaf; one of an event that was deleted says no more than that."""
    if leaf.record is not None:
        kept: dict[str, Any] = orjson.loads(leaf.record)
        return kept
    return {"sequence": leaf.sequence} if event is None else record_of(event)


def _proof(event: Stored, sealed: Sequence[Row[Any]], size: int) -> Proof:
    """Return what the leaves of an event, in their order, say of it."""
    number = event.columns.leaf
    earlier = [leaf for leaf in sealed if leaf.number != number]
    # What was settled does not change: whoever seals it anew has changed it.
    holds = all(_is_unsettled(leaf) for leaf in earlier)
    if number is None:
        return Proof(holds=holds)
    now = next((leaf for leaf in sealed if leaf.number == number), None)
    holds = holds and now is not None and _holds(event, now)
    return Proof(number, size if number < size else None, holds)


def _is_unsettled(leaf: Row[Any]) -> bool:
    return leaf.record is not None and orjson.loads(leaf.record)["outcome"] in UNSETTLED


def _holds(event: Stored, leaf: Row[Any]) -> bool:
    """Tell whether an event is what its leaf says."""
    record, now = _record(event, leaf), record_of(event)
    if event.personal is None:
        # Erased: the commitments are only in the record that is kept.
        record = {name: record[name] for name in now if name in record and name != "changes"}
        now.pop("changes", None)
        return record == now and leaf_hash(leaf.record or b"") == leaf.hash
    return record == now and leaf_hash(canonical(record)) == leaf.hash
