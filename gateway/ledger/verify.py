"""What an export proves by itself: that it is the log that was sealed, whole and unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from gateway.ledger.encoding import decode
from gateway.ledger.lines import head_line
from gateway.ledger.merkle import Frontier, leaf_hash, root_of_inclusion
from gateway.ledger.notes import Checkpoint, Verifier, open_checkpoint
from gateway.ledger.records import canonical, opens, part_of_canonical

MAX_FINDINGS = 100
"""After so many, the rest of an export is not read."""

MAX_LINE = 2**24
"""Bytes of a line that is read at once."""

UNSETTLED = ("open", "unknown")
"""The outcomes after which an event may be sealed once more, with another outcome."""

KEPT = ("time", "actor", "target", "operation", "resourceType", "requestId")
"""What such an amendment must not change."""

_SHOWN = frozenset(("login", "detail", "old", "new"))
"""What stands in a record as commitment only, and an opening shows; `lookup` may stay hidden."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was counted in an export, and what is wrong with it: sentences, none when it holds.

    `events` are told apart by their sequence; `leaves` are what was sealed, amendments included;
    `checkpoints` are those that hold; `erased` are leaves whose personal values are not shown.
    """

    events: int
    leaves: int
    checkpoints: int
    erased: int
    findings: tuple[str, ...]


def verify(lines: Iterable[bytes], verifier: Verifier, checkpoints: Iterable[str] = ()) -> Report:
    """Verify an export, whole or in part, of the log whose origin is the verifier's name.

    `checkpoints` are signed notes that were published elsewhere: the export must hold the same
    history. It is read once, in memory that only grows with the events that are unsettled.
    Whatever the lines are, what is wrong with them is a finding.

    In a part, leaves that were left out are no finding, and neither is what they would tell about
    the order of events; what stands in it is proved.
    """
    reading = _Reading(verifier)
    findings = list(reading.publish(checkpoints))
    for number, line in enumerate(lines, 1):
        findings += (f"Line {number}: {finding}" for finding in reading.read(line))
        if len(findings) >= MAX_FINDINGS:
            findings[MAX_FINDINGS:] = [f"The rest, from line {number} on, was not read."]
            break
    else:
        findings += reading.end()
    return Report(
        events=reading.events,
        leaves=reading.leaves,
        checkpoints=reading.checkpoints,
        erased=reading.erased,
        findings=tuple(findings),
    )


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Return the lines of a file; one that is too long comes in pieces, for `verify` to find."""
    return iter(lambda: stream.readline(MAX_LINE), b"")


