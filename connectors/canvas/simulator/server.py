"""The HTTP side: addresses, credentials, the bucket of each token, and answers as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from flask import Blueprint, Request, Response, request

from connectors.canvas.simulator.calls import PREFIX, Call
from connectors.canvas.simulator.errors import (
    CanvasError,
    Invalid,
    not_found,
    throttled,
)
from connectors.canvas.simulator.params import Params, merge_pairs
from connectors.canvas.simulator.records import Token
from connectors.canvas.simulator.reports import find_file
from connectors.canvas.simulator.routes import find_operation
from connectors.canvas.simulator.site import Site
from connectors.canvas.simulator.tokens import check_scope, find_token, request_token
from connectors.simulation.paths import raw_path, sent_path

METHODS = ("GET", "POST", "PUT", "DELETE")
JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
STRING_IDS = "application/json+canvas-string-ids"


def make_server(site: Site) -> Blueprint:
    """Return the routes of a Canvas site."""
    server = Blueprint("canvas", __name__)

    @server.app_errorhandler(404)
    def missing(error: Exception) -> Response:
        return _refuse(not_found())

    @server.route(
        f"{PREFIX}/<path:rest>",
        methods=METHODS,
        merge_slashes=False,
        provide_automatic_options=False,
    )
    def serve(rest: str) -> Response:
        """Answer one call; the lock is let go between its entry, its operation and its end."""
        path = sent_path(request, PREFIX)
        request.get_data()
        with site.lock:
            site.calls.append((request.method, unquote(path)))
            site.queries.append(request.query_string.decode("latin-1"))
        try:
            _check_agent(site)
            with site.lock:
                token = find_token(site, _read_token(request))
                if not site.throttle.begin(token.value):
                    raise throttled(site.settings.throttle_status)
        except CanvasError as error:
            return _refuse(error)
        try:
            response = _run(site, token, path)
        finally:
            with site.lock:
                headers = site.throttle.end(token.value)
        response.headers.update(headers)
        return response

    @server.route("/login/oauth2/token", methods=["POST", "DELETE"])
    def token() -> Response:
        """Hand out a token, or take the presented one back."""
        request.get_data()
        with site.lock:
            try:
                _check_agent(site)
                if request.method == "DELETE":
                    find_token(site, _read_token(request)).revoked = True
                    return _write({}, 200, {})
                return _write(request_token(site, Params(_read_values(request))), 200, {})
            except CanvasError as error:
                return _refuse(error)

    @server.get("/files/<int:number>/download")
    def download(number: int) -> Response:
        """Lead to the place where a file lies."""
        verifier = request.args.get("verifier", "")
        with site.lock:
            if find_file(site, number, verifier) is None:
                return _refuse(not_found())
        start = site.settings.files_url or request.host_url
        address = f"{start.rstrip('/')}/stored/{number}?signature={quote(verifier)}"
        response = Response(status=302)
        response.headers["Location"] = address
        response.autocorrect_location_header = False
        return response

    @server.get("/stored/<int:number>")
    def stored(number: int) -> Response:
        """Give a file out to whoever has its signature, and only to who sends no token."""
        if "Authorization" in request.headers:
            return Response("Only one auth mechanism allowed\n", 400, content_type=TEXT_TYPE)
        with site.lock:
            report = find_file(site, number, request.args.get("signature", ""))
        if report is None:
            return Response("Forbidden\n", 403, content_type=TEXT_TYPE)
        return Response(report.content, 200, content_type=report.content_type)

    return server


def _check_agent(site: Site) -> None:
    if site.settings.require_user_agent and not request.headers.get("User-Agent"):
        raise CanvasError(403, "403 Forbidden (User-Agent required)\n")


def _read_token(sent: Request) -> str | None:
    credentials = sent.authorization
    if credentials is not None and credentials.type == "bearer":
        return credentials.token
    return sent.values.get("access_token")


def _run(site: Site, token: Token, path: str) -> Response:
    method = "GET" if request.method == "HEAD" else request.method
    rest = path.removeprefix(f"{PREFIX}/").removesuffix(".json")
    try:
        route, ids = find_operation(method, rest, not raw_path(request, PREFIX))
        params = Params(_read_values(request))
        check_scope(site, token, method, route.template, params)
        call = Call(
            site,
            token,
            path,
            request.query_string.decode("latin-1"),
            request.host_url.rstrip("/"),
            params,
            files={
                name: (file.filename or "", file.mimetype, file.read())
                for name, file in request.files.items()
            },
            payload=request.get_data(),
        )
        with site.lock:
            answer = route.operation(call, *ids)
            return _write(answer.body, answer.status, answer.headers)
    except CanvasError as error:
        return _refuse(error)
    except Invalid as error:
        return _write({"errors": error.fields}, 400, {})


def _refuse(error: CanvasError) -> Response:
    if isinstance(error.body, str):
        response = Response(error.body, error.status, content_type=TEXT_TYPE)
        response.headers.update(error.headers)
        return response
    return _write(error.body, error.status, error.headers)


def _write(body: Any, status: int, headers: Mapping[str, str]) -> Response:
    if STRING_IDS in request.headers.get("Accept", ""):
        body = _with_text_ids(body)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    response = Response(text, status, content_type=JSON_TYPE)
    response.headers.update(headers)
    return response


def _with_text_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: str(inner)
        if isinstance(inner, int) and (name == "id" or name.endswith("_id"))
        else _with_text_ids(inner)
        for name, inner in value.items()
    }


def _read_values(sent: Request) -> dict[str, Any]:
    """Return query, form and JSON body as one nested set; what comes later wins."""
    values: dict[str, Any] = {}
    query = sent.query_string.decode("latin-1")
    merge_pairs(values, parse_qsl(query, keep_blank_values=True))
    if sent.mimetype == "application/json":
        body = sent.get_json(silent=True)
        if sent.get_data() and body is None:
            raise CanvasError(400, {"errors": [{"message": "invalid JSON"}]})
        values |= body if isinstance(body, dict) else {}
    elif sent.mimetype == "application/x-www-form-urlencoded":
        text = sent.get_data().decode(errors="replace")
        merge_pairs(values, parse_qsl(text, keep_blank_values=True))
    elif sent.mimetype == "multipart/form-data":
        merge_pairs(values, sent.form.items(multi=True))
    return values
