"""Reading: how a query becomes the fewest LMS calls, a page and a total."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Collection
from connectors.planning import Plan, plan
from gateway.representation import represent
from gateway.targets import Target
from gateway.tombstones import Tombstones
from gateway.versions import version_of
from gateway.walks import Walks
from schemas.errors import not_found_resource, too_many
from schemas.filters import Filter, attribute_names
from schemas.match import comparable, compile_filter
from schemas.messages import LIST_RESPONSE
from schemas.paths import Path
from schemas.projection import DEFAULT, Projection, project

DEFAULT_COUNT = 100
MAX_COUNT = 1000

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """What a list request asks for; `start` is 1-based, `count` None means the default.

    Each `actor` has walks of its own: another one's new walk does not shift the pages of this one.
    """

    filter: Filter | None = None
    start: int = 1
    count: int | None = None
    sort_by: Path | None = None
    descending: bool = False
    projection: Projection = DEFAULT
    actor: str = ""

    @property
    def limit(self) -> int:
        """Return how many resources the page holds at most (RFC 7644 section 3.4.2.4)."""
        return min(max(DEFAULT_COUNT if self.count is None else self.count, 0), MAX_COUNT)

    @property
    def walk_key(self) -> str:
        """Return what tells this query's order of ids from that of another one."""
        return f"{self.actor}|{self.filter}|{self.sort_by}|{self.descending}"


class Reader:
    """The reads of all targets."""

    def __init__(self, tombstones: Tombstones, walks: Walks) -> None:
        self._tombstones = tombstones
        self._walks = walks

    def is_deleted(self, target: Target, collection: Collection, id: str) -> bool:
        """Tell whether the resource is still in the LMS but gone for SCIM."""
        return self._tombstones.has(target.name, collection.mapping.full.name, id)

    def find(
        self, target: Target, collection: Collection, id: str, wanted: frozenset[str]
    ) -> Resource:
        """Return one resource as its collection gives it, or raise 404."""
        name = collection.mapping.full.name
        resource = None
        if not self._tombstones.has(target.name, name, id):
            resource = collection.get(id)
        if resource is None:
            raise not_found_resource(name, id)
        collection.complete([resource], wanted)
        return resource

    def show(
        self,
        target: Target,
        collection: Collection,
        resource: Resource,
        base: str,
        projection: Projection = DEFAULT,
    ) -> Resource:
        """Return a resource as clients see it."""
        self._hide_deleted(target, [resource])
        resource_type = collection.mapping.resource_type
        return project(projection, resource_type, represent(collection.mapping, resource, base))

    def version(self, target: Target, collection: Collection, resource: Resource) -> str | None:
        """Return the version of a resource; None where further LMS calls would be needed."""
        resource = dict(resource)
        self._hide_deleted(target, [resource])
        return version_of(collection.mapping, resource)

    def search(
        self, target: Target, collection: Collection, query: Query, base: str
    ) -> dict[str, Any]:
        """Return the ListResponse of a query (RFC 7644 section 3.4.2)."""
        planned = plan(query.filter, collection.mapping)
        total, page = self._kept_page(target, collection, query, base) or self._walk(
            target, collection, query, planned, base
        )
        collection.complete(page, costly_of(collection, query.projection))
        answer: dict[str, Any] = {
            "schemas": [LIST_RESPONSE],
            "totalResults": total,
            "startIndex": max(query.start, 1),
            "itemsPerPage": len(page),
        }
        if total and query.limit:
            answer["Resources"] = [
                self.show(target, collection, resource, base, query.projection) for resource in page
            ]
        return answer

    def search_all(
        self, target: Target, queries: Sequence[tuple[Collection, Query]], base: str
    ) -> dict[str, Any]:
        """Return the ListResponse of one query on several types (RFC 7644 section 3.4.2.1).

        The types follow one another; a sort order holds within each.
        """
        total = 0
        resources: list[Resource] = []
        for collection, query in queries:
            part = replace(
                query,
                start=max(max(query.start, 1) - total, 1),
                count=query.limit - len(resources),
            )
            found = self.search(target, collection, part, base)
            total += found["totalResults"]
            resources += found.get("Resources", [])
        first = queries[0][1]
        answer: dict[str, Any] = {
            "schemas": [LIST_RESPONSE],
            "totalResults": total,
            "startIndex": max(first.start, 1),
            "itemsPerPage": len(resources),
        }
        if total and first.limit:
            answer["Resources"] = resources
        return answer

    @staticmethod
    def explain(target: Target, collection: Collection, query: Query) -> dict[str, Any]:
        """Return the plan of a query in words and figures; makes no LMS call."""
        planned = plan(query.filter, collection.mapping)
        branches = planned.branches
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
            "estimatedCalls": (1 if branches is None else len(branches))
            + (1 if branches != () and costly_of(collection, query.projection) else 0),
        }

    def _kept_page(
        self, target: Target, collection: Collection, query: Query, base: str
    ) -> tuple[int, list[Resource]] | None:
        """Return a page that follows one already given, read by its ids in one call.

        The first page always reads anew, so that a new import sees what is new. What was deleted
        or does not match any more is left out; the places of the others stay.
        """
        if query.start <= 1 or not query.limit or not collection.can_fetch:
            return None
        name = collection.mapping.full.name
        kept = self._walks.page(target.name, name, query.walk_key, query.start, query.limit)
        if kept is None:
            return None
        total, ids = kept
        if not ids:
            return total, []
        hidden = self._tombstones.among(target.name, name, ids)
        found = collection.fetch([id for id in ids if id not in hidden])
        return total, list(self._holding(target, collection, query.filter, None, found, base))

    def _walk(
        self,
        target: Target,
        collection: Collection,
        query: Query,
        planned: Plan,
        base: str,
    ) -> tuple[int, list[Resource]]:
        found = self._matches(target, collection, query, planned, base)
        first = max(query.start, 1) - 1
        last = first + query.limit
        ids: list[str] = []
        page: list[Resource] = []
        if query.sort_by is not None:
            found = iter(sorted_by(query.sort_by, query.descending, list(found)))
        for resource in found:
            if first <= len(ids) < last:
                page.append(resource)
            ids.append(resource["id"])
        if collection.can_fetch and query.limit and len(ids) > query.limit:
            self._walks.keep(target.name, collection.mapping.full.name, query.walk_key, ids)
        return len(ids), page

    def _matches(
        self,
        target: Target,
        collection: Collection,
        query: Query,
        planned: Plan,
        base: str,
    ) -> Iterator[Resource]:
        """Yield what fulfils the filter, out of what the native calls give."""
        mapping = collection.mapping
        hidden = self._tombstones.all(target.name, mapping.full.name)
        read = 0
        for batch in collection.search(planned):
            read += len(batch)
            if read > target.settings.max_scan:
                raise too_many(
                    f"More than {target.settings.max_scan} resources would have to be read. "
                    f"{planned.explain()} Ask for less, or raise max_scan of the target."
                )
            left = [resource for resource in batch if resource["id"] not in hidden]
            yield from self._holding(
                target, collection, planned.residual, query.sort_by, left, base
            )

    def _holding(
        self,
        target: Target,
        collection: Collection,
        filter: Filter | None,
        sort_by: Path | None,
        resources: list[Resource],
        base: str,
    ) -> Iterator[Resource]:
        """Yield the resources that fulfil the filter, with what filter and order look at."""
        mapping = collection.mapping
        names = set(attribute_names(filter))
        if sort_by is not None:
            names |= {sort_by.name, f"{sort_by.name}.{sort_by.sub}"}
        if "meta.version" in names:
            names |= mapping.whole
        collection.complete(resources, frozenset(names & mapping.costly.keys()))
        if "members" in names:
            self._hide_deleted(target, resources)
        if filter is None:
            yield from resources
            return
        holds = compile_filter(filter)
        is_shown = bool(names & {"schemas", "meta"})
        for resource in resources:
            if holds(represent(mapping, resource, base) if is_shown else resource):
                yield resource

    def _hide_deleted(self, target: Target, resources: list[Resource]) -> None:
        """Take the members out that are gone for SCIM, though the LMS still has them."""
        if not any(resource.get("members") for resource in resources):
            return
        if hidden := self._tombstones.all(target.name, "User"):
            for resource in resources:
                members = resource.get("members") or []
                resource["members"] = [m for m in members if m.get("value") not in hidden]


