"""A target's OpenAPI 3.1 document: its routes in a table, its resources out of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from connectors.base import Collection
from gateway import __version__
from gateway.discovery import declared_schemas, known_types, resource_types
from gateway.exchange import SCIM_JSON
from gateway.exporting.forms import FORMATS
from gateway.json_schema import MESSAGES, component, list_schema, resource_schema
from gateway.sync.plan import KINDS
from gateway.targets import Target
from schemas.attributes import ResourceType
from schemas.audit_event import AUDIT_EVENT
from schemas.job import JOB, JOB_RUN

Node = dict[str, Any]

_QUERY = ("filter", "startIndex", "count", "cursor", "sortBy", "sortOrder")
_SHOWN = ("attributes", "excludedAttributes")
_VERSIONS = ("If-Match", "If-None-Match")
_ACCEPTED = (SCIM_JSON, "application/json")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `{type}` and `{endpoint}` stand for those of a resource type.

    `answers` names what is answered with each good status, "" where nothing is. `needs` is the
    method of a collection without which the target does not offer the operation. `forms` are the
    media types of a file that is answered with.
    """

    method: str
    path: str
    name: str
    summary: str
    answers: dict[int, str]
    takes: tuple[str, ...] = ()
    body: str = ""
    needs: str = ""
    body_needed: bool = True
    forms: tuple[str, ...] = ()


_SEARCH = (
    Route("get", "/{endpoint}", "list{endpoint}", "List {endpoint}, or what a filter finds.",
          {200: "{type}List"}, (*_QUERY, *_SHOWN)),
    Route("post", "/{endpoint}/.search", "search{endpoint}", "Search {endpoint} by a message.",
          {200: "{type}List"}, body="SearchRequest"),
)  # fmt: skip
_KEPT = (
    *_SEARCH,
    Route("get", "/{endpoint}/{id}", "get{type}", "Read one of them.", {200: "{type}"}, _SHOWN),
)
_JOB = (
    Route("post", "/{endpoint}/{id}/.run", "run{type}", "Let a job be done.", {202: "JobRun"}),
    Route("post", "/{endpoint}/{id}/.apply", "apply{type}Plan",
          "Apply the plan of the newest run.", {202: "JobRun"}, body="OfRun", body_needed=False),
    Route("post", "/{endpoint}/{id}/.retry", "retry{type}",
          "Let the newest run go on, which has failed or was stopped.", {202: "JobRun"},
          body="OfRun", body_needed=False),
    Route("post", "/{endpoint}/{id}/.pause", "pause{type}", "Let nothing of a job be done.",
          {200: "{type}"}),
    Route("post", "/{endpoint}/{id}/.resume", "resume{type}", "Let a paused job go on.",
          {200: "{type}"}),
)  # fmt: skip
_RUN = (
    Route("get", "/{endpoint}/{id}/.plan", "plan{type}", "Read what a run would do, or has done.",
          {200: "JobPlan"}, ("kind", "startIndex", "count")),
)  # fmt: skip
_RESOURCE = (
    Route("get", "/{endpoint}/.explain", "explain{endpoint}",
          "Tell how a query would be answered, without any LMS call.", {200: "Explanation"},
          (*_QUERY, *_SHOWN)),
    Route("get", "/{endpoint}/.export", "export{endpoint}",
          "Read all {endpoint}, or all that a filter finds, as a file.", {200: ""},
          ("filter", *_SHOWN, "format"), forms=tuple(FORMATS.values())),
    Route("get", "/{endpoint}/{id}", "get{type}", "Read a resource.", {200: "{type}", 304: ""},
          (*_SHOWN, "If-None-Match")),
    Route("post", "/{endpoint}", "create{type}", "Create a resource.", {201: "{type}"},
          _SHOWN, "{type}ToWrite", "create"),
    Route("put", "/{endpoint}/{id}", "replace{type}", "Replace a resource.", {200: "{type}"},
          (*_SHOWN, *_VERSIONS), "{type}ToWrite", "update"),
    Route("patch", "/{endpoint}/{id}", "patch{type}", "Change a resource, all or nothing.",
          {200: "{type}", 204: ""}, (*_SHOWN, *_VERSIONS), "PatchOp", "update"),
    Route("delete", "/{endpoint}/{id}", "delete{type}", "Delete, by the target's policy.",
          {204: ""}, _VERSIONS, needs="delete"),
)  # fmt: skip
_ACCOUNT = (
    Route("post", "/{endpoint}/{id}/.enable", "enable{type}", "Switch an account on.",
          {204: ""}, needs="update"),
    Route("post", "/{endpoint}/{id}/.disable", "disable{type}", "Switch an account off.",
          {204: ""}, needs="update"),
    Route("post", "/{endpoint}/{id}/.resetPassword", "reset{type}Password",
          "Set a password, generate one, or let the LMS send its own message.",
          {200: "NewPassword", 204: ""}, body="PasswordReset", needs="update"),
    Route("post", "/{endpoint}/{id}/.validate", "validate{type}",
          "Tell whether an account exists, is usable and has these attributes.",
          {200: "Validation"}, body="{type}ToCompare", body_needed=False),
    Route("post", "/{endpoint}/.validate", "validateNew{type}",
          "Tell what a create would send, and what is wrong with it.",
          {200: "DryRun"}, body="{type}ToCompare"),
)  # fmt: skip
_MEMBERSHIP = (
    Route("post", "/{endpoint}/{id}/.transfer", "transfer{type}",
          "Move a person to another course, with role and state.",
          {201: "{type}"}, _SHOWN, "Transfer", needs="create"),
)  # fmt: skip
_ACTIONS = {"User": _ACCOUNT, "Membership": _MEMBERSHIP}
_SERVICE = (
    Route("get", "/", "listAll", "List resources of every type.", {200: "AnyList"},
          (*_QUERY, *_SHOWN)),
    Route("post", "/.search", "searchAll", "Search resources of every type by a message.",
          {200: "AnyList"}, body="SearchRequest"),
    Route("post", "/Bulk", "bulk", "Carry out many writes.", {200: "BulkResponse"},
          body="BulkRequest"),
)  # fmt: skip
_PUBLIC = (
    Route("get", "/ServiceProviderConfig", "getServiceProviderConfig",
          "Tell what the service can do; no token is needed.", {200: "ServiceProviderConfig"}),
)  # fmt: skip
_DISCOVERY = (
    *_PUBLIC,
    Route("get", "/ResourceTypes", "listResourceTypes", "List the types of resources.",
          {200: "ResourceTypeList"}),
    Route("get", "/ResourceTypes/{name}", "getResourceType", "Read one type of resource.",
          {200: "ResourceType"}),
    Route("get", "/Schemas", "listSchemas", "List the schemas.", {200: "SchemaList"}),
    Route("get", "/Schemas/{urn}", "getSchema", "Read one schema.", {200: "Schema"}),
)  # fmt: skip

