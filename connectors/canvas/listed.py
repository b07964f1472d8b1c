"""Collections that Canvas lists by itself: pages, searches and look-ups by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.addresses import path_value
from connectors.base import Collection, Page, each_once
from connectors.canvas.client import MOST, CanvasClient
from connectors.canvas.fields import ID
from connectors.mapping import Mapping as Fields
from connectors.mapping import Resource
from connectors.planning import Branch, Plan

Row = dict[str, Any]


class Listed(Collection):
    """Resources with a list at one path and each at another: `one`/7.

    `listing` and `showing` are the queries that ask for everything that the mapping reads.
    """

    can_page = True

    one: str
    every: str
    listing: Mapping[str, Any]
    showing: Mapping[str, Any]

    def __init__(self, mapping: Fields, client: CanvasClient) -> None:
        self.mapping = mapping
        self._client = client

    def resource(self, row: Row) -> Resource | None:
        """Return the resource of a row, or None when it stands for none."""
        return self.mapping.to_scim({**row, "id": str(row["id"])})

    def page(self, plan: Plan, start: str, count: int) -> Page:
        branches = plan.searches
        if len(branches) != 1 or _is_lookup(branches[0]):
            united = {row["id"]: row for branch in branches for row in self._found(branch)}
            return Page(self._resources(united[id] for id in sorted(united)))
        size = MOST if plan.residual or not count else min(count, MOST)
        rows, following = (
            self._client.page(start)
            if start
            else self._client.page(self.every, self._query(branches[0], size))
        )
        return Page(self._resources(rows), following)

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(super().search(plan))

    def get(self, id: str) -> Resource | None:
        return self.shown(id) if ID.fullmatch(id) else None

    def shown(self, form: str) -> Resource | None:
        """Return the resource that a form of its id names, such as `sis_login_id:ann`."""
        row = self._row(form)
        return None if row is None else self.resource(row)

    def _row(self, form: str) -> Row | None:
        return self._client.get(f"{self.one}/{path_value(form)}", self.showing)

    def _found(self, branch: Branch) -> Iterator[Row]:
        if _is_lookup(branch):
            row = self._row(branch[0].values[0])
            yield from [] if row is None else [row]
            return
        for rows in self._client.rows(self.every, self._query(branch, MOST)):
            yield from rows

    def _query(self, branch: Branch, size: int) -> dict[str, Any]:
        given = {condition.push.parameter: condition.values[0] for condition in branch}
        return {**self.listing, "per_page": size, **given}

    def _resources(self, rows: Iterable[Row]) -> list[Resource]:
        return [found for found in map(self.resource, rows) if found is not None]


def _is_lookup(branch: Branch) -> bool:
    return bool(branch) and branch[0].push.key
