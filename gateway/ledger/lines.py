"""The lines of an export, each the canonical form of one JSON object.

A whole export is its head, then every leaf from 0 on, with each checkpoint after the last leaf
that it is over; it ends with a checkpoint over all. A part is its head, one checkpoint, and some
leaves in their order, each with the proof that it is below that checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.ledger.encoding import encode
from gateway.ledger.records import canonical

VERSION = 1
"""Of the format of exports."""


def head_line(origin: str, part: bool) -> bytes:
    """Return the first line of an export of the log with that origin."""
    head = {"matricula": "audit export", "version": VERSION, "origin": origin, "part": part}
    return canonical(head) + b"\n"


def event_line(
    leaf: int,
    record: dict[str, Any],
    opening: dict[str, Any] | None = None,
    proof: Sequence[bytes] | None = None,
) -> bytes:
    """Return the line of an event; a part needs the proof, and an erased event has no opening."""
    entry: dict[str, Any] = {"leaf": leaf, "record": record}
    if opening is not None:
        entry["open"] = opening
    if proof is not None:
        entry["proof"] = [encode(hash) for hash in proof]
    return canonical(entry) + b"\n"


def checkpoint_line(note: str) -> bytes:
    """Return the line of a signed checkpoint."""
    return canonical({"checkpoint": note}) + b"\n"