_GOOD = {
    200: "As asked for.",
    201: "Created.",
    202: "It will be done.",
    204: "Done; there is nothing to show.",
    304: "The resource has the version that the client knows.",
}
_BAD = {
    400: "The request is not valid; `scimType` tells why.",
    401: "There is no valid bearer token.",
    403: "The token's scopes or the target's policy forbid it.",
    404: "There is no such resource.",
    409: "A value that must be unique is in use.",
    412: "The resource has another version than the request demands.",
    413: "The body is larger than the service takes.",
    415: "The body is of another media type.",
    429: "Too many requests.",
    500: "The service itself failed.",
    501: "The LMS of this target cannot do it.",
    502: "The LMS gave no usable answer.",
    503: "The LMS or the database is not available.",
    504: "The LMS took too long; a write may or may not have been carried out.",
}
_HEADERS = {
    "ETag": ("The version of the resource.", "string", {200, 201, 204, 304}),
    "Location": ("The URL of the new resource.", "string", {201, 202}),
    "WWW-Authenticate": ("How to authenticate, as RFC 6750 says.", "string", {401, 403}),
    "Retry-After": ("Seconds until it is worth to ask again.", "integer", {429, 503}),
}
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_NAMES = {"type": "array", "items": _TEXT}
_PARAMETERS: dict[str, tuple[str, Node, str]] = {
    "filter": ("query", _TEXT, "A filter (RFC 7644 section 3.4.2.2); short paths are taken, too."),
    "startIndex": ("query", _WHOLE, "The place of the first result, from 1 on."),
    "count": ("query", _WHOLE, "How many results a page holds at most."),
    "cursor": ("query", _TEXT, "Where the page begins (RFC 9865); empty for the first page."),
    "sortBy": ("query", _TEXT, "The attribute to order by."),
    "sortOrder": ("query", {"enum": ["ascending", "descending"]}, "The direction of the order."),
    "attributes": ("query", _NAMES, "The only attributes to show."),
    "excludedAttributes": ("query", _NAMES, "The attributes to leave out."),
    "format": ("query", {"enum": [*FORMATS]}, "The form of the file."),
    "kind": ("query", {"enum": [*KINDS]}, "The only lines of a plan to show."),
    "If-Match": ("header", _TEXT, "The versions that the resource may have; `*` is any."),
    "If-None-Match": ("header", _TEXT, "The versions that it must not have; `*` is any."),
    "id": ("path", _TEXT | {"minLength": 1}, "The id of the resource."),
    "name": ("path", _TEXT, "The name of a type of resource."),
    "urn": ("path", _TEXT, "The URN of a schema."),
}


