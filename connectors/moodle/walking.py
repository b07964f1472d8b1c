"""Going from course to course, where Moodle has no list over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.moodle.client import MoodleClient
from schemas.errors import too_many

SITE = "1"
"""The course that stands for the site itself."""
SEARCH_COURSES = "core_course_search_courses"


class Walker:
    """The courses that a search without a course has to visit, at most so many."""

    def __init__(self, client: MoodleClient, most: int) -> None:
        self._client = client
        self._most = most

    def courses(self) -> Iterator[str]:
        """Yield the ids of all courses. Raises 400 tooMany before the first when they are many."""
        every = {
            "criterianame": "search",
            "criteriavalue": "",
            "page": 0,
            "perpage": self._most + 1,
        }
        answer = self._client.call(SEARCH_COURSES, every)
        if answer["total"] > self._most:
            raise too_many(
                f"{answer['total']} courses would have to be visited, each in calls of its own: "
                f"name a courseId, or raise walk_courses of the target ({self._most})."
            )
        yield from (str(id) for id in sorted(row["id"] for row in answer["courses"]))
