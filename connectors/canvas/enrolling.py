"""Enrolling: what Canvas would refuse is found out, and said clearly, before anything is sent."""

from __future__ import annotations

from typing import Any

from connectors.base import Options
from connectors.canvas.client import CanvasClient
from connectors.canvas.listed import Row
from connectors.canvas.roles import Role, RoleBook
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value

STATES = ("active", "invited", "creation_pending", "inactive", "completed")
"""The states of enrolments that are there, best first; a list shows those it is asked for."""
_REFUSED = ("StudentEnrollment", "ObserverEnrollment")
"""What nobody can be in a blueprint course; older servers refuse students only."""


def default_role(options: Options) -> str:
    """Return the target's `default_course_role`, `StudentEnrollment` unless configured."""
    return str(options.more.get("default_course_role", "StudentEnrollment"))


class Enroller:
    """Makes, takes up again and ends enrolments."""

    def __init__(self, client: CanvasClient, book: RoleBook) -> None:
        self._client = client
        self._book = book

    def role_in(self, course: str, name: str) -> Role:
        """Return the role of that name, once the course is sure to take people in it.

        Raises 400 where there is no such course or role, where the course is concluded, and where
        it is a blueprint or template, in which only staff can be.
        """
        row = self._client.get(f"courses/{course}")
        if row is None or row.get("workflow_state") == "deleted":
            raise invalid_value(f"courseId: there is no course {course}.")
        role = self._book.role(name, str(row.get("account_id")))
        if row.get("workflow_state") == "completed":
            raise invalid_value(f"Course {course} is concluded: nobody can be enrolled any more.")
        kind = "blueprint" if row.get("blueprint") else "template" if row.get("template") else ""
        if kind and role.base in _REFUSED:
            raise invalid_value(
                f"Course {course} is a {kind} course, which takes staff only: Canvas enrols nobody "
                f"there as {name}."
            )
        return role

    def enrol(self, ticket: Ticket, path: str, user: str, role: Role, **values: Any) -> Row:
        """Enrol a user at `courses/1` or `sections/1`; an enrolment that was ended comes back.

        Canvas clears dates that are left out, and takes up only what is not active.
        """
        state = values.pop("state", "active")
        enrollment = {
            "user_id": user,
            "type": role.base,
            "role_id": role.id,
            "enrollment_state": state,
            "notify": False,
            **values,
        }
        try:
            row: Row = self._client.send(
                ticket, "POST", f"{path}/enrollments", {"enrollment": enrollment}
            )
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(f"There is no such user or course: {error.detail}") from None
            raise
        return row

    def end(self, ticket: Ticket, row: Row, task: str) -> Row:
        """Conclude, deactivate or delete an enrolment; one that is gone stays gone."""
        path = f"courses/{row['course_id']}/enrollments/{row['id']}"
        try:
            ended: Row = self._client.send(ticket, "DELETE", path, {"task": task})
        except ScimError as error:
            if error.status == 404 and task == "delete":
                return row
            raise
        return ended

    def reactivate(self, ticket: Ticket, row: Row) -> Row:
        """Make an inactive enrolment active."""
        path = f"courses/{row['course_id']}/enrollments/{row['id']}/reactivate"
        made: Row = self._client.send(ticket, "PUT", path)
        return made
