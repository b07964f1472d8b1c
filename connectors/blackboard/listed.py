"""Collections that Learn lists by itself: pages, searches and look-ups by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

from connectors.addresses import path_value
from connectors.base import Collection, Page, each_once
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.fields import ID, query_of
from connectors.flat import flat
from connectors.mapping import Mapping, Resource
from connectors.planning import Branch, Plan, plan
from schemas.errors import ScimError
from schemas.filters import Compare, parse_path
from schemas.match import compile_filter

MOST = 100
"""What Learn gives in one call of most lists."""


class Listed(Collection):
    """Resources at one path: `GET path` lists them, `GET path/{id}` shows one."""

    can_page = True

    def __init__(self, mapping: Mapping, client: BlackboardClient, path: str) -> None:
        self.mapping = mapping
        self._client = client
        self._path = path

    def page(self, plan: Plan, start: str, count: int) -> Page:
        branches = plan.searches
        if len(branches) != 1 or _is_lookup(branches[0]):
            united = {row["id"]: row for branch in branches for row in self._found(branch)}
            return Page(self._resources(united[id] for id in sorted(united, key=_number)))
        if start:
            rows, following = self._client.page(start)
        else:
            size = MOST if plan.residual or not count else min(count, MOST)
            try:
                rows, following = self._client.page(self._path, self._query(branches[0], size))
            except ScimError as error:
                if not is_refused_search(error, branches[0]):
                    raise
                rows, following = self._client.page(self._path, self._query((), MOST))
        return Page(self._resources(rows), following)

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(super().search(plan))

    def get(self, id: str) -> Resource | None:
        return self.shown(id) if ID.fullmatch(id) else None

    def shown(self, form: str) -> Resource | None:
        """Return the resource that a form of its id names, such as `userName:ann`."""
        row = self._client.get(f"{self._path}/{path_value(form)}")
        return None if row is None else self.mapping.to_scim(flat(row))

    def named(self, name: str, value: str) -> Resource | None:
        """Return the resource of that name, by its path form or else out of the whole list."""
        full = self.mapping.full
        node = Compare(parse_path(name, full), "eq", value)
        holds = compile_filter(node)
        for batch in self.search(plan(node, self.mapping)):
            for resource in batch:
                if holds(resource):
                    return resource
        return None

    def _found(self, branch: Branch) -> Iterator[dict[str, Any]]:
        if _is_lookup(branch):
            row = self._client.get(f"{self._path}/{path_value(branch[0].values[0])}")
            yield from [] if row is None else [row]
            return
        try:
            for rows in self._client.rows(self._path, self._query(branch, MOST)):
                yield from rows
        except ScimError as error:
            if not is_refused_search(error, branch):
                raise
            yield from self._found(())

    def _query(self, branch: Branch, size: int) -> dict[str, Any]:
        query: dict[str, Any] = {"limit": size, "sort": "created"}
        for condition in branch:
            query |= query_of(condition.push.parameter, condition.values[0])
        return query

    def _resources(self, rows: Iterable[dict[str, Any]]) -> list[Resource]:
        return [self.mapping.to_scim(flat(row)) for row in rows]


def is_refused_search(error: ScimError, conditions: Sized) -> bool:
    """Tell whether Learn refuses what is sought: a data source that it does not have, say.

    Then the list is read without conditions, for what they say is checked here anyway.
    """
    return error.status == 400 and len(conditions) > 0


def _is_lookup(branch: Branch) -> bool:
    return bool(branch) and branch[0].push.key


def _number(id: str) -> tuple[int, str]:
    return int(id.split("_")[1]), id
