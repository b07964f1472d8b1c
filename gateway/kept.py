"""Resources that the gateway itself keeps, few enough to be searched here: read-only endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from gateway.cursors import Cursors
from gateway.exchange import answer, projection_of, query_of, query_of_url, read_body, read_only
from gateway.query import Query, list_response
from gateway.sorting import sorted_by
from schemas.attributes import ResourceType
from schemas.errors import not_found_resource
from schemas.match import compile_filter
from schemas.projection import project

Resource = dict[str, Any]


def add_kept(
    scim: Blueprint,
    resource_type: ResourceType,
    cursors: Cursors,
    visible: Callable[[], list[Resource]],
) -> None:
    """Add the routes of a resource type to a blueprint.

    `visible` returns all resources that the request may see, in their order, or raises 403.
    """
    endpoint = resource_type.endpoint

    def found(query: Query) -> Response:
        held = visible()
        if query.filter is not None:
            holds = compile_filter(query.filter)
            held = [resource for resource in held if holds(resource)]
        if query.sort_by is not None:
            held = sorted_by(query.sort_by, query.descending, held)
        size, start, cursor = query.limit, max(query.start, 1) - 1, None
        if query.cursor is not None and query.limit:
            size, place = cursors.place(query, query.walk_key)
            start = place[0] if place else 0
            if start + size < len(held):
                cursor = cursors.write(query.walk_key, size, [start + size])
        page = [
            project(query.projection, resource_type, resource)
            for resource in held[start : start + size]
        ]
        return answer(list_response(query, len(held), page, cursor))

    def listed() -> Response:
        return found(query_of_url(resource_type))

    def searched() -> Response:
        return found(query_of(resource_type, read_body()))

    def one(id: str) -> Response:
        projection = projection_of(resource_type)
        for resource in visible():
            if resource["id"] == id:
                return answer(project(projection, resource_type, resource))
        raise not_found_resource(resource_type.name, id)

    scim.add_url_rule(f"/{endpoint}", f"list_{endpoint}", listed)
    scim.add_url_rule(f"/{endpoint}/.search", f"search_{endpoint}", searched, methods=["POST"])
    scim.add_url_rule(f"/{endpoint}/<id>", f"get_{endpoint}", one)
    read_only(scim, endpoint)
