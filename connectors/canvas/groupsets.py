"""Group categories of Canvas, which are called group sets there: each SCIM group has its own.

Within one set a person can be in one group only.
"""

from __future__ import annotations

from connectors.canvas.client import CanvasClient
from connectors.canvas.listed import Row
from connectors.ticket import Ticket
from schemas.errors import ScimError, forbidden

COMMUNITIES = "communities"
FREE = (COMMUNITIES, "student_organized")
"""The roles of sets in which a person can be in several groups."""


class GroupSets:
    """The group sets of accounts and courses."""

    def __init__(self, client: CanvasClient) -> None:
        self._client = client

    def get(self, id: str) -> Row | None:
        """Return a set, or None when there is none."""
        return self._client.get(f"group_categories/{id}")

    def groups(self, id: str) -> list[Row]:
        """Return the groups of a set, none for one that does not exist."""
        try:
            parts = self._client.rows(f"group_categories/{id}/groups")
            return [row for part in parts for row in part]
        except ScimError as error:
            if error.status == 404:
                return []
            raise

    def make(self, ticket: Ticket, context: str, name: str) -> str:
        """Make a set in `accounts/self` or `courses/1` and return its id.

        An empty one of that name is taken: it is what an interrupted creation leaves behind.
        Raises 409 when one with groups has the name.
        """
        path = f"{context}/group_categories"
        try:
            return str(self._client.send(ticket, "POST", path, {"name": name})["id"])
        except ScimError as error:
            if error.status != 409:
                raise
            for row in (row for part in self._client.rows(path) for row in part):
                is_free = row["name"].casefold() == name.casefold() and not row.get("role")
                if is_free and not self.groups(str(row["id"])):
                    return str(row["id"])
            raise

    def is_own(self, group: Row, others: list[Row]) -> bool:
        """Tell whether a set was made for the one group: it has its name, and no other group."""
        if others or group.get("role"):
            return False
        row = self.get(str(group["group_category_id"]))
        return row is not None and row["name"] == group["name"] and not row.get("role")

    def rename(self, ticket: Ticket, id: str, name: str) -> None:
        """Rename a set. Raises 409 when another one has the name."""
        self._client.send(ticket, "PUT", f"group_categories/{id}", {"name": name})

    def delete(self, ticket: Ticket, id: str) -> None:
        """Delete a set with its groups."""
        self._client.send(ticket, "DELETE", f"group_categories/{id}")


def refuse_community(group: Row) -> None:
    """Raise 403 for a community: nobody but its members themselves can join or leave it."""
    if group.get("role") == COMMUNITIES:
        raise forbidden(
            f"Group {group['id']} ({group['name']!r}) is a community: Canvas lets only people "
            "themselves join it, so it can be read only."
        )
