"""Members of groups: only who is in the course can be one, with the role that is held there."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.brightspace.client import BrightspaceClient, Row
from connectors.brightspace.places import GROUP, Place
from connectors.members import refuse_unenrolled
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value

_MANY = 5
"""People from whom on the course's list is read, and batches are sent."""
MOST = 1000
"""Enrolments that Brightspace takes in one batch."""


class Enrolling:
    """Puts people into groups and sections, and takes them out."""

    def __init__(self, client: BrightspaceClient) -> None:
        self._client = client

    def roles(self, course: str, users: Sequence[str]) -> dict[str, int]:
        """Return the users' roles in a course. Raises 400 for those who are not in it."""
        path = f"lp/enrollments/orgUnits/{course}/users/"
        if len(users) > _MANY:
            pages = self._client.rows(path, {})
            roles = {str(row["User"]["Identifier"]): row["Role"]["Id"] for p in pages for row in p}
        else:
            found = {user: self._client.get(path + user) for user in users}
            roles = {user: row["RoleId"] for user, row in found.items() if row is not None}
        refuse_unenrolled(course, users, roles)
        return roles

    def add(
        self, ticket: Ticket, place: Place, users: Sequence[str], roles: dict[str, int]
    ) -> None:
        """Add members, all or none: those added before a refusal are taken out again."""
        done: list[str] = []
        try:
            # A batch would leave people in the other sections of the course.
            if (
                place.kind == GROUP
                and len(users) > _MANY
                and self._add_batches(ticket, place, users, roles, done)
            ):
                return
            for user in users:
                self._client.send(
                    ticket, "POST", f"{place.path}/enrollments/", {"UserId": int(user)}
                )
                done.append(user)
        except ScimError as error:
            if not error.unknown:
                self.remove(ticket, place, done)
            raise

    def remove(self, ticket: Ticket, place: Place, users: Sequence[str]) -> None:
        """Take members out; who is none any more is what was wanted."""
        for user in users:
            path = f"lp/enrollments/orgUnits/{place.unit}/users/{user}"
            if place.kind == GROUP:
                path = f"{place.path}/enrollments/{user}"
            try:
                self._client.send(ticket, "DELETE", path)
            except ScimError as error:
                if error.status != 404:
                    raise

    def _add_batches(
        self,
        ticket: Ticket,
        place: Place,
        users: Sequence[str],
        roles: dict[str, int],
        done: list[str],
    ) -> bool:
        """Enrol in as few calls as possible; False where the integration may send no batch."""
        for first in range(0, len(users), MOST):
            part = users[first : first + MOST]
            rows = [
                {"OrgUnitId": int(place.unit), "UserId": int(user), "RoleId": roles[user]}
                for user in part
            ]
            try:
                failures: list[Row] = self._client.send(
                    ticket, "POST", "lp/enrollments/batch/", rows
                )
            except ScimError as error:
                if error.status == 403 and not done:
                    return False
                raise
            failed = {str(row["UserId"]): row.get("StatusMessage") for row in failures}
            done += [user for user in part if user not in failed]
            for user, why in failed.items():
                raise invalid_value(f"members: Brightspace refuses user {user}: {why}")
        return True
