"""HTTP bodies, headers and parameters on their way in and out."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from gateway.query import Query
from gateway.versions import Condition, entity_tags
from schemas.attributes import ResourceType
from schemas.errors import (
    InsufficientScope,
    InvalidToken,
    ScimError,
    invalid_syntax,
    invalid_value,
)
from schemas.filters import parse_filter, parse_path
from schemas.messages import load_search
from schemas.projection import Projection, parse_projection

SCIM_JSON = "application/scim+json"
_ACCEPTED = {SCIM_JSON, "application/json"}
_LAST = 2**53
_LONGEST_WAIT = 86_400


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a SCIM response (RFC 7644 section 3.1)."""
    return Response(orjson.dumps(body), status, headers, content_type=SCIM_JSON)


def no_content(headers: dict[str, str] | None = None) -> Response:
    """Return 204."""
    return Response(status=204, headers=headers)


def read_body() -> Any:
    """Return the JSON body of the request; 415 for another media type, 400 when it is no JSON."""
    if request.mimetype and request.mimetype not in _ACCEPTED:
        raise ScimError(415, f"The body must be {SCIM_JSON}.")
    try:
        content = request.get_data(cache=False)
    except RequestEntityTooLarge:
        most = request.max_content_length
        raise ScimError(413, f"The body may hold {most} bytes.") from None
    except HTTPException:
        raise invalid_syntax("The body did not arrive whole.") from None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise invalid_syntax("The body is not valid JSON.") from None


def read_optional_body() -> dict[str, Any]:
    """Return the JSON object of a request that need not have one."""
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return {}
    body = read_body()
    if not isinstance(body, dict):
        raise invalid_syntax("The body must be a JSON object.")
    return body


def is_dry_run() -> bool:
    """Tell whether a write is only to be planned (`dryRun=true`). Raises 400 for other words."""
    said = request.args.get("dryRun", "false").lower()
    if said not in ("true", "false"):
        raise invalid_value("dryRun is true or false.")
    return said == "true"


def base_url(public_url: str) -> str:
    """Return the base URL of the request's target."""
    return service_url(public_url, g.target.name)


def service_url(public_url: str, target: str) -> str:
    """Return the base URL of a target's service, "" for the one over all targets."""
    root = public_url or request.host_url.rstrip("/") + request.root_path
    return f"{root}/{target}/scim/v2" if target else f"{root}/scim/v2"


def condition_of() -> Condition:
    """Return what the request's headers demand of a resource's version (RFC 7644 section 3.14)."""
    match, none_match = map(request.headers.get, ("If-Match", "If-None-Match"))
    return Condition(entity_tags(match), entity_tags(none_match))


def projection_of(resource_type: ResourceType) -> Projection:
    """Return the projection that the URL's parameters ask for."""
    arguments = {name.lower(): value for name, value in request.args.items()}
    return parse_projection(
        resource_type,
        _names(arguments.get("attributes")),
        _names(arguments.get("excludedattributes")),
    )


def query_of_url(resource_type: ResourceType) -> Query:
    """Return the query of a GET (RFC 7644 section 3.4.2)."""
    parameters: dict[str, Any] = dict(request.args)
    for name in list(parameters):
        if name.lower() in ("attributes", "excludedattributes"):
            parameters[name] = _names(parameters[name])
    return query_of(resource_type, parameters)


def query_of(resource_type: ResourceType, parameters: Any) -> Query:
    """Return the query of the parameters of a URL or of a SearchRequest."""
    loaded = load_search(parameters)
    g.filter = parse_filter(loaded["filter"], resource_type) if loaded["filter"] else None
    return Query(
        filter=g.filter,
        start=min(loaded["start_index"], _LAST),
        count=loaded["count"],
        cursor=loaded["cursor"],
        sort_by=parse_path(loaded["sort_by"], resource_type) if loaded["sort_by"] else None,
        descending=loaded["descending"],
        projection=parse_projection(
            resource_type, loaded["attributes"], loaded["excluded_attributes"]
        ),
        actor=g.token.name,
    )


def read_only(blueprint: Blueprint, *endpoints: str) -> None:
    """Answer 405 to writes, which the routes of the resource types would otherwise take."""

    def refuse(**_: str) -> Response:
        raise MethodNotAllowed(["GET"])

    for endpoint in endpoints:
        for rule in (f"/{endpoint}", f"/{endpoint}/<id>"):
            blueprint.add_url_rule(
                rule,
                f"read_only_{endpoint}",
                refuse,
                methods=["POST", "PUT", "PATCH", "DELETE"],
            )


def error_answer(error: ScimError) -> Response:
    """Return an error as RFC 7644 section 3.12 shows it."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(min(error.retry_after, _LONGEST_WAIT))))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Matricula"'
    if isinstance(error, InvalidToken):
        headers["WWW-Authenticate"] = 'Bearer realm="Matricula", error="invalid_token"'
    if isinstance(error, InsufficientScope):
        headers["WWW-Authenticate"] = 'Bearer realm="Matricula", error="insufficient_scope"'
    return answer(error.body(), error.status, headers)


def http_error_answer(error: HTTPException) -> Response:
    """Return one of the framework's own errors (404, 405, 413 ...) in SCIM's form."""
    response = error_answer(ScimError(error.code or 500, error.description or error.name))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _names(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name.strip()]