def costly_of(collection: Collection, projection: Projection) -> frozenset[str]:
    """Return the costly attributes that a projection shows."""
    costly = collection.mapping.costly.items()
    return frozenset(name for name, asked in costly if projection.wants(name, asked=asked))


def sorted_by(path: Path, descending: bool, resources: list[Resource]) -> list[Resource]:
    """Return the resources in order; those without value come last, and first when descending.

    Of several values the primary one counts, else the first (RFC 7644 section 3.4.2.3).
    """
    if path.sub is None and path.attribute.type == "complex":
        value = path.attribute.sub("value")
        if value is not None:
            path = Path(path.urn, path.name, "value", attribute=path.attribute, sub_attribute=value)
    with_value: list[tuple[Any, Resource]] = []
    without: list[Resource] = []
    for resource in resources:
        key = _sort_key(path, resource)
        if key is None or isinstance(key, dict):
            without.append(resource)
        else:
            with_value.append((key, resource))
    with_value.sort(key=lambda pair: pair[0], reverse=descending)
    ordered = [resource for _, resource in with_value]
    return without + ordered if descending else ordered + without


def _sort_key(path: Path, resource: Resource) -> Any:
    holder = resource.get(path.urn, {}) if path.urn else resource
    held = holder.get(path.name)
    if isinstance(held, list) and held and isinstance(held[0], dict):
        chosen = next((item for item in held if item.get("primary")), held[0])
        resource = {path.urn: {path.name: [chosen]}} if path.urn else {path.name: [chosen]}
    value = next(path.values(resource), None)
    return None if value is None else comparable(path.leaf, value)
