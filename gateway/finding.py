"""Finding: the page of a query, out of what the LMS's own queries give.

The first page of a query reads anew. Where the LMS cannot page, the ids found then are kept, and
each page that follows is one call by ids.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Collection
from connectors.planning import Plan, plan
from gateway.cursors import Place, expired
from gateway.query import Query
from gateway.representation import represent
from gateway.sorting import sorted_by
from gateway.targets import Target
from gateway.tombstones import Tombstones
from gateway.walks import Walks
from schemas.errors import too_many
from schemas.filters import Filter, attribute_names
from schemas.match import compile_filter
from schemas.paths import Path

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A page; `total` is None where nobody knows it, `next` where the next page begins."""

    resources: list[Resource]
    total: int | None
    next: Place | None = None


class Finder:
    """The queries on one target's one collection; `base` is always the target's base URL."""

    def __init__(
        self,
        tombstones: Tombstones,
        walks: Walks,
        target: Target,
        collection: Collection,
        base: str,
    ) -> None:
        self._tombstones = tombstones
        self._walks = walks
        self._target = target
        self._collection = collection
        self._type = collection.mapping.full.name
        self._base = base

    def by_index(self, query: Query) -> Found:
        """Return the page that begins at `startIndex` (RFC 7644 section 3.4.2.4)."""
        collection = self._collection
        if query.start > 1 and query.limit and collection.can_fetch:
            kept = self._kept_page(query, query.walk_key, query.start)
            if kept is not None:
                return kept
        found, ids = self._walk(query, max(query.start, 1) - 1, query.limit)
        if collection.can_fetch and query.limit and len(ids) > query.limit:
            self._walks.keep(self._target.name, self._type, query.walk_key, ids)
        return found

    def first(self, query: Query, count: int) -> Found:
        """Return so many of the first in the query's order, whatever its page, and the total."""
        return self._walk(query, 0, count)[0]

    def by_cursor(self, query: Query, place: Place | None) -> Found:
        """Return the page at a place, and the place of the next one (RFC 9865).

        A page costs the native calls that it needs, and none looks at more than `max_scan`.
        """
        if self._collection.can_page and query.sort_by is None:
            return self._native_page(query, place or ["page", "", 0])
        if place is not None and place[0] == "walk":
            _, key, start = place
            kept = self._kept_page(query, key, start)
            if kept is None:
                raise expired()
            follows = start + query.limit
            is_last = follows > (kept.total or 0)
            return replace(kept, next=None if is_last else ["walk", key, follows])
        first = place[1] if place is not None else 0
        found, ids = self._walk(query, first, query.limit)
        follows = first + len(found.resources)
        if follows >= len(ids):
            return found
        key = uuid.uuid4().hex
        if self._collection.can_fetch and self._walks.keep(self._target.name, self._type, key, ids):
            return replace(found, next=["walk", key, follows + 1])
        return replace(found, next=["offset", follows])

    def _native_page(self, query: Query, place: Place) -> Found:
        _, start, skip = place
        is_first = not start and not skip
        planned = plan(query.filter, self._collection.mapping)
        page: list[Resource] = []
        read = 0
        while True:
            batch = self._collection.page(planned, start, query.limit)
            read += len(batch.resources)
            matches = list(self.matching(batch.resources[skip:], planned.residual))
            room = query.limit - len(page)
            page += matches[:room]
            if len(matches) > room:
                ids = [resource["id"] for resource in batch.resources]
                return Found(page, None, ["page", start, ids.index(matches[room]["id"])])
            if not batch.next:
                return Found(page, len(page) if is_first else None)
            start, skip = batch.next, 0
            if len(page) == query.limit or read >= self._target.settings.max_scan:
                return Found(page, None, ["page", start, 0])

    def _kept_page(self, query: Query, key: str, start: int) -> Found | None:
        """Return a page that follows one already given, read by its ids in one call.

        What was deleted or does not match any more is left out; the places of the others stay.
        """
        kept = self._walks.page(self._target.name, self._type, key, start, query.limit)
        if kept is None:
            return None
        total, ids = kept
        if not ids:
            return Found([], total)
        hidden = self._tombstones.among(self._target.name, self._type, ids)
        found = self._collection.fetch([id for id in ids if id not in hidden])
        return Found(list(self._holding(found, query.filter, None)), total)

    def _walk(self, query: Query, first: int, count: int) -> tuple[Found, list[str]]:
        """Read everything; return `count` from the 0-based `first` on, and the ids of all."""
        found = self._matches(query)
        if query.sort_by is not None:
            found = iter(sorted_by(query.sort_by, query.descending, list(found)))
        last = first + count
        ids: list[str] = []
        page: list[Resource] = []
        for resource in found:
            if first <= len(ids) < last:
                page.append(resource)
            ids.append(resource["id"])
        return Found(page, len(ids)), ids

    def _matches(self, query: Query) -> Iterator[Resource]:
        """Yield what fulfils the filter, out of what the native calls give."""
        planned = plan(query.filter, self._collection.mapping)
        read = 0
        for batch in self._collection.search(planned):
            read += len(batch)
            self._refuse_too_many(read, planned)
            yield from self.matching(batch, planned.residual, query.sort_by)

    def matching(
        self, batch: Sequence[Resource], residual: Filter | None, sort_by: Path | None = None
    ) -> Iterator[Resource]:
        """Yield what fulfils the filter and is not deleted, with what filter and order look at."""
        hidden = self._tombstones.all(self._target.name, self._type)
        left = [resource for resource in batch if resource["id"] not in hidden]
        return self._holding(left, residual, sort_by)

    def _refuse_too_many(self, read: int, planned: Plan) -> None:
        most = self._target.settings.max_scan
        if read > most:
            raise too_many(
                f"More than {most} resources would have to be read. {planned.explain()} "
                "Ask for less, page by cursor, or raise max_scan of the target."
            )

    def _holding(
        self, resources: list[Resource], filter: Filter | None, sort_by: Path | None
    ) -> Iterator[Resource]:
        """Yield the resources that fulfil the filter, with what filter and order look at."""
        mapping = self._collection.mapping
        names = set(attribute_names(filter))
        if sort_by is not None:
            names |= {sort_by.name, f"{sort_by.name}.{sort_by.sub}"}
        if "meta.version" in names:
            names |= mapping.whole
        self._collection.complete(resources, frozenset(names & mapping.costly.keys()))
        if "members" in names:
            self._tombstones.hide_members(self._target.name, resources)
        if filter is None:
            yield from resources
            return
        holds = compile_filter(filter)
        is_shown = any(n in ("schemas", "meta") or n.endswith(".$ref") for n in names)
        for resource in resources:
            if holds(represent(mapping, resource, self._base) if is_shown else resource):
                yield resource
