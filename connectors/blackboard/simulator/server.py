"""The HTTP side: addresses, credentials, the budget of calls, and answers as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from flask import Blueprint, Response, request

from connectors.blackboard.simulator.calls import PREFIX, Answer, Call
from connectors.blackboard.simulator.errors import (
    NotOfferedError,
    OAuthError,
    RestError,
    invalid_token,
    out_of_calls,
    unauthenticated,
)
from connectors.blackboard.simulator.listing import choose_fields
from connectors.blackboard.simulator.routes import find_operation
from connectors.blackboard.simulator.site import Site
from connectors.blackboard.simulator.tasks import run_due
from connectors.blackboard.simulator.tokens import describe_token, request_token
from connectors.simulation.paths import sent_path

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
JSON_TYPE = "application/json"

_VERSIONED = re.compile(r"v([1-9])", re.ASCII)
_TOKEN_OPERATIONS = {
    "oauth2/token": ("POST", request_token),
    "oauth2/tokeninfo": ("GET", describe_token),
}
_WITHOUT_TOKEN = ["system", "version"]
_REFUSED_SLASH = "<!doctype html><html><head><title>HTTP Status 400</title></head></html>\n"


def make_server(site: Site) -> Blueprint:
    """Return the routes of a Learn site."""
    server = Blueprint("blackboard", __name__)

    @server.app_errorhandler(404)
    def not_found(error: Exception) -> Response:
        return Response("Not found\n", 404, content_type="text/html; charset=utf-8")

    @server.route(
        f"{PREFIX}/<path:rest>",
        methods=METHODS,
        merge_slashes=False,
        provide_automatic_options=False,
    )
    def serve(rest: str) -> Response:
        """Answer one call, alone."""
        sent = sent_path(request, PREFIX)
        if "%2f" in sent.lower() and not site.settings.encoded_slashes:
            return Response(_REFUSED_SLASH, 400, content_type="text/html; charset=utf-8")
        segments = [unquote(part) for part in sent.removeprefix(f"{PREFIX}/").split("/")]
        version = _VERSIONED.fullmatch(segments[0])
        call = _read_call(site, sent, int(version[1]) if version else 0)
        with site.lock:
            run_due(site)
            if call.release == 1 and "/".join(segments[1:]) in _TOKEN_OPERATIONS:
                return _serve_token(site, call, "/".join(segments[1:]))
            return _serve(site, call, segments[1:])

    return server


def _serve_token(site: Site, call: Call, name: str) -> Response:
    method, operation = _TOKEN_OPERATIONS[name]
    if request.method != method:
        return _refuse(NotOfferedError([method]), {})
    try:
        return _write(Answer(200, operation(site, call)), {})
    except OAuthError as error:
        return _write(Answer(error.status, error.as_object()), {})


def _serve(site: Site, call: Call, segments: list[str]) -> Response:
    refused = False
    try:
        open_to_all = call.release == 1 and segments == _WITHOUT_TOKEN
        if not open_to_all or "Authorization" in request.headers:
            _check_token(site)
            site.calls.append((request.method, unquote(call.path)))
            site.queries.append(call.query)
            _check_application(site)
        if not site.budget.spend():
            refused = True
            raise out_of_calls()
        method = "GET" if request.method == "HEAD" else request.method
        operation, ids = find_operation(method, call.release, segments, site.settings.version)
        answer = operation(call, *ids)
    except RestError as error:
        return _refuse(error, site.budget.headers(refused))
    if answer.body is not None and "fields" in call.args:
        body = choose_fields(answer.body, call.args["fields"])
        answer = Answer(answer.status, body, answer.location)
    return _write(answer, site.budget.headers(refused))


def _check_token(site: Site) -> None:
    credentials = request.authorization
    if credentials is None or credentials.type != "bearer" or not credentials.token:
        raise unauthenticated()
    if not site.tokens.is_valid(credentials.token):
        raise invalid_token()


def _check_application(site: Site) -> None:
    if site.settings.application == "disabled":
        raise RestError(403, "Application is disabled", "SiteApplicationDisabled")
    if site.settings.application == "missing":
        raise RestError(404, "Application is not installed")


def _refuse(error: RestError, headers: Mapping[str, str]) -> Response:
    response = _write(Answer(error.status, error.as_object()), headers)
    if isinstance(error, NotOfferedError):
        response.headers["Allow"] = ", ".join(error.allowed)
    return response


def _write(answer: Answer, headers: Mapping[str, str]) -> Response:
    """Return an answer; one without a body has no content type either."""
    if answer.body is None:
        response = Response(status=answer.status)
        del response.headers["Content-Type"]
    else:
        text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
        response = Response(text, answer.status, content_type=JSON_TYPE)
    response.headers.update(headers)
    if answer.location is not None:
        response.headers["Location"] = answer.location
        response.autocorrect_location_header = False
    return response


def _read_call(site: Site, path: str, release: int) -> Call:
    payload = request.get_data(cache=False)
    form: dict[str, Any] = {}
    if request.mimetype == "application/x-www-form-urlencoded":
        form = _first_of_each(payload.decode(errors="replace"))
    credentials = request.authorization
    client = ("", "")
    if credentials is not None and credentials.type == "basic":
        client = (credentials.username or "", credentials.password or "")
    query = request.query_string.decode("latin-1")
    return Call(site, path, query, release, _first_of_each(query), form, client, payload)


def _first_of_each(text: str) -> dict[str, str]:
    return dict(reversed(parse_qsl(text, keep_blank_values=True)))
