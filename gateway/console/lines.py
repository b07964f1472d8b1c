"""Audit events as lines for people, each with what the ledger says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.audit import AuditLog
from gateway.console.selection import equal
from gateway.ledger.proving import Proof, Prover
from schemas.audit_event import AUDIT_EVENT
from schemas.filters import Compare, any_of, conjunction, parse_path

Event = dict[str, Any]

_MAX_ERASURES = 1000
"""How many erasures are looked through for the subjects of one page."""


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One changed attribute; `is_kept` unless the log only says that it changed."""

    path: str
    native: str
    old: str | None
    new: str | None

    @property
    def is_kept(self) -> bool:
        """Tell whether there is a value to show."""
        return self.old is not None or self.new is not None


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a page shows it: the event as SCIM gives it, and what is made of it.

    `is_made` tells whether its changes are known to have been made, not only wanted; `erased` is
    when its personal values were erased, None when they were not.
    """

    event: Event
    subject: str
    changes: tuple[ShownChange, ...]
    is_made: bool
    proof: Proof
    erased: str | None = None

    @property
    def seal(self) -> str:
        """Return in one word how far the event is sealed."""
        if not self.proof.holds:
            return "broken"
        if self.proof.leaf is None:
            return "pending"
        return "sealed" if self.proof.size is None else "signed"


def lines_of(audit: AuditLog, prover: Prover, events: Sequence[Event]) -> list[Line]:
    """Return the lines of events, each compared with the ledger."""
    proofs = prover.compared([event["sequence"] for event in events])
    erased = erasures(audit, events)
    return [_line(event, proofs.get(event["sequence"], Proof()), erased) for event in events]


def erasures(audit: AuditLog, events: Iterable[Event]) -> dict[int, str]:
    """Return when the personal values were erased, by subject, of those whom events are about."""
    about = {event["subject"] for event in events if "subject" in event and not _tells(event)}
    if not about:
        return {}
    id = parse_path("resourceId", AUDIT_EVENT)
    done = conjunction(
        equal("operation", "erase"),
        equal("outcome", "success"),
        any_of(*(Compare(id, "co", str(subject)) for subject in sorted(about))),
    )
    _, found = audit.search(done, count=_MAX_ERASURES, descending=True)
    return {
        int(subject): erasure["time"]
        for erasure in found
        for subject in erasure["resourceId"].split()
        if int(subject) in about
    }


def _tells(event: Event) -> bool:
    """Tell whether an event has personal values, so that they cannot have been erased."""
    changes = event.get("changes", ())
    return "login" in event or any("old" in change or "new" in change for change in changes)


def _line(event: Event, proof: Proof, erased: dict[int, str]) -> Line:
    return Line(
        event,
        _subject(event),
        tuple(map(_shown, event.get("changes", ()))),
        event["outcome"] == "success",
        proof,
        erased.get(event.get("subject", 0)),
    )


def _subject(event: Event) -> str:
    """Return whom or what the event is about, in a word or two."""
    if login := event.get("login"):
        return str(login)
    return " ".join(filter(None, (event["resourceType"], event.get("resourceId"))))


def _shown(change: dict[str, str]) -> ShownChange:
    names = change.get("path", ""), change.get("native", "")
    return ShownChange(*names, change.get("old"), change.get("new"))
