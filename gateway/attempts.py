"""One write on its way: who asks, what will stand in its audit event, how it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from connectors.http import Counter, counted
from connectors.ticket import Ticket
from gateway.audit import AuditLog, NotOpen
from gateway.guards.guard import Admission
from gateway.intents import ChangeRecord, Intent, Known
from schemas.errors import ScimError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the actor's name, address and client, and the request's id.

    `require` raises 403 unless the caller has the scope; `observe` is told of every outcome. `run`
    names the job that the request is part of, "" for a single one.
    """

    actor: str
    client_address: str
    client: str
    request_id: str
    require: Callable[[str], None]
    observe: Callable[[str, str, int], None]
    run: str = ""

    def intent(
        self,
        target: str,
        operation: str,
        resource_type: str,
        resource_id: str | None = None,
        *,
        login: str | None = None,
        configuration: str | None = None,
    ) -> Intent:
        """Return what is known of something that the caller does before anything is looked at."""
        return Intent(
            target,
            operation,
            resource_type,
            resource_id,
            login=login,
            actor=self.actor,
            client_address=self.client_address,
            client=self.client,
            request_id=self.request_id,
            configuration=configuration,
        )


@dataclass(slots=True)
class Attempt:
    """One write on its way: what will stand in its audit event.

    `locks` are held until the outcome is committed: who gets them next finds no open event that
    is still at work.
    """

    audit: AuditLog
    intent: Intent
    counter: Counter
    locks: ExitStack
    started: float = field(default_factory=perf_counter)
    committed: Ticket | None = None
    outcome: str = "success"
    status: int = 200
    detail: str | None = None
    made: tuple[ChangeRecord, ...] | None = None
    """The changes that were made when the write failed halfway."""
    first: list[dict[str, Any]] = field(default_factory=list)
    """In a rehearsal, the plans of the writes that must come before this one."""

    @property
    def ticket(self) -> Ticket:
        """The leave to change the LMS. Raises AssertionError before the intent is committed."""
        assert self.committed is not None, "the intent is not committed"
        return self.committed

    def note(self, **known: Any) -> None:
        """Add to the intent what has become known before the LMS is called."""
        self.intent = replace(self.intent, **known)

    def begin(self, admit: Admission | None = None) -> None:
        """Commit the intent, with what counts it; from here on the LMS may be changed."""
        self.committed = self.audit.begin(self.intent, admit)

    def finish(self) -> None:
        """Commit the outcome."""
        known: Known = {
            "status": self.status,
            "detail": self.detail,
            "resource_id": self.intent.resource_id,
            "changes": self.made,
            "upstream_calls": self.counter.calls,
            "duration": (perf_counter() - self.started) * 1000,
        }
        if self.committed is None:
            self.audit.record(self.intent, self.outcome, **known)
            return
        try:
            self.audit.finish(self.ticket.sequence, self.outcome, **known)
        except NotOpen:
            # Who holds no lock may be settled by a process that starts meanwhile.
            log.warning("event %s was settled before it ended", self.ticket.sequence)


@contextmanager
def attempted(
    audit: AuditLog, intent: Intent, caller: Caller, status: int = 200
) -> Iterator[Attempt]:
    """Record the write, whatever comes of it; `status` is that of its success."""
    with counted() as counter, ExitStack() as locks:
        attempt = Attempt(audit, intent, counter, locks, status=status)
        try:
            yield attempt
        except ScimError as error:
            attempt.status, attempt.detail = error.status, error.detail
            attempt.outcome = (
                "unknown" if error.unknown else "refused" if error.status < 500 else "failed"
            )
            raise
        except BaseException:
            attempt.status, attempt.detail = 500, "Internal error."
            attempt.outcome = "unknown" if attempt.committed is not None else "failed"
            raise
        finally:
            attempt.finish()
            caller.observe(attempt.intent.operation, attempt.outcome, len(attempt.intent.ignored))
