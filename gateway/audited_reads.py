"""Reads that a target wants in the audit log (`audit_reads`): who looked for whom, before they see.

What people read on pages and by commands is recorded where they do it.
"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, g, request

from gateway.audit import AuditLog
from gateway.auth import caller
from gateway.exchange import error_answer
from gateway.intents import Intent, login_in, names_in
from schemas.errors import ScimError

_NOT_PEOPLE = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas", "openapi.json"})

log = logging.getLogger(__name__)


def remember_reads(scim: Blueprint, audit: AuditLog) -> None:
    """Record every read of the blueprint's targets that want it; 503 when that cannot be done."""

    @scim.after_request
    def remember(response: Response) -> Response:
        target = g.get("target")
        if not (target and target.settings.audit_reads and response.status_code < 400 and _reads()):
            return response
        try:
            _record(audit, target.name)
        except Exception:
            log.exception("a read could not be recorded")
            return error_answer(ScimError(503, "The read cannot be recorded.", retry_after=5))
        return response


def _reads() -> bool:
    """Tell whether the request reads what is about people."""
    of_what = request.path.partition("/scim/v2/")[2].partition("/")[0]
    is_search = request.method == "POST" and request.path.endswith(("/.search", "/.validate"))
    return of_what not in _NOT_PEOPLE and (request.method in ("GET", "HEAD") or is_search)


def _record(audit: AuditLog, target: str) -> None:
    who, named = caller(None), request.view_args or {}
    intent = Intent(
        target,
        "read",
        _type(named.get("endpoint", "")),
        named.get("id"),
        login=login_in(g.get("filter")),
        actor=who.actor,
        client_address=who.client_address,
        client=who.client,
        request_id=who.request_id,
    )
    audit.record(intent, "success", status=200, detail=names_in(g.get("filter")))


def _type(endpoint: str) -> str:
    collections = g.target.connector.collections.values()
    types = {held.mapping.full.endpoint: str(held.mapping.full.name) for held in collections}
    of_what = endpoint or request.path.partition("/scim/v2/")[2].partition("/")[0]
    return types.get(of_what, of_what.rstrip("s") or "Resource")
