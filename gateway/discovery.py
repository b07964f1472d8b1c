"""What a service says of itself (RFC 7644 section 4): features, resource types, schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import Blueprint, Response, request

from gateway.bulk import MAX_OPERATIONS, MAX_PAYLOAD
from gateway.cursors import CURSOR_SECONDS
from gateway.exchange import answer, read_only
from gateway.query import DEFAULT_COUNT, MAX_COUNT
from gateway.targets import Target
from schemas.attributes import ResourceType, Schema
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import forbidden, not_found
from schemas.job import JOB, JOB_RUN
from schemas.messages import LIST_RESPONSE

DISCOVERY = ("ServiceProviderConfig", "ResourceTypes", "Schemas")
"""Endpoints at which a service tells of itself, and of nobody else."""

_CORE = "urn:ietf:params:scim:schemas:core:2.0:"


def service_provider_config(target: Target, base: str) -> dict[str, Any]:
    """Return the features of a target (RFC 7643 section 5)."""
    users = target.connector.collections.get("User")
    password = users.mapping.resource_type.find("password") if users else None
    return _features(base, writes=True, password=password is not None)


def read_only_config(base: str) -> dict[str, Any]:
    """Return the features of a service that only reads (RFC 7643 section 5)."""
    return _features(base, writes=False, password=False)


def _features(base: str, *, writes: bool, password: bool) -> dict[str, Any]:
    return {
        "schemas": [_CORE + "ServiceProviderConfig"],
        "patch": {"supported": writes},
        "bulk": {
            "supported": writes,
            "maxOperations": MAX_OPERATIONS if writes else 0,
            "maxPayloadSize": MAX_PAYLOAD if writes else 0,
        },
        "filter": {"supported": True, "maxResults": MAX_COUNT},
        "changePassword": {"supported": password},
        "sort": {"supported": True},
        "etag": {"supported": writes},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_COUNT,
            "cursorTimeout": CURSOR_SECONDS,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token in the Authorization header, as RFC 6750 describes.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{base}/ServiceProviderConfig",
        },
    }


def resource_types(target: Target) -> list[ResourceType]:
    """Return the resource types that can be provisioned, narrowed to what the target holds."""
    return [c.mapping.resource_type for c in target.connector.collections.values()]


def known_types(target: Target) -> list[ResourceType]:
    """Return also what is only read: asked for by name, but not in the lists.

    Identity platforms and conformance suites take the lists for what they may create.
    """
    return [*resource_types(target), AUDIT_EVENT, JOB, JOB_RUN]


def declared_schemas(resource_type: ResourceType) -> list[Schema]:
    """Return the schemas of a type that declare anything."""
    schemas = resource_type.schemas()
    return [schema for schema in schemas if any(a.declared for a in schema.attributes)]


def resource_type_definition(resource_type: ResourceType, base: str) -> dict[str, Any]:
    """Return a resource type as RFC 7643 section 6 shows it."""
    return {
        "schemas": [_CORE + "ResourceType"],
        "id": resource_type.name,
        "name": resource_type.name,
        "description": resource_type.description,
        "endpoint": f"/{resource_type.endpoint}",
        "schema": resource_type.schema.urn,
        "schemaExtensions": [
            {"schema": schema.urn, "required": False}
            for schema in declared_schemas(resource_type)
            if schema is not resource_type.schema
        ],
        "meta": {
            "resourceType": "ResourceType",
            "location": f"{base}/ResourceTypes/{resource_type.name}",
        },
    }


def schema_definition(schema: Schema, base: str) -> dict[str, Any]:
    """Return a schema as RFC 7643 section 7 shows it."""
    return {
        "schemas": [_CORE + "Schema"],
        "id": schema.urn,
        "name": schema.name,
        "description": schema.description,
        "attributes": [a.definition() for a in schema.attributes if a.declared],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.urn}"},
    }


def add_discovery(
    scim: Blueprint,
    base: Callable[[], str],
    features: Callable[[], dict[str, Any]],
    listed: Callable[[], Sequence[ResourceType]],
    known: Callable[[], Sequence[ResourceType]],
) -> None:
    """Add the discovery endpoints to a blueprint: of `known` types, those that are `listed`."""

    @scim.get("/ServiceProviderConfig")
    def service_provider_config() -> Response:
        refuse_filter(request.args)
        return answer(features())

    @scim.get("/ResourceTypes")
    def resource_types() -> Response:
        refuse_filter(request.args)
        return answer(_listed([resource_type_definition(one, base()) for one in listed()]))

    @scim.get("/ResourceTypes/<name>")
    def resource_type(name: str) -> Response:
        for one in known():
            if one.name.lower() == name.lower():
                return answer(resource_type_definition(one, base()))
        raise not_found(f"There is no resource type {name!r}.")

    @scim.get("/Schemas")
    def schemas() -> Response:
        refuse_filter(request.args)
        found = {held.urn: held for one in listed() for held in declared_schemas(one)}
        return answer(_listed([schema_definition(held, base()) for held in found.values()]))

    @scim.get("/Schemas/<urn>")
    def schema(urn: str) -> Response:
        for held in (held for one in known() for held in declared_schemas(one)):
            if held.urn.lower() == urn.lower():
                return answer(schema_definition(held, base()))
        raise not_found(f"There is no schema {urn!r}.")

    read_only(scim, *DISCOVERY)


def refuse_filter(parameters: Iterable[str]) -> None:
    """Raise 403 for a filter on a discovery endpoint (RFC 7644 section 4)."""
    if any(name.lower() == "filter" for name in parameters):
        raise forbidden("Discovery endpoints take no filter.")


def _listed(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": len(resources),
        "startIndex": 1,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }
