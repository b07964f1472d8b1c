"""The audit log as a read-only SCIM resource type: `/AuditEvents` of each target."""

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
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import not_found_resource
from schemas.filters import Compare, Filter, conjunction, parse_path
from schemas.projection import project

Event = dict[str, Any]

_TARGET = parse_path("target", AUDIT_EVENT)
_SEQUENCE = parse_path("sequence", AUDIT_EVENT)


def add_audit_events(
    scim: Blueprint, audit: AuditLog, cursors: Cursors, base: Callable[[], str]
) -> None:
    """Add the routes of `/AuditEvents` to the blueprint of the targets."""

    def found(query: Query) -> Response:
        require("audit:read")
        mine: Filter = Compare(_TARGET, "eq", g.target.name)
        if query.filter is not None:
            mine = conjunction(mine, query.filter)
        query = replace(query, filter=mine)
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
        event["meta"]["location"] = f"{base()}/AuditEvents/{event['id']}"
        return event

    @scim.get("/AuditEvents")
    def audit_events() -> Response:
        return found(query_of_url(AUDIT_EVENT))

    @scim.post("/AuditEvents/.search")
    def search_audit_events() -> Response:
        return found(query_of(AUDIT_EVENT, read_body()))

    @scim.get("/AuditEvents/<id>")
    def audit_event(id: str) -> Response:
        require("audit:read")
        event = audit.get(id)
        if event is None or event["target"] != g.target.name:
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
    if after is not None and query.filter is not None:
        beyond = Compare(_SEQUENCE, "lt" if query.descending else "gt", after)
        query = replace(query, filter=conjunction(query.filter, beyond))
    left, events = search(audit, replace(query, start=offset + 1))
    total = left if total is None else total
    follows: Place | None = None
    if left > offset + len(events) and events:
        if query.sort_by is None:
            follows = [total, events[-1]["sequence"], 0]
        else:
            follows = [total, None, offset + len(events)]
    return total, events, follows
