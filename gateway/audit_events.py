"""The audit log as a read-only SCIM resource type: `/AuditEvents` of each target, and of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g

from gateway.audit import AuditLog
from gateway.auth import require
from gateway.cursors import Cursors, Place
from gateway.exchange import answer, projection_of, query_of, query_of_url, read_body, read_only
from gateway.query import Query, list_response
from gateway.tokens import Token
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import InsufficientScope, not_found_resource
from schemas.filters import Compare, Filter, all_of, any_of, parse_path
from schemas.match import compile_filter
from schemas.projection import project

Event = dict[str, Any]

_TARGET = parse_path("target", AUDIT_EVENT)
_SEQUENCE = parse_path("sequence", AUDIT_EVENT)


def of_target() -> Filter | None:
    """Return the filter for the events of the request's target. Raises 403."""
    require("audit:read")
    return Compare(_TARGET, "eq", g.target.name)


def of_token() -> Filter | None:
    """Return the filter for the events of all targets of the request's token. Raises 403."""
    token: Token = g.token
    if not token.allows(token.targets[0], "audit:read"):
        raise InsufficientScope("The token lacks the scope audit:read.")
    return visible_to(token)


def visible_to(token: Token) -> Filter | None:
    """Return what events must fulfil for the token to see them: they are of its targets."""
    if "all" in token.targets:
        return None
    return any_of(*(Compare(_TARGET, "eq", name) for name in token.targets))


def add_audit_events(
    scim: Blueprint,
    audit: AuditLog,
    cursors: Cursors,
    base: Callable[[str], str],
    visible: Callable[[], Filter | None],
) -> None:
    """Add the routes of `/AuditEvents` to a blueprint.

    `base` is the base URL of a target's service, `visible` the filter for what may be seen.
    """

    def found(query: Query) -> Response:
        query = replace(query, filter=all_of(visible(), query.filter))
        if query.cursor is None or not query.limit:
            total, events = search(audit, query)
            return listed(query, total, events)
        size, place = cursors.place(query, query.walk_key)
        query = replace(query, count=size)
        total, events, follows = page_at(audit, query, place)
        cursor = None if follows is None else cursors.write(query.walk_key, size, follows)
        return listed(query, total, events, cursor)

    def listed(
        query: Query, total: int, events: list[Event], cursor: str | None = None
    ) -> Response:
        shown = [project(query.projection, AUDIT_EVENT, located(event)) for event in events]
        return answer(list_response(query, total, shown, cursor))

    def located(event: Event) -> Event:
        event["meta"]["location"] = f"{base(event.get('target', ''))}/AuditEvents/{event['id']}"
        return event

    @scim.get("/AuditEvents")
    def audit_events() -> Response:
        return found(query_of_url(AUDIT_EVENT))

    @scim.post("/AuditEvents/.search")
    def search_audit_events() -> Response:
        return found(query_of(AUDIT_EVENT, read_body()))

    @scim.get("/AuditEvents/<id>")
    def audit_event(id: str) -> Response:
        may_be_seen, event = visible(), audit.get(id)
        if event is None or (may_be_seen and not compile_filter(may_be_seen)(event)):
            raise not_found_resource("AuditEvent", id)
        return answer(project(projection_of(AUDIT_EVENT), AUDIT_EVENT, located(event)))

    read_only(scim, "AuditEvents")


def search(audit: AuditLog, query: Query) -> tuple[int, list[Event]]:
    """Return how many events a query finds, and its page by index."""
    return audit.search(
        query.filter,
        start=query.start,
        count=query.limit,
        sort_by=query.sort_by,
        descending=query.descending,
    )


def page_at(
    audit: AuditLog, query: Query, place: Place | None
) -> tuple[int, list[Event], Place | None]:
    """Return the total as the first page saw it, a page, and the place of the next one.

    In the log's own order a page begins after the last event of the one before, so that it costs
    the same however far it is; in any other order it begins at an offset.
    """
    total, after, offset = place or [None, None, 0]
    if after is not None:
        beyond = Compare(_SEQUENCE, "lt" if query.descending else "gt", after)
        query = replace(query, filter=all_of(query.filter, beyond))
    left, events = search(audit, replace(query, start=offset + 1))
    total = left if total is None else total
    follows: Place | None = None
    if left > offset + len(events) and events:
        if query.sort_by is None:
            follows = [total, events[-1]["sequence"], 0]
        else:
            follows = [total, None, offset + len(events)]
    return total, events, follows
