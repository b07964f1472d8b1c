"""The HTTP side: addresses, credentials, credits, and answers as they travel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from connectors.brightspace.simulator.calls import PREFIX, Answer, Call
from connectors.brightspace.simulator.errors import (
    HTML_TYPE,
    ApiError,
    OAuthError,
    insufficient_scope,
    invalid_signature,
    invalid_token,
    not_authorized,
    not_found,
    out_of_credits,
)
from connectors.brightspace.simulator.oauth import AUTHORIZE_PATH, TOKEN_PATH, authorize, exchange
from connectors.brightspace.simulator.routes import Route, find_route
from connectors.brightspace.simulator.scopes import CORE, EVERY_SCOPE, covers
from connectors.brightspace.simulator.signing import check_signatures, is_signed
from connectors.brightspace.simulator.site import ORG_ID, Site
from connectors.brightspace.simulator.versions import (
    answer_versions,
    as_numbers,
    concerns_versions,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
JSON_TYPE = "application/json; charset=UTF-8"
TOKEN_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


def make_server(site: Site) -> Blueprint:
    """Return the routes of a tenant and of the token service."""
    server = Blueprint("brightspace", __name__)

    @server.app_errorhandler(404)
    def missing(error: Exception) -> Response:
        return Response("Not found\n", 404, content_type=HTML_TYPE)

    @server.route(
        f"{PREFIX}/<path:rest>",
        methods=METHODS,
        merge_slashes=False,
        provide_automatic_options=False,
    )
    def serve(rest: str) -> Response:
        """Answer one call, alone."""
        call = _read_call(site)
        with site.lock:
            return _serve(call, rest.split("/"))

    @server.get(AUTHORIZE_PATH)
    def consent() -> AnyResponse:
        with site.lock:
            try:
                return redirect(authorize(site, request.args))
            except OAuthError as error:
                return Response(f"{error}\n", 400, content_type=HTML_TYPE)

    @server.post(TOKEN_PATH)
    def give_token() -> Response:
        form = request.form if request.mimetype == FORM_TYPE else {}
        credentials = request.authorization
        client = None
        if credentials is not None and credentials.type == "basic":
            client = (credentials.username or "", credentials.password or "")
        with site.lock:
            try:
                told = exchange(site, form, client, request.base_url)
                return _write_json(told, 200, TOKEN_TYPE)
            except OAuthError as error:
                return _write_json(error.as_object(), 400, TOKEN_TYPE)

    return server


def _read_call(site: Site) -> Call:
    query = request.query_string.decode("latin-1")
    pairs = parse_qsl(query, keep_blank_values=True)
    return Call(
        site,
        path=request.path,
        host=request.host_url.rstrip("/"),
        query=query,
        args={name.lower(): value for name, value in reversed(pairs)},
        payload=request.get_data(cache=False),
    )


def _serve(call: Call, segments: list[str]) -> Response:
    site = call.site
    headers: Mapping[str, str] = {}
    try:
        small = [segment.lower() for segment in segments]
        if concerns_versions(small):
            _note(call)
            return _write(answer_versions(call, request.method, small))
        route, ids, refusal = _find(site, segments)
        if route is not None and route.public and not _has_credentials(call):
            _note(call)
            return _write(route.operation(_in_version(call, segments), *ids))
        scope = _check_credentials(call)
        _note(call)
        cost = _spend(site, route)
        headers = site.credits.headers(cost)
        if route is None:
            raise refusal or not_found()
        _check_route(site, route, scope)
        return _write(route.operation(_in_version(call, segments), *ids), headers)
    except ApiError as error:
        return _refuse(site, error, headers)


def _note(call: Call) -> None:
    call.site.calls.append((request.method, unquote(call.path)))
    call.site.queries.append(call.query)


def _find(site: Site, segments: list[str]) -> tuple[Route | None, list[Any], ApiError | None]:
    """Return the route with its ids, or what the call is to be refused with once it counts."""
    product, version = segments[0].lower(), segments[1] if len(segments) > 1 else ""
    if version not in site.settings.versions.get(product, ()):
        return None, [], not_found()
    method = "GET" if request.method == "HEAD" else request.method
    try:
        route, ids = find_route(method, product, segments[2:])
    except ApiError as error:
        return None, [], error
    return route, ids, None


def _in_version(call: Call, segments: list[str]) -> Call:
    version = as_numbers(segments[1])
    return Call(call.site, call.path, call.host, call.query, version, call.args, call.payload)


def _has_credentials(call: Call) -> bool:
    return "Authorization" in request.headers or is_signed(call.args)


def _check_credentials(call: Call) -> str:
    """Return the scopes that the call's credentials carry."""
    credentials = request.authorization
    if "Authorization" not in request.headers and is_signed(call.args):
        if not call.site.settings.id_keys:
            raise invalid_signature()
        check_signatures(call.site, request.method, call.path, call.args)
        return EVERY_SCOPE
    if credentials is None or credentials.type != "bearer" or not credentials.token:
        raise invalid_token("The access token is missing")
    return call.site.tokens.check(credentials.token)


def _spend(site: Site, route: Route | None) -> int:
    cost = site.settings.call_cost
    if route is not None:
        cost = site.settings.route_costs.get(route.address, cost)
    if not site.credits.spend(cost):
        raise out_of_credits(site.credits.seconds_left)
    return cost


def _check_route(site: Site, route: Route, scope: str) -> None:
    opening = list(route.scopes)
    if route.address not in set(site.settings.without_core) and not route.public:
        opening.append(CORE)
    if opening and not any(covers(scope, one) for one in opening):
        raise insufficient_scope(" or ".join(opening))
    if route.permission in set(site.settings.denied):
        raise not_authorized(ORG_ID, route.permission)


def _refuse(site: Site, error: ApiError, headers: Mapping[str, str]) -> Response:
    written = error.write(site.settings.error_bodies)
    response = Response(written.text, error.status, content_type=written.content_type)
    if written.content_type is None:
        response.headers.pop("Content-Type", None)
    response.headers.update(headers)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _write(answer: Answer, headers: Mapping[str, str] = {}) -> Response:
    """Return an answer; one without a body has no content type either."""
    if answer.body is None:
        response = Response(status=answer.status)
        del response.headers["Content-Type"]
    else:
        response = _write_json(answer.body, answer.status)
    response.headers.update(headers)
    return response


def _write_json(body: Any, status: int, content_type: str = JSON_TYPE) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, content_type=content_type)
