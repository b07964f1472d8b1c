"""Sources: a collection as exports read it, part by part, from a place on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from connectors.base import Collection
from connectors.planning import Plan, plan
from gateway.audit import AuditLog
from gateway.query import Query
from gateway.reading import Reader
from gateway.targets import Target
from schemas.errors import ScimError
from schemas.filters import Filter

Resource = dict[str, Any]

_AT_ONCE = 200
"""How many resources are completed and shown together."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of what a query finds, as SCIM shows it.

    `next` is where the reading goes on, "" where only reading from the beginning finds the rest.
    `total` is how many resources are looked at in all, None where the LMS does not tell, and
    `stamp` the newest `meta.lastModified` among these, "" where there is none.
    """

    resources: list[Resource]
    next: str = ""
    total: int | None = None
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One collection of a target; `base` is the target's base URL, for references."""

    reader: Reader
    target: Target
    collection: Collection
    base: str
    audit: AuditLog

    def parts(self, query: Query, start: str = "", changed: Plan | None = None) -> Iterator[Part]:
        """Yield all that a query finds, from a `next` on that an earlier reading has given.

        `changed` is the plan of a collection for what has changed, in place of the query's own. A
        place that the LMS does not know any more means from the beginning. A resource may come
        twice: lists move while they are read.
        """
        planned = changed or plan(query.filter, self.collection.mapping)
        found = self._parts(query, planned, start)
        if start:
            try:
                first = next(found, None)
            except ScimError as error:
                if error.status >= 500:
                    raise
                return self._parts(query, planned, "")
            return found if first is None else chain([first], found)
        return found

    def among(self, query: Query, ids: Sequence[str]) -> list[Resource]:
        """Return those of the resources that exist and that the query would find, as shown."""
        if self.collection.can_fetch:
            held = self.collection.fetch(ids)
        else:
            held = [one for id in ids if (one := self.collection.get(id)) is not None]
        return self._shown(query, held, query.filter)

    @property
    def has_stamps(self) -> bool:
        """Whether resources show when they were changed last."""
        return any(str(row.path) == "meta.lastModified" for row in self.collection.mapping.rows)

    def deleted(self, ids: Sequence[str]) -> set[str]:
        """Return those of the resources that were deleted here, whether the LMS has them or not."""
        return self.audit.deleted(self.target.name, self.collection.mapping.full.name, ids)

    def _parts(self, query: Query, planned: Plan, start: str) -> Iterator[Part]:
        for batch, following, total in self._batches(planned, start):
            for first in range(0, max(len(batch), 1), _AT_ONCE):
                some = batch[first : first + _AT_ONCE]
                is_last = first + _AT_ONCE >= len(batch)
                stamp = max(map(_stamp, some), default="")
                shown = self._shown(query, some, planned.residual)
                yield Part(shown, following if is_last else start, total, stamp)
            start = following

    def _batches(
        self, planned: Plan, start: str
    ) -> Iterator[tuple[Sequence[Resource], str, int | None]]:
        """Yield what the LMS gives, the place after it, and how much there is in all."""
        if not self.collection.can_page:
            for batch in self.collection.stream(planned):
                yield batch, "", None
            return
        while True:
            page = self.collection.page(planned, start, 0)
            yield page.resources, page.next, None
            if not (start := page.next):
                return

    def _shown(
        self, query: Query, held: Sequence[Resource], residual: Filter | None
    ) -> list[Resource]:
        finder = self.reader.finder(self.target, self.collection, self.base)
        matching = list(finder.matching(held, residual))
        return self.reader.show_all(
            self.target, self.collection, matching, self.base, query.projection
        )


def _stamp(resource: Resource) -> str:
    return str(resource.get("meta", {}).get("lastModified", ""))
