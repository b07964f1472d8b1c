"""Going from course to course, where Canvas has no list over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.canvas.client import ROOT, CanvasClient
from schemas.errors import too_many


class Walker:
    """The courses that a search without a course has to visit, at most so many."""

    def __init__(self, client: CanvasClient, most: int) -> None:
        self._client = client
        self._most = most

    def courses(self) -> Iterator[str]:
        """Yield the ids of all courses. Raises 400 tooMany before the first when they are many."""
        found: list[str] = []
        for rows in self._client.rows(f"{ROOT}/courses"):
            found += [str(row["id"]) for row in rows]
            if len(found) > self._most:
                raise too_many(
                    f"More than {self._most} courses would have to be visited, each in calls of "
                    "its own: name a courseId, or raise walk_courses of the target."
                )
        yield from found
