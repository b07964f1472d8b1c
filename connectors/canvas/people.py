"""Who is in a group of an account or a course."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.canvas.client import CanvasClient
from connectors.canvas.listed import Row
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value

FEW = 5
"""Changes of members that are sent one by one; more go into one call."""


class People:
    """The members of groups: read, added and removed."""

    def __init__(self, client: CanvasClient) -> None:
        self._client = client

    def of(self, group: str) -> list[Row]:
        """Return the users in a group; nobody is in one that is gone."""
        try:
            return [row for part in self._client.rows(f"groups/{group}/users") for row in part]
        except ScimError as error:
            if error.status == 404:
                return []
            raise

    def ids(self, group: str) -> list[str]:
        """Return the ids of the users in a group."""
        return [str(row["id"]) for row in self.of(group)]

    def change(
        self, ticket: Ticket, group: str, added: Sequence[str], removed: Sequence[str]
    ) -> None:
        """Add and remove members, all or none. Raises 400 where one of them does not exist."""
        if len(added) + len(removed) > FEW:
            self._replace(ticket, group, added, removed)
            return
        done: list[str] = []
        try:
            for user in added:
                self._add(ticket, group, user)
                done.append(user)
        except ScimError as error:
            if not error.unknown:
                self._remove(ticket, group, done)
            raise
        self._remove(ticket, group, removed)

    def refuse_members_of(self, others: Iterable[Row], users: Sequence[str]) -> None:
        """Raise 400 where users are in other groups of the same set: Canvas would take them out.

        `others` are groups as Canvas shows them.
        """
        for other in others if users else ():
            if not other.get("members_count"):
                continue
            if found := set(self.ids(str(other["id"]))).intersection(users):
                raise invalid_value(
                    f"members: in group {other['id']} ({other['name']!r}) of the same set, in "
                    "which Canvas lets nobody be in two groups: "
                    f"{', '.join(sorted(found, key=int)[:20])}."
                )

    def _replace(
        self, ticket: Ticket, group: str, added: Sequence[str], removed: Sequence[str]
    ) -> None:
        """Send all members in one call; Canvas passes over who does not exist."""
        path, before = f"groups/{group}", self.ids(group)
        wanted = [id for id in dict.fromkeys([*before, *added]) if id not in set(removed)]
        self._client.send(ticket, "PUT", path, {"members": wanted})
        if missing := set(added) - set(self.ids(group)):
            self._client.send(ticket, "PUT", path, {"members": before})
            raise _unknown(sorted(missing, key=int))

    def _add(self, ticket: Ticket, group: str, user: str) -> None:
        try:
            self._client.send(ticket, "POST", f"groups/{group}/memberships", {"user_id": user})
        except ScimError as error:
            raise _unknown([user]) if error.status == 404 else error from None

    def _remove(self, ticket: Ticket, group: str, users: Sequence[str]) -> None:
        for user in users:
            try:
                self._client.send(ticket, "DELETE", f"groups/{group}/users/{user}")
            except ScimError as error:
                # No member any more is what was wanted.
                if error.status != 404:
                    raise


def _unknown(users: Sequence[str]) -> ScimError:
    return invalid_value(f"members: no such user: {', '.join(users[:20])}.")
