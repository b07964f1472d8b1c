"""No call writes to an LMS without a ticket, and nobody has one without a committed intent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to change the LMS: `sequence` is that of an audit event whose intent is committed.

    Only `AuditLog.begin` makes one, once the event is in the database. Whatever writes takes it
    and hands it on, down to the request that leaves this process.
    """

    sequence: int


class NoWrite(Enum):
    """Why a call needs no ticket: it changes nothing in the LMS."""

    READ = "a GET"
    QUERY = "a read that the LMS takes by POST"
    TOKEN = "an exchange of access tokens"
    PROBE = "a write that names nobody, or lacks what it needs, so that it can only be refused"
    ELSEWHERE = "a call to something else than an LMS"


Permit = Ticket | NoWrite
"""What every call has."""


def demand(ticket: object) -> None:
    """Raise TypeError for what is no ticket: the type checker was not asked, or was silenced."""
    if not isinstance(ticket, Ticket):
        raise TypeError(f"no LMS write without a committed intent: {ticket!r} is no ticket")


def demand_permit(permit: object, method: str) -> None:
    """Raise TypeError for a request that has no ticket, unless it says why it needs none."""
    says_why = isinstance(permit, NoWrite) and (permit is not NoWrite.READ or method == "GET")
    if not says_why:
        demand(permit)
