"""Who is in a course of a Moodle site, as `core_enrol_get_enrolled_users` lists it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from connectors.mapping import Native
from connectors.moodle.client import MoodleClient, MoodleError

ENROLLED = "core_enrol_get_enrolled_users"
PAGE = 1000
"""People read in one call."""


class Participants:
    """The people in courses, by whatever method they were enrolled."""

    def __init__(self, client: MoodleClient) -> None:
        self._client = client

    def pages(self, course: str, fields: str, *, suspended: bool = False) -> Iterator[list[Native]]:
        """Yield all people in the order of their ids, or those whose enrolment is not active.

        Nobody is in a course that does not exist.
        """
        first = 0
        while True:
            options = {
                "userfields": fields,
                "sortby": "id",
                "limitfrom": first,
                "limitnumber": PAGE,
            }
            if suspended:
                options["onlysuspended"] = 1
            listed = [{"name": name, "value": value} for name, value in options.items()]
            try:
                page = self._client.look(ENROLLED, {"courseid": course, "options": listed})
            except MoodleError as error:
                if error.code != "invalidrecord":
                    raise
                return
            yield page
            if len(page) < PAGE:
                return
            first += PAGE

    def find(
        self, course: str, user: str, fields: str = "id", *, suspended: bool = False
    ) -> Native | None:
        """Return one person's row, or None; the list is read as far as that person's place."""
        for page in self.pages(course, fields, suspended=suspended):
            for row in page:
                if str(row["id"]) == user:
                    return row
            if page and page[-1]["id"] > int(user):
                break
        return None

    def among(self, course: str, users: Collection[str], *, suspended: bool = False) -> set[str]:
        """Return those of the users who are in a course; the list is read as far as the last."""
        found: set[str] = set()
        last = max(map(int, users), default=0)
        for page in self.pages(course, "id", suspended=suspended):
            found |= {str(row["id"]) for row in page}
            if page and page[-1]["id"] > last:
                break
        return found.intersection(users)

    def ids(self, course: str, *, suspended: bool = False) -> set[str]:
        """Return the ids of all people, or of those whose enrolment is not active."""
        pages = self.pages(course, "id", suspended=suspended)
        return {str(row["id"]) for page in pages for row in page}