def openapi(target: Target, base: str) -> Node:
    """Return the OpenAPI document of a target; `base` is its SCIM base URL."""
    types = known_types(target)
    paths: dict[str, Node] = {}
    for route, resource_type in _routes(target):
        path = _named(route.path, resource_type)
        paths.setdefault(path, {})[route.method] = _operation(route, resource_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Matricula: {target.name}",
            "description": f"SCIM 2.0 for the learning platform behind the target {target.name}.",
            "version": __version__,
        },
        "servers": [{"url": base}],
        "security": [{"bearer": []}],
        "tags": [{"name": t.endpoint, "description": t.description} for t in types],
        "paths": paths,
        "components": {
            "schemas": _schemas(target),
            "responses": {str(status): _answer(status, "Error") for status in _BAD},
            "parameters": _parameters(types),
            "headers": {
                name: {"description": text, "schema": {"type": type}}
                for name, (text, type, _) in _HEADERS.items()
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _routes(target: Target) -> Iterator[tuple[Route, ResourceType | None]]:
    for collection in target.connector.collections.values():
        resource_type = collection.mapping.resource_type
        for route in (*_SEARCH, *_RESOURCE, *_ACTIONS.get(resource_type.name, ())):
            if _offers(collection, route):
                yield route, resource_type
    for kept, more in ((AUDIT_EVENT, ()), (JOB, _JOB), (JOB_RUN, _RUN)):
        for route in (*_KEPT, *more):
            yield route, kept
    for route in (*_SERVICE, *_DISCOVERY):
        yield route, None


def _offers(collection: Collection, route: Route) -> bool:
    """Tell whether the collection has what the operation needs: else it would answer 501."""
    return not route.needs or collection.offers(route.needs)


def _operation(route: Route, resource_type: ResourceType | None) -> Node:
    answers: Node = {
        str(status): _answer(status, _named(name, resource_type))
        for status, name in route.answers.items()
    }
    for status in _failures(route):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    if route.forms:
        answers["200"]["content"] = {form: {"schema": _TEXT} for form in route.forms}
    names = (*re.findall(r"{(id|name|urn)}", route.path), *route.takes)
    operation: Node = {
        "operationId": _named(route.name, resource_type),
        "summary": _named(route.summary, resource_type),
        "tags": [resource_type.endpoint if resource_type else "Service"],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names],
        "responses": answers,
    }
    if route.body:
        schema = {"schema": component(_named(route.body, resource_type))}
        operation["requestBody"] = {
            "required": route.body_needed,
            "content": dict.fromkeys(_ACCEPTED, schema),
        }
    if route in _PUBLIC:
        operation["security"] = []
    return operation


def _failures(route: Route) -> list[int]:
    """Return the bad statuses that an operation may answer with."""
    found = {403, 500, 503}
    if route not in _PUBLIC:
        found |= {401, 429}
    if "{" in route.path.replace("{endpoint}", ""):
        found.add(404)
    if route not in _DISCOVERY:
        found |= {400, 501, 502, 504}
    if route.body:
        found |= {413, 415}
    if route.needs or route in _JOB:
        found.add(409)
    if "If-Match" in route.takes:
        found.add(412)
    return sorted(found)


def _answer(status: int, name: str) -> Node:
    answer: Node = {"description": _GOOD.get(status) or _BAD[status]}
    names = [header for header, (*_, statuses) in _HEADERS.items() if status in statuses]
    if names:
        answer["headers"] = {n: {"$ref": f"#/components/headers/{n}"} for n in names}
    if name:
        answer["content"] = {SCIM_JSON: {"schema": component(name)}}
    return answer


def _parameters(types: Iterable[ResourceType]) -> Node:
    known = {
        "name": {"enum": [type.name for type in types]},
        "urn": {"enum": [schema.urn for type in types for schema in declared_schemas(type)]},
    }
    made: Node = {}
    for name, (place, schema, text) in _PARAMETERS.items():
        parameter: Node = {"name": name, "in": place, "description": text}
        parameter["schema"] = schema | known.get(name, {})
        if place == "path":
            parameter["required"] = True
        if schema is _NAMES:
            parameter |= {"style": "form", "explode": False}
        made[name] = parameter
    return made


def _schemas(target: Target) -> Node:
    made = dict(MESSAGES)
    for resource_type in known_types(target):
        made[resource_type.name] = resource_schema(resource_type, "shown")
    types = resource_types(target)
    for resource_type in types:
        collection = target.connector.collections[resource_type.name]
        if collection.offers("create") or collection.offers("update"):
            written = resource_schema(resource_type, "sent", strict=target.settings.strict)
            made[f"{resource_type.name}ToWrite"] = written
        if _ACTIONS.get(resource_type.name) is _ACCOUNT:
            made[f"{resource_type.name}ToCompare"] = resource_schema(resource_type, "compared")
    names = [resource_type.name for resource_type in types]
    for name in (*names, AUDIT_EVENT.name, JOB.name, JOB_RUN.name, "ResourceType", "Schema"):
        made[f"{name}List"] = list_schema(name)
    return made | {"AnyList": list_schema(*names)}


def _named(text: str, resource_type: ResourceType | None) -> str:
    if resource_type is None:
        return text
    return text.replace("{type}", resource_type.name).replace("{endpoint}", resource_type.endpoint)
