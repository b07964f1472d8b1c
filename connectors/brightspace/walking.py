"""The courses of an organization: which org units are some, and going from one to the next."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.brightspace.client import BrightspaceClient
from connectors.brightspace.courses import OFFERING, PATH, UNITS
from schemas.errors import too_many

_MOST_KNOWN = 10_000


class Walker:
    """The courses that a search without one has to visit, at most so many."""

    def __init__(self, client: BrightspaceClient, most: int) -> None:
        self._client = client
        self._most = most
        self._known: set[str] = set()

    def is_course(self, id: str) -> bool:
        """Tell whether an org unit is a course offering, and no organization, group or section.

        It stays one, so each is asked for once.
        """
        if id in self._known:
            return True
        if self._client.get(PATH + id) is None:
            return False
        self._know(id)
        return True

    def courses(self) -> Iterator[str]:
        """Yield the ids of all courses. Raises 400 tooMany before the first when they are many."""
        found: list[str] = []
        for rows in self._client.rows(UNITS, {"orgUnitType": OFFERING}):
            found += [str(row["Identifier"]) for row in rows]
            if len(found) > self._most:
                raise too_many(
                    f"More than {self._most} courses would have to be visited, each in calls of "
                    "its own: name a courseId, or raise walk_courses of the target."
                )
        for id in found:
            self._know(id)
            yield id

    def _know(self, id: str) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(id)
