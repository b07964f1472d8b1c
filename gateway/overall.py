"""The SCIM service over all targets, at /scim/v2: read-only; ids have their target before them."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, g

from gateway.across import Across, Part, explained, parts_of
from gateway.audit import AuditLog
from gateway.audit_events import add_audit_events, of_token
from gateway.audited_reads import remember_reads
from gateway.auth import Authenticator, protect
from gateway.discovery import add_discovery, read_only_config
from gateway.exchange import (
    answer,
    projection_of,
    query_of,
    query_of_url,
    read_body,
    read_only,
    service_url,
)
from gateway.qualified import TYPES, qualified
from gateway.query import Query
from gateway.reading import Reader, costly_of
from gateway.targets import Place, Target
from schemas.attributes import ResourceType
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import InsufficientScope, not_found, not_found_resource
from schemas.filters import NOTHING, Filter

_PLACE = Place("scim")


def make_overall(
    targets: dict[str, Target],
    authenticator: Authenticator,
    reader: Reader,
    audit: AuditLog,
    public_url: str,
) -> Blueprint:
    """Return the blueprint of `/scim/v2`."""
    scim = Blueprint("overall", __name__, url_prefix="/scim/v2")

    def base(target: str = "") -> str:
        # What is about no target, or about one that is not served any more, has its place here.
        return service_url(public_url, target if target in targets else "")

    @scim.before_request
    def stand_for_targets() -> None:
        g.target = _PLACE

    def allowed(scope: str) -> list[Target]:
        return [one for name, one in targets.items() if g.token.allows(name, scope)]

    def readable(resource_type: ResourceType) -> list[Target]:
        """Return the targets whose resources of the type the token may read. Raises 403."""
        scope = f"{resource_type.endpoint.lower()}:read"
        if found := allowed(scope):
            return found
        raise InsufficientScope(f"The token lacks the scope {scope} on every target.")

    def visible() -> Filter | None:
        found = of_token()
        g.read = allowed("audit:read")
        return found

    def parts(resource_type: ResourceType, query: Query) -> list[Part]:
        return parts_of(readable(resource_type), resource_type, query, base)

    def found(resource_type: ResourceType, query: Query) -> Response:
        asked = [part for part in parts(resource_type, query) if part.query.filter != NOTHING]
        g.read = [part.target for part in asked]
        return answer(Across(reader, resource_type, asked, query).search())

    protect(scim, authenticator)
    remember_reads(scim, audit, _read)
    add_discovery(
        scim,
        base,
        lambda: read_only_config(base()),
        lambda: TYPES,
        lambda: (*TYPES, AUDIT_EVENT),
    )
    add_audit_events(scim, audit, reader.cursors, base, visible)

    @scim.get("/<endpoint>")
    def search(endpoint: str) -> Response:
        resource_type = _type_at(endpoint)
        return found(resource_type, query_of_url(resource_type))

    @scim.post("/<endpoint>/.search")
    def search_by_post(endpoint: str) -> Response:
        resource_type = _type_at(endpoint)
        return found(resource_type, query_of(resource_type, read_body()))

    @scim.get("/<endpoint>/.explain")
    def explain(endpoint: str) -> Response:
        resource_type = _type_at(endpoint)
        return answer(explained(parts(resource_type, query_of_url(resource_type))))

    @scim.get("/<endpoint>/<id>")
    def get(endpoint: str, id: str) -> Response:
        resource_type = _type_at(endpoint)
        name, _, own = id.partition(":")
        target = next((t for t in readable(resource_type) if t.name == name), None)
        if target is None or resource_type.name not in target.connector.collections:
            raise not_found_resource(resource_type.name, id)
        g.read = [target]
        collection = target.collection(endpoint)
        projection = projection_of(resource_type)
        resource = reader.find(target, collection, own, costly_of(collection, projection))
        shown = reader.show(target, collection, resource, base(name), projection)
        return answer(qualified(shown, name, resource_type))

    read_only(scim, "<endpoint>")
    return scim


def _type_at(endpoint: str) -> ResourceType:
    """Return the resource type of an endpoint in any letter case, or raise 404."""
    for resource_type in TYPES:
        if resource_type.endpoint.lower() == endpoint.lower():
            return resource_type
    raise not_found(f"There is no endpoint {endpoint!r}.")


def _read() -> Sequence[Target]:
    """Return the targets that the request has read from."""
    read: Sequence[Target] = g.get("read", ())
    return read
