"""One query over many targets: planned for each, asked side by side, answered as one list.

A target that fails is named in the answer, and the rest is delivered. Only when there is no rest
is the answer that target's error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from connectors.base import Collection
from connectors.side_by_side import side_by_side
from gateway.finding import Finder, Found
from gateway.qualified import prefix_of, qualified, specialised
from gateway.query import Query, list_response
from gateway.reading import Reader
from gateway.sorting import sorted_by
from gateway.targets import Target
from schemas.attributes import LMS, ResourceType
from schemas.errors import ScimError
from schemas.filters import EVERYTHING
from schemas.origin import ORIGIN

Resource = dict[str, Any]
R = TypeVar("R")

UNAVAILABLE = LMS + "Unavailable"
"""The schema of what a ListResponse says of targets that did not answer."""

_LEFT_OUT = "It failed on an earlier page of this order, and is left out since."


@dataclass(frozen=True, slots=True)
class Part:
    """What one target is asked: the query in its own words; `base` is its base URL."""

    target: Target
    collection: Collection
    query: Query
    base: str

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.target.name


@dataclass(frozen=True, slots=True)
class Window:
    """Some resources out of the order of all, as they are shown, and how many there are."""

    resources: list[Resource]
    total: int
    failures: dict[str, ScimError]


def parts_of(
    targets: Iterable[Target],
    resource_type: ResourceType,
    query: Query,
    base: Callable[[str], str],
) -> list[Part]:
    """Return what each target that has the type is asked: NOTHING where nothing can match."""
    parts = []
    by_target = query.sort_by is not None and query.sort_by.urn == ORIGIN.urn
    for target in targets:
        collection = target.connector.collections.get(resource_type.name)
        if collection is None:
            continue
        own = specialised(query.filter or EVERYTHING, target.name, resource_type)
        asked = replace(
            query,
            filter=None if own == EVERYTHING else own,
            sort_by=None if by_target else query.sort_by,
        )
        parts.append(Part(target, collection, asked, base(target.name)))
    return parts


class Across:
    """One query on the resources of one type in all the targets that parts are for.

    `query` is in the words of the root, and the type has the root's schemas. Each part is asked.
    """

    def __init__(
        self, reader: Reader, resource_type: ResourceType, parts: Sequence[Part], query: Query
    ) -> None:
        self._reader = reader
        self._type = resource_type
        self._parts = parts
        self._query = query

    def search(self) -> dict[str, Any]:
        """Return the ListResponse (RFC 7644 section 3.4.2, RFC 9865). Raises what all raise."""
        query = self._query
        if query.cursor is None or not query.limit:
            window = self._window(self._parts, max(query.start, 1) - 1, query.limit)
            return self._listed(window.resources, window.total, None, window.failures)
        if query.sort_by is not None:
            return self._ordered_page()
        return self._shared_page()

    def _shared_page(self) -> dict[str, Any]:
        """Return a page by cursor to which each target that has more gives its share.

        The cursor holds a place for each of them. A target that fails keeps its place, so that
        the page can be asked for again; it comes last, and ends the list with its error when it
        still fails after all others are read.
        """
        size, held = self._reader.cursors.place(self._query, self._key)
        places = {part.name: None for part in self._parts} if held is None else dict(held)
        parts = {part.name: part for part in self._parts}
        waiting = [name for name in places if name in parts]
        share, more = divmod(size, max(len(waiting), 1))
        shares = {name: share + (n < more) for n, name in enumerate(waiting)}

        def ask(part: Part) -> tuple[Found, list[Resource]]:
            query = replace(part.query, count=shares[part.name])
            found = self._finder(part).by_cursor(query, places[part.name])
            return found, self._shown(part, found.resources)

        asked = [parts[name] for name in waiting if shares[name]]
        answers, failures = _each(ask, asked)
        later = [name for name in waiting if not shares[name]]
        if not later:
            _refuse_if_none(answers, failures)
        follows = [[name, places[name]] for name in later]
        follows += [[name, found.next] for name, (found, _) in answers.items() if found.next]
        follows += [[name, places[name]] for name in failures]
        totals = [found.total for found, _ in answers.values()]
        whole = None if held is not None or later or None in totals else sum(filter(None, totals))
        cursor = self._reader.cursors.write(self._key, size, follows) if follows else None
        shown = [one for _, page in answers.values() for one in page]
        return self._listed(shown, whole, cursor, failures)

    def _ordered_page(self) -> dict[str, Any]:
        """Return a page by cursor out of the order of all resources together.

        A target that fails is left out of the pages that follow too, for it would shift them.
        """
        size, held = self._reader.cursors.place(self._query, self._key)
        first, names = held or [0, [part.name for part in self._parts]]
        window = self._window([part for part in self._parts if part.name in names], first, size)
        left = [name for name in names if name not in window.failures]
        last = first + size
        follows = [last, left] if last < window.total else None
        cursor = None if follows is None else self._reader.cursors.write(self._key, size, follows)
        gone = (part.name for part in self._parts if part.name not in names)
        failures = {name: ScimError(503, _LEFT_OUT) for name in gone} | window.failures
        return self._listed(window.resources, window.total, cursor, failures)

    def _window(self, parts: Sequence[Part], first: int, count: int) -> Window:
        """Return `count` resources from the 0-based `first` on: target by target, or in order.

        Each target gives as many of its first as could be in the page.
        """

        def find(part: Part) -> Found:
            return self._finder(part).first(part.query, first + count)

        return self._cut(*_each(find, parts), first, count)

    def _cut(
        self,
        found: dict[str, Found],
        failures: dict[str, ScimError],
        first: int,
        count: int,
    ) -> Window:
        """Return the window out of what was found; without the targets that fail to show theirs."""
        _refuse_if_none(found, failures)
        merged = [
            qualified(resource, name, self._type)
            for name, own in found.items()
            for resource in own.resources
        ]
        if self._query.sort_by is not None:
            merged = sorted_by(self._query.sort_by, self._query.descending, merged)
        ids = [resource["id"] for resource in merged[first : first + count]]
        wanted = frozenset(ids)

        def show(part: Part) -> list[Resource]:
            own, prefix = found[part.name].resources, prefix_of(part.name)
            return self._shown(part, [one for one in own if prefix + one["id"] in wanted])

        shown, late = _each(show, [part for part in self._parts if part.name in found])
        if late:
            left = {name: own for name, own in found.items() if name not in late}
            return self._cut(left, failures | late, first, count)
        by_id = {one["id"]: one for page in shown.values() for one in page}
        total = sum(own.total or 0 for own in found.values())
        return Window([by_id[id] for id in ids], total, failures)

    def _finder(self, part: Part) -> Finder:
        return self._reader.finder(part.target, part.collection, part.base)

    def _shown(self, part: Part, resources: list[Resource]) -> list[Resource]:
        if not resources:
            return []
        projection = self._query.projection
        page = self._reader.show_all(part.target, part.collection, resources, part.base, projection)
        return [qualified(one, part.name, self._type) for one in page]

    @property
    def _key(self) -> str:
        return f"{self._type.name}|{self._query.walk_key}"

    def _listed(
        self,
        resources: list[Resource],
        total: int | None,
        cursor: str | None,
        failures: dict[str, ScimError],
    ) -> dict[str, Any]:
        """Return the ListResponse, with the targets that failed by name."""
        answer = list_response(self._query, total, resources, cursor)
        if failures:
            answer["schemas"].append(UNAVAILABLE)
            answer[UNAVAILABLE] = {
                "detail": "These targets did not answer: totalResults and Resources are without "
                "theirs.",
                "unavailable": [
                    {"target": name, "status": str(error.status), "detail": error.detail}
                    for name, error in failures.items()
                ],
            }
        return answer


def explained(parts: Iterable[Part]) -> dict[str, Any]:
    """Return the plan of each target in words and figures; makes no call."""
    return {"plans": [Reader.explain(part.target, part.collection, part.query) for part in parts]}


def _each(
    ask: Callable[[Part], R], parts: Sequence[Part]
) -> tuple[dict[str, R], dict[str, ScimError]]:
    """Ask all side by side; return the answers and the errors by the names of their targets.

    A cursor that has expired is no failure of a target: 400 is raised for it.
    """

    def outcome(part: Part) -> R | ScimError:
        try:
            return ask(part)
        except ScimError as error:
            if error.scim_type == "expiredCursor":
                raise
            return error

    outcomes = side_by_side(outcome, parts, len(parts))
    answers: dict[str, R] = {}
    failures: dict[str, ScimError] = {}
    for part, one in zip(parts, outcomes, strict=True):
        if isinstance(one, ScimError):
            failures[part.name] = one
        else:
            answers[part.name] = one
    return answers, failures


def _refuse_if_none(answers: dict[str, R], failures: dict[str, ScimError]) -> None:
    """Raise the first error when nobody has answered."""
    if failures and not answers:
        raise next(iter(failures.values()))
