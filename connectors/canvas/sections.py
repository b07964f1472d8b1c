"""Sections of courses as groups: their members are who is enrolled in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.canvas.client import CanvasClient
from connectors.canvas.enrolling import STATES, Enroller
from connectors.canvas.listed import Row
from connectors.canvas.roles import Role
from connectors.mapping import Native
from connectors.steps import all_or_nothing
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value, not_found_resource

Rows = list[Row]

CURRENT = tuple(state for state in STATES if state != "completed")
"""The states of enrolments that make a member."""
_SENT = {"sis_id": "sis_section_id"}


class Sections:
    """The sections of all courses; who is added gets the target's default role in courses."""

    kind = "section"
    prefix = "section-"
    path = "sections"
    sis = "sis_section_id"

    def __init__(self, client: CanvasClient, enroller: Enroller, role: str) -> None:
        self._client = client
        self._enroller = enroller
        self._role = role

    def owns(self, row: Row) -> bool:
        """Tell whether a section that was read by its id is of this kind."""
        return True

    def record(self, row: Row) -> Native:
        """Return a row under the names of the mapping."""
        return {**row, "sis_id": row.get(self.sis)}

    def rows(self, course: str, part: str) -> Iterator[Rows]:
        """Yield the sections of a course page by page."""
        try:
            yield from self._client.rows(f"courses/{course}/sections")
        except ScimError as error:
            # There is no such course, or no more: it has no sections.
            if error.status != 404:
                raise

    def members(self, number: str) -> list[tuple[str, str]]:
        """Return ids and names of the members."""
        return [
            (str(row["user_id"]), str(row.get("user", {}).get("name", "")))
            for row in self._enrolled(number, CURRENT)
        ]

    def create(self, ticket: Ticket, native: Native, users: Sequence[str]) -> Row:
        """Make a section with its members, all of it or nothing."""
        course, values = native.pop("course_id"), _sent(native)
        role = self._enroller.role_in(course, self._role) if users else None
        try:
            made: Row = self._client.send(
                ticket, "POST", f"courses/{course}/sections", {"course_section": values}
            )
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(f"courseId: there is no course {course}.") from None
            raise
        number = str(made["id"])
        with all_or_nothing(lambda: self._client.send(ticket, "DELETE", f"sections/{number}")):
            self._add(ticket, number, role, users)
        return made

    def update(
        self,
        ticket: Ticket,
        number: str,
        set_id: str,
        native: Native,
        added: Sequence[str],
        removed: Sequence[str],
    ) -> None:
        """Change a section and its members; who cannot be enrolled is refused first."""
        row = self._client.get(f"sections/{number}")
        if row is None:
            raise not_found_resource("Group", self.prefix + number)
        values = _sent(native)
        role = self._enroller.role_in(str(row["course_id"]), self._role) if added else None
        ended = self._enrolled(number, CURRENT) if removed else []
        done = self._add(ticket, number, role, added)
        try:
            if values:
                self._client.send(ticket, "PUT", f"sections/{number}", {"course_section": values})
        except ScimError as error:
            if not error.unknown:
                self._end(ticket, done)
            raise
        self._end(ticket, [one for one in ended if str(one["user_id"]) in set(removed)])

    def delete(self, ticket: Ticket, number: str) -> None:
        """Delete a section with the enrolments in it, which ends them.

        Raises 409 before that when somebody has concluded the course there: Canvas keeps these.
        """
        if self._client.get(f"sections/{number}") is None:
            raise not_found_resource("Group", self.prefix + number)
        rows = self._enrolled(number, STATES)
        if kept := sum(row["enrollment_state"] == "completed" for row in rows):
            raise ScimError(
                409, f"Section {number} has {kept} concluded enrolments and cannot be deleted."
            )
        self._end(ticket, rows)
        self._client.send(ticket, "DELETE", f"sections/{number}")

    def _enrolled(self, number: str, states: Sequence[str]) -> Rows:
        try:
            parts = self._client.rows(f"sections/{number}/enrollments", {"state[]": states})
            return [row for rows in parts for row in rows]
        except ScimError as error:
            if error.status == 404:
                return []
            raise

    def _add(self, ticket: Ticket, number: str, role: Role | None, users: Sequence[str]) -> Rows:
        """Enrol users, all or none."""
        done: Rows = []
        if role is None:
            return done
        try:
            for user in users:
                done.append(self._enroller.enrol(ticket, f"sections/{number}", user, role))
        except ScimError as error:
            if not error.unknown:
                self._end(ticket, done)
            raise
        return done

    def _end(self, ticket: Ticket, rows: Rows) -> None:
        for row in rows:
            self._enroller.end(ticket, row, "delete")


def _sent(native: Native) -> Native:
    if native.get("description") or native.get("group_category_id"):
        raise invalid_value("Sections have neither description nor parentId.")
    return {_SENT.get(name, name): value for name, value in native.items() if name != "description"}
