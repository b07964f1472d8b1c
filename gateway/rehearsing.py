"""Rehearsing: a write is prepared as if it were made, and what it would do is told instead."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from connectors.http import counted
from connectors.rehearsal import Rehearsal, Rehearsed
from gateway.attempts import Attempt, Caller
from gateway.audit import AuditLog
from gateway.guards.guard import Admission, Guard
from gateway.intents import Intent
from schemas.errors import ScimError

PLAN = "urn:ietf:params:scim:api:messages:lms:2.0:Plan"
"""The schema of a plan in place of an answer."""

Plan = dict[str, Any]

log = logging.getLogger(__name__)


class Planned(Exception):
    """The end of a rehearsal: `plan` says what the write would have done."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan["outcome"])
        self.plan = plan


@dataclass(slots=True, kw_only=True)
class _Attempt(Attempt):
    """A write that is not made: its ticket leads nowhere."""

    guard: Guard

    def begin(self, admit: Admission | None = None) -> None:
        if admit is not None:
            self.guard.try_out(admit)
        self.committed = Rehearsal()


@contextmanager
def rehearsed(
    guard: Guard,
    audit: AuditLog,
    intent: Intent,
    caller: Caller,
    status: int = 200,
) -> Iterator[Attempt]:
    """Record what a write would do, and raise Planned; takes what `attempted` takes, and a guard.

    What goes wrong before the intent would be committed is what the client would be refused with,
    unless it is the LMS that fails: then nobody knows. What the connector makes of the answers that
    a rehearsal gives does not count.
    """
    refusal: ScimError | None = None
    complete = True
    with counted() as counter, ExitStack() as locks:
        attempt = _Attempt(audit, intent, counter, locks, status=status, guard=guard)
        try:
            yield attempt
        except Exception as problem:
            if attempt.committed is not None:
                complete = False
                if not isinstance(problem, ScimError | Rehearsed):
                    log.debug("a rehearsal ended early", exc_info=problem)
            elif isinstance(problem, ScimError) and problem.status < 500:
                refusal = problem
            else:
                raise
        plan = _plan(attempt, refusal, complete)
        detail = orjson.dumps({key: plan[key] for key in _KEPT if key in plan}).decode()
        status = refusal.status if refusal else status
        audit.record(attempt.intent, "planned", status=status, detail=detail)
    raise Planned(plan)


_KEPT = ("outcome", "refusal", "nativeCalls", "complete")
"""What of a plan the audit event does not have in other places."""


def _plan(attempt: Attempt, refusal: ScimError | None, complete: bool) -> Plan:
    """Return a plan as clients read it."""
    intent, ticket = attempt.intent, attempt.committed
    outcome = "refused" if refusal else "planned" if ticket is not None else attempt.outcome
    plan: Plan = {
        "schemas": [PLAN],
        "target": intent.target,
        "operation": intent.operation,
        "resourceType": intent.resource_type,
        "id": intent.resource_id,
        "login": intent.login,
        "outcome": outcome,
        "changes": [
            {key: value for key, value in asdict(change).items() if value is not None}
            for change in intent.changes
        ],
        "ignored": list(intent.ignored),
    }
    if isinstance(ticket, Rehearsal):
        plan["nativeCalls"] = [asdict(call) for call in ticket.calls]
        plan["complete"] = complete
    if attempt.first:
        plan["first"] = attempt.first
    if refusal:
        plan["refusal"] = {
            "status": str(refusal.status),
            "scimType": refusal.scim_type,
            "detail": refusal.detail,
        }
    return {key: value for key, value in plan.items() if value is not None}
