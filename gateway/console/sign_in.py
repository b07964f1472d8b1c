"""Signing in with a token of the gateway, and out again."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from gateway.console.recording import record
from gateway.console.services import ConsoleServices
from gateway.console.sessions import Session, Sessions, may_enter, new_session
from gateway.tokens import Token
from schemas.errors import ScimError


def add_routes(console: Blueprint, services: ConsoleServices, sessions: Sessions) -> None:
    """Add sign-in and sign-out to the console."""

    @console.get("/sign-in")
    def sign_in_form() -> AnyResponse:
        if "token" in g:
            return redirect(_way_on(request.args), 303)
        return page(200)

    @console.post("/sign-in")
    def sign_in() -> AnyResponse:
        try:
            token = admitted(request.form.get("token", "").strip())
        except ScimError as error:
            return page(error.status, error)
        response = redirect(_way_on(request.form), 303)
        sessions.write(response, new_session(token.prefix))
        return response

    @console.post("/sign-out")
    def sign_out() -> AnyResponse:
        response = redirect(url_for("console.sign_in_form"), 303)
        sessions.end(response)
        return response

    def page(status: int, error: ScimError | None = None) -> Response:
        g.session = g.session or new_session()
        wanted = request.values.get("next", "")
        response = make_response(
            render_template("sign_in.html", error=error, wanted=wanted), status
        )
        if error is not None and error.retry_after is not None:
            response.headers["Retry-After"] = str(round(error.retry_after))
        sessions.write(response, Session("", g.session.form))
        return response

    def admitted(text: str) -> Token:
        """Return the token of that text. Raises 400, 401, 403 or 429; a refusal is an event."""
        if not text:
            raise ScimError(400, "Enter a token.")
        token = services.authenticator.verify(text)
        detail = None
        if not may_enter(token):
            detail = "The token holds neither the scope audit:read nor admin."
        elif not sessions.is_known(token):
            detail = "Only tokens that the gateway has issued itself sign in here."
        record(services, "authenticate", "Token", actor=token, refusal=detail)
        if detail:
            raise ScimError(403, detail)
        return token


def _way_on(values: dict[str, str]) -> str:
    """Return the page that was wanted, where it is one of the console's own."""
    home, wanted = url_for("console.overview"), values.get("next", "")
    is_ours = wanted.startswith(home) and "\\" not in wanted and "//" not in wanted.split("?")[0]
    return wanted if is_ours else home
