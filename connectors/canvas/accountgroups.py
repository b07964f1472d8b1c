"""Groups of the root account, each in a group set of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from connectors.canvas.client import ROOT, CanvasClient
from connectors.canvas.groupsets import FREE, GroupSets, refuse_community
from connectors.canvas.listed import Row
from connectors.canvas.people import People
from connectors.mapping import Native
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value, not_found_resource

Rows = list[Row]


class AccountGroups:
    """One kind of groups; `path` and `sis` are where one is read: `groups/sis_group_id:X`.

    Native values are `name`, `sis_id`, `description`, `course_id` and `group_category_id`.
    """

    kind = "cohort"
    prefix = "group-"
    path = "groups"
    sis = "sis_group_id"

    def __init__(self, client: CanvasClient, people: People, sets: GroupSets) -> None:
        self._client = client
        self._people = people
        self._sets = sets

    def owns(self, row: Row) -> bool:
        """Tell whether a group that was read by its id is of this kind."""
        return bool(row.get("account_id") == self._root)

    def record(self, row: Row) -> Native:
        """Return a row under the names of the mapping."""
        return {**row, "sis_id": row.get(self.sis)}

    def rows(self, course: str, part: str) -> Iterator[Rows]:
        """Yield the groups page by page; `part` is of the name, or of a member's."""
        return self._client.rows(f"{ROOT}/groups", {"filter": part} if part else None)

    def members(self, number: str) -> list[tuple[str, str]]:
        """Return ids and names of the members."""
        return [(str(row["id"]), str(row.get("name", ""))) for row in self._people.of(number)]

    def create(self, ticket: Ticket, native: Native, users: Sequence[str]) -> Row:
        """Make a group, and a set for it unless it names one; all of it or nothing."""
        context = self._context(native.pop("course_id", ""))
        self._refuse_strangers(context, users)
        named = native.pop("group_category_id", "")
        if named:
            self._refuse_set(context, named, users)
        own = "" if named else self._sets.make(ticket, context, native["name"])
        made = ""
        try:
            path = f"group_categories/{named or own}/groups"
            row: Row = self._client.send(ticket, "POST", path, _sent(native))
            made = str(row["id"])
            self._people.change(ticket, made, users, ())
        except ScimError as error:
            self._undo(ticket, own, made, error)
            raise
        return row

    def update(
        self,
        ticket: Ticket,
        number: str,
        set_id: str,
        native: Native,
        added: Sequence[str],
        removed: Sequence[str],
    ) -> None:
        """Change a group and its members, all or nothing; `set_id` may be "" when not known."""
        row, others = self._with_others(number, set_id)
        refuse_community(row)
        self._refuse_strangers(self._context(str(row.get("course_id", ""))), added)
        if row.get("role") not in FREE:
            self._people.refuse_members_of(others, added)
        values = _sent(native)
        if values:
            self._write(ticket, row, others, values)
        try:
            self._people.change(ticket, number, added, removed)
        except ScimError as error:
            if values and not error.unknown:
                held = {name: row.get(name) or "" for name in values}
                self._write(ticket, {**row, **values}, others, held)
            raise

    def delete(self, ticket: Ticket, number: str) -> None:
        """Delete a group, and its set where that has no other and is called the same."""
        row, others = self._with_others(number, "")
        refuse_community(row)
        if self._sets.is_own(row, others):
            self._sets.delete(ticket, str(row["group_category_id"]))
        else:
            self._client.send(ticket, "DELETE", f"groups/{number}")

    def _context(self, course: str) -> str:
        return ROOT

    def _refuse_strangers(self, context: str, users: Sequence[str]) -> None:
        """Raise 400 for users who cannot be in groups of the context."""

    @cached_property
    def _root(self) -> Any:
        """The id of the root account: those below it have groups of their own."""
        return (self._client.get(ROOT) or {}).get("id")

    def _with_others(self, number: str, set_id: str) -> tuple[Row, Rows]:
        """Return a group and the others of its set."""
        if not set_id:
            set_id = str((self._client.get(f"groups/{number}") or {}).get("group_category_id", ""))
        rows = {str(row["id"]): row for row in self._sets.groups(set_id)} if set_id else {}
        own = rows.pop(number, None)
        if own is None:
            raise not_found_resource("Group", self.prefix + number)
        return own, list(rows.values())

    def _refuse_set(self, context: str, id: str, users: Sequence[str]) -> None:
        """Raise 400 for a set that cannot take a new group with such members."""
        row = self._sets.get(id)
        if row is None or self._context_of(row) != context:
            raise invalid_value(f"parentId: there is no group set {id} in {context}.")
        refuse_community(row)
        if row.get("role") not in FREE:
            self._people.refuse_members_of(self._sets.groups(id) if users else (), users)

    def _context_of(self, row: Row) -> str:
        if "course_id" in row:
            return f"courses/{row['course_id']}"
        return ROOT if row.get("account_id") == self._root else ""

    def _write(self, ticket: Ticket, row: Row, others: Rows, values: Native) -> None:
        """Send values of a group; a set of its own is renamed with it."""
        renames = values.get("name", row["name"]) != row["name"]
        own = str(row["group_category_id"]) if renames and self._sets.is_own(row, others) else ""
        if own:
            self._sets.rename(ticket, own, values["name"])
        try:
            self._client.send(ticket, "PUT", f"groups/{row['id']}", values)
        except ScimError as error:
            if own and not error.unknown:
                self._sets.rename(ticket, own, row["name"])
            raise

    def _undo(self, ticket: Ticket, own: str, made: str, error: ScimError) -> None:
        """Delete what was made of a group; `error` is unknown when that fails."""
        try:
            if own:
                self._sets.delete(ticket, own)
            elif made:
                self._client.send(ticket, "DELETE", f"groups/{made}")
        except ScimError:
            error.unknown = True


def _sent(native: Native) -> Native:
    names = {"sis_id": AccountGroups.sis}
    return {names.get(name, name): value for name, value in native.items()}
