"""The SCIM endpoints of a target, generic over its resource types."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from flask import Blueprint, Response, g, request

from connectors.base import Collection
from gateway import actions, discovery
from gateway.audit import AuditLog
from gateway.audit_events import add_audit_events, of_target
from gateway.audited_reads import remember_reads
from gateway.auth import Authenticator, caller, protect, require
from gateway.bulk import add_bulk
from gateway.exchange import (
    answer,
    base_url,
    condition_of,
    is_dry_run,
    no_content,
    projection_of,
    query_of,
    query_of_url,
    read_body,
    read_optional_body,
    service_url,
)
from gateway.exporting import serving
from gateway.exporting.sources import Source
from gateway.jobs.desk import Desk
from gateway.jobs.serving import add_jobs
from gateway.keys import said_in
from gateway.openapi import openapi
from gateway.query import Query
from gateway.reading import Reader, costly_of
from gateway.rehearsing import Planned
from gateway.targets import Target
from gateway.telemetry import observe_write
from gateway.transfers import transfer
from gateway.versions import OF_OTHERS
from gateway.writing import Writer
from schemas.attributes import ResourceType
from schemas.errors import (
    ScimError,
    forbidden,
    not_found,
    not_implemented,
)
from schemas.projection import DEFAULT, Projection, on_request


def make_blueprint(
    targets: dict[str, Target],
    authenticator: Authenticator,
    reader: Reader,
    writer: Writer,
    audit: AuditLog,
    desk: Desk,
    public_url: str,
) -> Blueprint:
    """Return the blueprint of `/{target}/scim/v2`."""
    scim = Blueprint("scim", __name__, url_prefix="/<target>/scim/v2")
    base = partial(base_url, public_url)
    rehearsing = writer.rehearsing()

    @scim.url_value_preprocessor
    def find_target(endpoint: str | None, values: dict[str, Any] | None) -> None:
        name = (values or {}).pop("target", "")
        g.target = targets.get(name)

    @scim.before_request
    def refuse_unknown_target() -> None:
        if g.target is None:
            raise not_found("There is no such target.")

    protect(scim, authenticator)

    @scim.before_request
    def refuse_foreign_token() -> None:
        # Writes are refused further on, where the refusal is recorded.
        token = g.get("token")
        if request.method == "GET" and token and not {"all", g.target.name} & {*token.targets}:
            raise forbidden(f"The token is not for target {g.target.name}.")

    _add_discovery(scim, base)
    add_audit_events(scim, audit, reader.cursors, partial(service_url, public_url), of_target)
    add_jobs(scim, desk, reader.cursors, base)
    remember_reads(scim, audit, lambda: [g.target] if g.get("target") else [])

    def collection_of(endpoint: str, scope: str | None = "read") -> Collection:
        collection: Collection = g.target.collection(endpoint)
        if scope:
            require(f"{collection.mapping.full.endpoint.lower()}:{scope}")
        return collection

    def who() -> Any:
        return caller(partial(observe_write, g.target.name))

    def writing() -> Writer:
        """Return what writes, or what only plans where request or target want no more."""
        return rehearsing if is_dry_run() or g.target.settings.mode == "shadow" else writer

    @scim.errorhandler(Planned)
    def planned(end: Planned) -> Response:
        return answer(end.plan)

    def body_for(collection: Collection) -> Callable[[], Any]:
        """Return what reads the body of a write, once the write has its record."""

        def read() -> Any:
            # What the answer cannot show must refuse the write, not follow it.
            projection_of(collection.mapping.full)
            g.body = read_body()
            return g.body

        return read

    def search_all(query_for: Callable[[ResourceType], Query]) -> Response:
        readable = [c for c in g.target.connector.collections.values() if may_read(c)]
        if not readable:
            raise forbidden(f"The token lacks every read scope on target {g.target.name}.")
        queries: list[tuple[Collection, Query]] = []
        problem: ScimError | None = None
        for collection in readable:
            try:
                queries.append((collection, query_for(collection.mapping.full)))
            except ScimError as error:
                # The attribute is unknown to this type; it may be known to another one.
                problem = error
        if not queries and problem is not None:
            raise problem
        return answer(reader.search_all(g.target, queries, base()))

    @scim.get("/")
    def search_root() -> Response:
        return search_all(query_of_url)

    @scim.post("/.search")
    def search_root_by_post() -> Response:
        body = read_body()
        return search_all(lambda resource_type: query_of(resource_type, body))

    @scim.get("/<endpoint>")
    def search(endpoint: str) -> Response:
        collection = collection_of(endpoint)
        query = query_of_url(collection.mapping.full)
        return answer(reader.search(g.target, collection, query, base()))

    @scim.post("/<endpoint>/.search")
    def search_by_post(endpoint: str) -> Response:
        collection = collection_of(endpoint)
        query = query_of(collection.mapping.full, read_body())
        return answer(reader.search(g.target, collection, query, base()))

    @scim.get("/<endpoint>/.explain")
    def explain(endpoint: str) -> Response:
        collection = collection_of(endpoint)
        return answer(reader.explain(g.target, collection, query_of_url(collection.mapping.full)))

    @scim.get("/<endpoint>/.export")
    def export(endpoint: str) -> Response:
        source = Source(reader, g.target, collection_of(endpoint), base(), audit)
        return serving.export(source, audit)

    @scim.get("/<endpoint>/<id>")
    def get(endpoint: str, id: str) -> Response:
        collection = collection_of(endpoint)
        projection = projection_of(collection.mapping.full) if request.args else DEFAULT
        wanted = costly_of(collection, projection)
        resource = reader.find(g.target, collection, id, wanted)
        version = reader.version(g.target, collection, resource)
        more = (wanted - collection.mapping.whole) | (OF_OTHERS & resource.keys())
        # What is shown beyond what the version covers may be new.
        if version and not more and condition_of().is_known(version):
            return Response(status=304, headers={"ETag": version})
        return shown(collection, resource, projection)

    @scim.post("/<endpoint>")
    def create(endpoint: str) -> Response:
        collection = collection_of(endpoint, None)
        made = writing().create(g.target, collection, who(), body_for(collection))
        return written(collection, made, 201)

    @scim.put("/<endpoint>/<id>")
    def replace(endpoint: str, id: str) -> Response:
        collection = collection_of(endpoint, None)
        body, condition = body_for(collection), condition_of()
        made = writing().replace(g.target, collection, who(), id, body, condition)
        return written(collection, made)

    @scim.patch("/<endpoint>/<id>")
    def patch(endpoint: str, id: str) -> Response:
        collection = collection_of(endpoint, None)
        body, condition = body_for(collection), condition_of()
        made = writing().patch(g.target, collection, who(), id, body, condition=condition)
        mapping = collection.mapping
        if mapping.whole - mapping.beside and projection_of(mapping.full) is DEFAULT:
            # The standard lets us choose; a full answer would cost further LMS calls.
            version = reader.version(g.target, collection, made)
            return no_content({"ETag": version} if version else None)
        return written(collection, made)

    def written(collection: Collection, made: dict[str, Any], status: int = 200) -> Response:
        full = collection.mapping.full
        projection = projection_of(full)
        collection.complete([made], costly_of(collection, projection) - made.keys())
        if asked := on_request(collection.mapping.resource_type, made):
            said = asked & said_in(full, g.body)
            projection = dataclasses.replace(projection, said=said)
        return shown(collection, made, projection, status)

    def shown(
        collection: Collection,
        resource: dict[str, Any],
        projection: Projection,
        status: int = 200,
    ) -> Response:
        """Answer with a resource, its version and, when it is new, its place."""
        headers = {}
        if version := reader.version(g.target, collection, resource):
            headers["ETag"] = version
        if status == 201:
            headers["Location"] = f"{base()}/{collection.mapping.full.endpoint}/{resource['id']}"
        body = reader.show(g.target, collection, resource, base(), projection)
        return answer(body, status, headers)

    @scim.delete("/<endpoint>/<id>")
    def delete(endpoint: str, id: str) -> Response:
        writing().delete(g.target, collection_of(endpoint, None), who(), id, condition_of())
        return no_content()

    @scim.post("/Users/<id>/.enable")
    def enable(id: str) -> Response:
        users = collection_of("Users", None)
        actions.set_active(writing(), g.target, users, who(), id, True)
        return no_content()

    @scim.post("/Users/<id>/.disable")
    def disable(id: str) -> Response:
        users = collection_of("Users", None)
        actions.set_active(writing(), g.target, users, who(), id, False)
        return no_content()

    @scim.post("/Users/<id>/.resetPassword")
    def reset_password(id: str) -> Response:
        users = collection_of("Users", None)
        made = actions.reset_password(writing(), g.target, users, who(), id, read_body)
        return no_content() if made is None else answer({"password": made})

    @scim.post("/Users/<id>/.validate")
    def validate(id: str) -> Response:
        users = collection_of("Users")
        body = read_optional_body()
        return answer(actions.validate_account(reader, g.target, users, id, body))

    @scim.post("/Users/.validate")
    def validate_new() -> Response:
        users = collection_of("Users")
        return answer(actions.validate_new(reader, g.target, users, read_body()))

    @scim.post("/Memberships/<id>/.transfer")
    def move(id: str) -> Response:
        memberships = collection_of("Memberships")
        made = transfer(reader, writing(), g.target, memberships, who(), id, read_body())
        return written(memberships, made, 201)

    @scim.route("/Me", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def me() -> Response:
        raise not_implemented("/Me is not supported: tokens belong to services, not to people.")

    add_bulk(scim, reader, writing, base, who)
    return scim


def _add_discovery(scim: Blueprint, base: Callable[[], str]) -> None:
    discovery.add_discovery(
        scim,
        base,
        lambda: discovery.service_provider_config(g.target, base()),
        lambda: discovery.resource_types(g.target),
        lambda: discovery.known_types(g.target),
    )

    @scim.get("/openapi.json")
    def openapi_document() -> Response:
        document = orjson.dumps(openapi(g.target, base()))
        return Response(document, content_type="application/json")


def may_read(collection: Collection) -> bool:
    """Tell whether the token of the request may read the collection."""
    scope = f"{collection.mapping.full.endpoint.lower()}:read"
    return bool(g.token.allows(g.target.name, scope))
