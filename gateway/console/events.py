"""All events, chosen by a form or by a filter in SCIM's own language."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request

from gateway.console.pages import Page, page_of
from gateway.console.selection import Selection, all_of, selection_of, visible_to
from gateway.console.services import Services
from schemas.errors import ScimError


def add_routes(console: Blueprint, services: Services) -> None:
    """Add the list of all events to the console."""

    @console.get("/events")
    def events() -> tuple[str, int]:
        selection = selection_of(request.args, with_filter=True)
        try:
            filter = all_of(*visible_to(g.token), *selection.terms())
            return shown(selection, page_of(services.audit, filter)), 200
        except ScimError as error:
            return shown(selection, Page([], 0, 1), error), error.status

    def shown(selection: Selection, page: Page, error: ScimError | None = None) -> str:
        return render_template("events.html", selection=selection, page=page, error=error)
