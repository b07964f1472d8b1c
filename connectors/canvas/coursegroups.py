"""Groups of courses, in the group sets of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.canvas.accountgroups import AccountGroups, Rows
from connectors.canvas.listed import Row
from schemas.errors import ScimError, invalid_value

_AT_A_TIME = 50


class CourseGroups(AccountGroups):
    """The groups of all courses; only people of the course can be in them."""

    kind = "courseGroup"
    prefix = "coursegroup-"

    def owns(self, row: Row) -> bool:
        """Tell whether a group that was read by its id is a course's."""
        return bool(row.get("course_id"))

    def rows(self, course: str, part: str) -> Iterator[Rows]:
        """Yield the groups of a course page by page."""
        try:
            yield from self._client.rows(f"courses/{course}/groups")
        except ScimError as error:
            # There is no such course, or no more: it has no groups.
            if error.status != 404:
                raise

    def _context(self, course: str) -> str:
        return f"courses/{course}"

    def _refuse_strangers(self, context: str, users: Sequence[str]) -> None:
        enrolled: set[str] = set()
        for first in range(0, len(users), _AT_A_TIME):
            query = {"user_ids[]": users[first : first + _AT_A_TIME]}
            try:
                for rows in self._client.rows(f"{context}/users", query):
                    enrolled |= {str(row["id"]) for row in rows}
            except ScimError as error:
                if error.status == 404:
                    raise invalid_value(f"courseId: there is no {context}.") from None
                raise
        if missing := [user for user in users if user not in enrolled]:
            shown = ", ".join(missing[:20])
            raise invalid_value(f"members: not in the group's course ({context}): {shown}.")
