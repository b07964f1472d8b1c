"""Logins of users: what alone tells who is suspended, read in as few calls as can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from connectors.canvas.client import ROOT, CanvasClient
from connectors.canvas.reports import Reports
from connectors.mapping import Resource
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from schemas.errors import not_found_resource

KNOWN = frozenset({"active", "userType"})
"""The attributes that only logins have."""

_AT_ONCE = 4
_TYPE = "declared_user_type"


class Logins:
    """The logins of a site; a search through more than `few` users asks for a report."""

    def __init__(self, client: CanvasClient, reports: Reports, few: int) -> None:
        self._client = client
        self._reports = reports
        self._few = few

    def fill(self, users: Sequence[Resource]) -> None:
        """Fill in what logins say of users, in a call for each who does not have it yet."""
        lacking = [user for user in users if "active" not in user]
        for user, rows in zip(lacking, side_by_side(self._of, lacking, _AT_ONCE), strict=True):
            _fill(user, rows)

    def filled(
        self, batches: Iterator[Sequence[Resource]], wanted: frozenset[str]
    ) -> Iterator[Sequence[Resource]]:
        """Yield users with what logins say, by one report where they are many.

        Who is not in the report, because he came later, has it not: `fill` does it.
        """
        first: list[Resource] = []
        for batch in batches:
            first += batch
            if len(first) > self._few:
                break
        else:
            yield first
            return
        known = self._known(wanted)
        for users in chain([first], batches):
            for user in users:
                if rows := known.get(user["id"]):
                    _fill(user, rows)
            yield users

    def shown(self, user: Resource) -> dict[str, Any]:
        """Return the login that stands for a user. Raises 404 when it is there no more."""
        rows = self._of(user)
        if not rows:
            raise not_found_resource("User", user["id"])
        return _shown(user, rows)

    def change(self, ticket: Ticket, user: Resource, values: dict[str, Any]) -> None:
        """Change the login that stands for a user."""
        id = self.shown(user)["id"]
        self._client.send(ticket, "PUT", f"{ROOT}/logins/{id}", {"login": values})

    def _of(self, user: Resource) -> list[dict[str, Any]]:
        return [row for rows in self._client.rows(f"users/{user['id']}/logins") for row in rows]

    def _known(self, wanted: frozenset[str]) -> dict[str, list[dict[str, Any]]]:
        rows = self._reports.logins() or []
        if rows and "userType" in wanted and _TYPE not in rows[0]:
            return {}
        known: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            login = {
                "unique_id": row.get("login_id"),
                "workflow_state": row.get("status"),
                _TYPE: row.get(_TYPE),
            }
            known.setdefault(row.get("canvas_user_id", ""), []).append(login)
        return known


def _fill(user: Resource, rows: Iterable[dict[str, Any]]) -> None:
    logins = list(rows)
    user["active"] = any(row.get("workflow_state") == "active" for row in logins)
    # None says that it was looked at.
    user["userType"] = (_shown(user, logins).get(_TYPE) or None) if logins else None


def _shown(user: Resource, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    name = str(user.get("userName", "")).casefold()
    named = (row for row in rows if str(row.get("unique_id")).casefold() == name)
    return next(named, rows[0])