class _Reading:
    """How far an export has been read; its methods yield the findings."""

    def __init__(self, verifier: Verifier) -> None:
        self.events = self.leaves = self.checkpoints = self.erased = 0
        self._verifier = verifier
        self._published: dict[int, set[bytes]] = {}
        self._is_part: bool | None = None
        self._checkpoint: Checkpoint | None = None
        self._frontier = Frontier()
        self._leaf_due = 0
        self._is_closed = False
        self._is_broken = False
        self._sequence_due = 1
        self._unsettled: dict[int, tuple[str, list[Any]]] = {}

    def publish(self, notes: Iterable[str]) -> Iterator[str]:
        """Take the checkpoints that were published elsewhere."""
        for number, note in enumerate(notes, 1):
            try:
                checkpoint = self._opened(note)
            except ValueError as error:
                yield f"Published checkpoint {number}: {error}"
            else:
                self._published.setdefault(checkpoint.size, set()).add(checkpoint.root)

    def read(self, line: bytes) -> Iterator[str]:
        """Take the next line."""
        self._is_closed = False
        entry = _entry(line)
        if self._is_part is None:
            yield from self._head(line, entry)
        elif entry is None:
            yield "This is not a JSON object in its canonical form."
        elif entry.keys() == {"checkpoint"}:
            yield from self._seal(entry["checkpoint"])
        elif entry.keys() - {"open", "proof"} == {"leaf", "record"}:
            yield from self._event(entry)
        else:
            yield "This is neither an event nor a checkpoint."

    def end(self) -> Iterator[str]:
        """Take the end of the export."""
        if self._is_part is None:
            yield "The export is empty."
        elif self._is_part:
            if self._checkpoint is None:
                yield "The part has no checkpoint that its events could be compared with."
            for size in sorted(self._published):
                yield (
                    f"The published checkpoint of {size} leaves cannot be compared with this part:"
                    " that takes a whole export, or a part for that checkpoint."
                )
        else:
            if not self._is_closed:
                yield "The export does not end with a checkpoint over all its leaves."
            for size in sorted(self._published):
                yield f"A checkpoint of {size} leaves was published: the export is truncated."

    def _head(self, line: bytes, entry: dict[str, Any] | None) -> Iterator[str]:
        self._is_part = entry is not None and entry.get("part") is True
        if line != head_line(self._verifier.name, self._is_part):
            yield f"This is not the head of an export of {self._verifier.name}."
        if not self._is_part:
            yield from self._compare(0, self._frontier.root())

    def _seal(self, note: Any) -> Iterator[str]:
        """Take a checkpoint."""
        try:
            checkpoint = self._opened(note)
        except ValueError as error:
            yield str(error)
            return
        finding = None
        if self._is_part:
            if self._checkpoint:
                finding = "A part has only one checkpoint."
        elif checkpoint.size != self._leaf_due:
            finding = f"A checkpoint of {checkpoint.size} leaves stands behind {self._leaf_due}."
        elif self._checkpoint and checkpoint.size <= self._checkpoint.size:
            finding = "The checkpoint repeats the one before it."
        elif not self._is_broken and checkpoint.root != self._frontier.root():
            self._is_broken = True
            since = self._checkpoint.size if self._checkpoint else 0
            finding = (
                f"The leaves from {since} to {checkpoint.size} are not those that were sealed."
            )
        if finding is not None:
            yield finding
            return
        self.checkpoints += not self._is_broken
        self._checkpoint = checkpoint
        self._is_closed = True
        if self._is_part:
            yield from self._compare(checkpoint.size, checkpoint.root)

    def _event(self, entry: dict[str, Any]) -> Iterator[str]:
        leaf, record = entry["leaf"], entry["record"]
        self.leaves += 1
        if type(leaf) is not int or leaf < 0 or not _is_record(record):
            yield "The event lacks what every event has."
            return
        hash = leaf_hash(part_of_canonical(record))
        if self._is_part:
            yield from self._prove(leaf, hash, entry.get("proof"))
        else:
            yield from self._append(leaf, hash)
            if "proof" in entry:
                yield "A whole export has no proofs."
        self._leaf_due = leaf + 1
        yield from self._follow(record)
        if "open" in entry:
            if not opens(record, entry["open"]):
                yield "The personal values are not those that were sealed."
        elif any(not _SHOWN.isdisjoint(part) for part in (record, *record.get("changes", ()))):
            self.erased += 1

    def _append(self, leaf: int, hash: bytes) -> Iterator[str]:
        """Take a leaf of a whole export."""
        if leaf != self._leaf_due:
            yield f"Leaf {leaf} stands where leaf {self._leaf_due} is due."
        self._frontier.append(hash)
        size = self._frontier.size
        if size in self._published:
            yield from self._compare(size, self._frontier.root())

    def _prove(self, leaf: int, hash: bytes, proof: Any) -> Iterator[str]:
        """Take a leaf of a part."""
        if leaf < self._leaf_due:
            yield f"Leaf {leaf} is not in its place."
        if self._checkpoint is None:
            yield "The event stands before the checkpoint of the part."
            return
        hashes = _hashes(proof)
        try:
            root = root_of_inclusion(hash, leaf, self._checkpoint.size, hashes or ())
        except ValueError:
            root = None
        if hashes is None or root != self._checkpoint.root:
            yield f"The proof does not show that this is leaf {leaf}."

    def _follow(self, record: dict[str, Any]) -> Iterator[str]:
        """Take an event's place among the events."""
        sequence, outcome = record["sequence"], record["outcome"]
        earlier = self._unsettled.pop(sequence, None)
        if outcome in UNSETTLED:
            self._unsettled[sequence] = outcome, [record.get(name) for name in KEPT]
        if earlier is not None:
            for name, before in zip(KEPT, earlier[1], strict=True):
                after = record.get(name)
                if before != after:
                    yield f"Event {sequence} is amended with another {name}."
            if outcome == "open" != earlier[0]:
                yield f"Event {sequence} is open again, after its outcome was {earlier[0]}."
            return
        if not self._is_part and sequence < self._sequence_due:
            yield f"Event {sequence} is amended after its outcome was settled."
            return
        if not self._is_part and sequence > self._sequence_due:
            yield f"Event {sequence} stands where event {self._sequence_due} is due."
        self.events += 1
        self._sequence_due = sequence + 1

    def _opened(self, note: Any) -> Checkpoint:
        """Return the checkpoint in a note; raise ValueError when it is none of this log."""
        if not isinstance(note, str):
            raise ValueError("The checkpoint is no signed note.")
        checkpoint = open_checkpoint(note, self._verifier)
        if checkpoint.origin != self._verifier.name:
            raise ValueError(f"The checkpoint is one of another log, {checkpoint.origin}.")
        return checkpoint

    def _compare(self, size: int, root: bytes) -> Iterator[str]:
        """Compare the tree with the checkpoints of its size that were published."""
        if self._published.pop(size, {root}) != {root}:
            yield f"The checkpoint of {size} leaves that was published is of another history."


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return the object that a line is the canonical form of."""
    try:
        entry = orjson.loads(line)
        is_canonical = canonical(entry) + b"\n" == line
    except ValueError:
        return None
    return entry if is_canonical and isinstance(entry, dict) else None


def _hashes(proof: Any) -> list[bytes] | None:
    """Return the hashes of a proof; None when it is no list of them."""
    if not isinstance(proof, list) or not all(isinstance(text, str) for text in proof):
        return None
    try:
        return [decode(text) for text in proof]
    except ValueError:
        return None


def _is_record(record: Any) -> bool:
    """Tell whether a value has what is asked of every record here."""
    if not isinstance(record, dict) or not isinstance(record.get("changes", []), list):
        return False
    sequence, outcome = record.get("sequence"), record.get("outcome")
    return (
        type(sequence) is int
        and sequence > 0
        and isinstance(outcome, str)
        and all(isinstance(change, dict) for change in record.get("changes", ()))
    )
