"""Going from course to course, where Learn has no list over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.listed import MOST
from schemas.errors import too_many


class Walker:
    """The courses that a search without a course has to visit, at most so many."""

    def __init__(self, client: BlackboardClient, most: int) -> None:
        self._client = client
        self._most = most

    def courses(self) -> Iterator[str]:
        """Yield the ids of all courses. Raises 400 tooMany before the first when they are many."""
        found: list[str] = []
        for rows in self._client.rows("v3/courses", {"limit": MOST, "fields": "id"}):
            found += [row["id"] for row in rows]
            if len(found) > self._most:
                raise too_many(
                    f"More than {self._most} courses would have to be visited, each in a call of "
                    "its own: name a courseId, or raise walk_courses of the target."
                )
        yield from found
