"""Reads that a target wants in the audit log (`audit_reads`): who looked for whom, before they see.

What people read on pages and by commands is recorded where they do it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from flask import Blueprint, Response, g, request

from gateway.audit import AuditLog
from gateway.auth import caller
from gateway.discovery import DISCOVERY
from gateway.exchange import error_answer
from gateway.intents import login_in, names_in
from gateway.qualified import prefix_of
from gateway.targets import Target
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import ScimError
from schemas.job import JOB, JOB_RUN

_NOT_PEOPLE = frozenset({*DISCOVERY, "openapi.json"})

log = logging.getLogger(__name__)


def remember_reads(scim: Blueprint, audit: AuditLog, read: Callable[[], Iterable[Target]]) -> None:
    """Record every read of the targets that want it; 503 when that cannot be done.

    `read` gives the targets that the request has read from.
    """

    @scim.after_request
    def remember(response: Response) -> Response:
        if response.status_code >= 400 or not _reads():
            return response
        try:
            for target in read():
                if target.settings.audit_reads:
                    _record(audit, target)
        except Exception:
            log.exception("a read could not be recorded")
            return error_answer(ScimError(503, "The read cannot be recorded.", retry_after=5))
        return response


def _reads() -> bool:
    """Tell whether the request reads what is about people; an export has an event of its own."""
    if request.path.endswith("/.export"):
        return False
    of_what = request.path.partition("/scim/v2/")[2].partition("/")[0]
    is_search = request.method == "POST" and request.path.endswith(("/.search", "/.validate"))
    return of_what not in _NOT_PEOPLE and (request.method in ("GET", "HEAD") or is_search)


def _record(audit: AuditLog, target: Target) -> None:
    named = request.view_args or {}
    id = named.get("id")
    intent = caller(None).intent(
        target.name,
        "read",
        _type(target, named.get("endpoint", "")),
        id.removeprefix(prefix_of(target.name)) if id else None,
        login=login_in(g.get("filter")),
    )
    audit.record(intent, "success", status=200, detail=names_in(g.get("filter")))


def _type(target: Target, endpoint: str) -> str:
    """Return the type that is read at an endpoint, Resource where there are several."""
    of_what = endpoint or request.path.partition("/scim/v2/")[2].partition("/")[0]
    for own in (AUDIT_EVENT, JOB, JOB_RUN):
        if of_what == own.endpoint:
            return own.name
    try:
        return target.collection(of_what).mapping.full.name
    except ScimError:
        return "Resource"
