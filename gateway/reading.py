"""Reading: how a query becomes the fewest LMS calls, a page and a total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.base import Collection
from connectors.planning import plan
from gateway.cursors import Cursors, Place
from gateway.finding import Finder
from gateway.query import Query, list_response
from gateway.representation import represent
from gateway.targets import Target
from gateway.tombstones import Tombstones
from gateway.versions import version_of
from gateway.walks import Walks
from schemas.errors import not_found_resource
from schemas.projection import DEFAULT, Projection, project

Resource = dict[str, Any]


class Reader:
    """The reads of all targets."""

    def __init__(self, tombstones: Tombstones, walks: Walks, cursors: Cursors) -> None:
        self._tombstones = tombstones
        self._walks = walks
        self.cursors = cursors

    def is_deleted(self, target: Target, collection: Collection, id: str) -> bool:
        """Tell whether the resource is still in the LMS but gone for SCIM."""
        return self._tombstones.has(target.name, collection.mapping.full.name, id)

    def find(
        self,
        target: Target,
        collection: Collection,
        id: str,
        wanted: frozenset[str],
        known: Resource | None = None,
    ) -> Resource:
        """Return one resource as its collection gives it, or raise 404; it may be `known`."""
        name = collection.mapping.full.name
        resource = None
        if not self._tombstones.has(target.name, name, id):
            resource = known or collection.get(id)
        if resource is None:
            raise not_found_resource(name, id)
        collection.complete([resource], wanted)
        return resource

    def existing(self, target: Target, ids: set[str]) -> set[str]:
        """Return those of the ids that are users or groups and not deleted."""
        found: set[str] = set()
        for name in ("User", "Group"):
            collection = target.connector.collections.get(name)
            left = [id for id in ids if id not in found]
            if collection is None or not left:
                continue
            if collection.can_fetch:
                found |= {resource["id"] for resource in collection.fetch(left)}
            else:
                found |= {id for id in left if collection.get(id) is not None}
            found -= self._tombstones.among(target.name, name, found)
        return found

    def show(
        self,
        target: Target,
        collection: Collection,
        resource: Resource,
        base: str,
        projection: Projection = DEFAULT,
    ) -> Resource:
        """Return a resource as clients see it."""
        self._tombstones.hide_members(target.name, [resource])
        resource_type = collection.mapping.resource_type
        return project(projection, resource_type, represent(collection.mapping, resource, base))

    def version(self, target: Target, collection: Collection, resource: Resource) -> str | None:
        """Return the version of a resource; None where further LMS calls would be needed."""
        resource = dict(resource)
        self._tombstones.hide_members(target.name, [resource])
        return version_of(collection.mapping, resource)

    def search(
        self, target: Target, collection: Collection, query: Query, base: str
    ) -> dict[str, Any]:
        """Return the ListResponse of a query (RFC 7644 section 3.4.2, RFC 9865)."""
        finder = self.finder(target, collection, base)
        if query.cursor is None or not query.limit:
            found = finder.by_index(query)
            resources = self.show_all(target, collection, found.resources, base, query.projection)
            return list_response(query, found.total, resources)
        key = _cursor_key(target, collection, query)
        size, place = self.cursors.place(query, key)
        query = replace(query, count=size)
        found = finder.by_cursor(query, place)
        resources = self.show_all(target, collection, found.resources, base, query.projection)
        follows = None if found.next is None else self.cursors.write(key, size, found.next)
        return list_response(query, found.total, resources, follows)

    def search_all(
        self, target: Target, queries: Sequence[tuple[Collection, Query]], base: str
    ) -> dict[str, Any]:
        """Return the ListResponse of one query on several types (RFC 7644 section 3.4.2.1).

        The types follow one another; a sort order holds within each.
        """
        first = queries[0][1]
        if first.cursor is not None and first.limit:
            return self._search_all_by_cursor(target, queries, base)
        total = 0
        resources: list[Resource] = []
        for collection, query in queries:
            part = replace(
                query,
                start=max(max(query.start, 1) - total, 1),
                count=query.limit - len(resources),
            )
            found = self.finder(target, collection, base).by_index(part)
            total += found.total or 0
            resources += self.show_all(target, collection, found.resources, base, part.projection)
        return list_response(first, total, resources)

    def _search_all_by_cursor(
        self, target: Target, queries: Sequence[tuple[Collection, Query]], base: str
    ) -> dict[str, Any]:
        key = "|".join(_cursor_key(target, collection, query) for collection, query in queries)
        first = queries[0][1]
        size, place = self.cursors.place(first, key)
        number, inner = place or [0, None]
        resources: list[Resource] = []
        follows: Place | None = None
        while number < len(queries):
            collection, query = queries[number]
            part = replace(query, count=size - len(resources))
            found = self.finder(target, collection, base).by_cursor(part, inner)
            resources += self.show_all(target, collection, found.resources, base, part.projection)
            number, inner = (number + 1, None) if found.next is None else (number, found.next)
            follows = [number, inner] if number < len(queries) else None
            if inner is not None or len(resources) >= size:
                break
        total = len(resources) if place is None and follows is None else None
        written = None if follows is None else self.cursors.write(key, size, follows)
        return list_response(first, total, resources, written)

    def finder(self, target: Target, collection: Collection, base: str) -> Finder:
        """Return what finds resources of a collection."""
        return Finder(self._tombstones, self._walks, target, collection, base)

    def show_all(
        self,
        target: Target,
        collection: Collection,
        resources: list[Resource],
        base: str,
        projection: Projection = DEFAULT,
    ) -> list[Resource]:
        """Return resources as clients see them, in as few further calls as possible."""
        collection.complete(resources, costly_of(collection, projection))
        return [self.show(target, collection, one, base, projection) for one in resources]

    @staticmethod
    def explain(target: Target, collection: Collection, query: Query) -> dict[str, Any]:
        """Return the plan of a query in words and figures; makes no LMS call.

        The estimate is a minimum where a list is read, for nobody knows how many pages or courses
        it takes, and where what is shown takes calls of its own.
        """
        planned = plan(query.filter, collection.mapping)
        branches = planned.branches
        completes = branches != () and bool(costly_of(collection, query.projection))
        return {
            "target": target.name,
            "resourceType": collection.mapping.full.name,
            "filter": None if query.filter is None else str(query.filter),
            "plan": planned.explain(),
            "nativeCalls": [
                {
                    "call": branch[0].push.call,
                    "parameters": [
                        {"name": c.push.parameter, "values": list(c.values)} for c in branch
                    ],
                }
                for branch in branches or ()
            ],
            "residual": None if planned.residual is None else str(planned.residual),
            "readsEverything": branches is None,
            "estimatedCalls": (1 if branches is None else len(branches)) + completes,
            "estimateIsMinimum": completes or not planned.is_lookup,
        }


def costly_of(collection: Collection, projection: Projection) -> frozenset[str]:
    """Return the costly attributes that a projection shows."""
    costly = collection.mapping.costly.items()
    return frozenset(name for name, asked in costly if projection.wants(name, asked=asked))


def _cursor_key(target: Target, collection: Collection, query: Query) -> str:
    return f"{target.name}|{collection.mapping.full.name}|{query.walk_key}"
