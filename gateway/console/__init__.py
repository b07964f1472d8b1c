"""The console: pages for people, at /console, that need no JavaScript."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import accounts, downloads, events, jobs, overview, sign_in, targets, timeline
from gateway.console.pages import add_words
from gateway.console.services import PLACE, ConsoleServices
from gateway.console.sessions import Sessions
from schemas.errors import ScimError

__all__ = ["ConsoleServices", "make_console"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_OPEN = frozenset({"console.static", "console.sign_in", "console.sign_in_form", "console.missing"})
"""Endpoints for those who are not signed in."""

log = logging.getLogger(__name__)


def make_console(services: ConsoleServices) -> Blueprint:
    """Return the blueprint of `/console`."""
    console = Blueprint(
        "console",
        __name__,
        url_prefix="/console",
        template_folder="templates",
        static_folder="static",
    )
    sessions = Sessions(services.keys, services.tokens, services.public_url)
    _add_admission(console, services, sessions)
    _add_errors(console)
    add_words(console, services)
    sign_in.add_routes(console, services, sessions)
    overview.add_routes(console, services)
    targets.add_routes(console, services)
    accounts.add_routes(console, services)
    timeline.add_routes(console, services)
    events.add_routes(console, services)
    downloads.add_routes(console, services)
    jobs.add_routes(console, services)
    return console


def _add_admission(console: Blueprint, services: ConsoleServices, sessions: Sessions) -> None:
    @console.before_request
    def admit() -> AnyResponse | None:
        # Takes the place of a target in metrics and in the events of sign-ins.
        g.target = PLACE
        if request.endpoint == "console.static":
            return None
        g.session = sessions.read()
        token = sessions.token_of(g.session)
        if token is not None:
            g.token = token
            services.authenticator.count(token)
        if request.method == "POST":
            sessions.check_form(g.session)
        if token is not None or request.endpoint in _OPEN:
            return None
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("console.sign_in_form", next=wanted), 303)

    @console.after_request
    def protect(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.endpoint != "console.static":
            response.headers["Cache-Control"] = "no-store"
        return response


def _add_errors(console: Blueprint) -> None:
    def page(status: int, detail: str) -> tuple[str, int]:
        return render_template("error.html", status=status, detail=detail), status

    @console.errorhandler(ScimError)
    def refused(error: ScimError) -> tuple[str, int, dict[str, str]]:
        wait = error.retry_after
        headers = {} if wait is None else {"Retry-After": str(round(wait))}
        return *page(error.status, error.detail), headers

    @console.errorhandler(HTTPException)
    def failed(error: HTTPException) -> tuple[str, int]:
        return page(error.code or 500, error.description or error.name)

    @console.errorhandler(Exception)
    def internal(error: Exception) -> tuple[str, int]:
        log.exception("request failed", extra={"fields": {"request_id": g.get("request_id")}})
        return page(500, "Something went wrong here; the gateway's log has the details.")

    @console.get("/<path:rest>")
    def missing(rest: str) -> str:
        raise NotFound("There is no such page.")
