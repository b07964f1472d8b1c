"""All events, chosen by a form or by a filter in SCIM's own language; and one, with its proof."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, g, render_template, request
from werkzeug.exceptions import NotFound

from gateway.audit import resource
from gateway.audit_events import visible_to
from gateway.console.lines import lines_of
from gateway.console.pages import Page, page_of
from gateway.console.recording import record
from gateway.console.selection import Selection, equal, selection_of
from gateway.console.services import ConsoleServices
from gateway.ledger.events import Stored
from gateway.tokens import Token
from schemas.errors import ScimError
from schemas.filters import all_of


def add_routes(console: Blueprint, services: ConsoleServices) -> None:
    """Add the list of all events, and the page of each, to the console."""

    @console.get("/events")
    def events() -> tuple[str, int]:
        selection = selection_of(request.args, with_filter=True)
        try:
            terms = selection.terms()
            record(services, "read", filter=all_of(*terms))
            page = page_of(services, all_of(visible_to(g.token), *terms))
            return shown(selection, page), 200
        except ScimError as error:
            return shown(selection, Page([], 0, 1), error), error.status

    def shown(selection: Selection, page: Page, error: ScimError | None = None) -> str:
        return render_template("events.html", selection=selection, page=page, error=error)

    @console.get("/events/<int:sequence>")
    def event(sequence: int) -> str:
        found = resource(stored_event(services, sequence, g.token))
        record(services, "read", resource_id=found["id"], login=found.get("login"))
        (line,) = lines_of(services.audit, services.prover, [found])
        line = replace(line, proof=services.prover.of(sequence))
        return render_template("event.html", line=line, key=services.prover.verifier)


def stored_event(services: ConsoleServices, sequence: int, token: Token) -> Stored:
    """Return an event that the token may see. Raises 404."""
    if sequence < 2**63:
        for found in services.audit.stored(all_of(equal("sequence", sequence), visible_to(token))):
            return found
    raise NotFound("There is no such event, or your token is not for its target.")
