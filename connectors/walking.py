"""Going from course to course, where an LMS has no list over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from connectors.mapping import Resource
from connectors.planning import Plan
from schemas.errors import too_many

Ids = Iterable[str]


class Walker:
    """The courses that a search without one has to visit, at most so many.

    `pages` gives the ids of all courses, page by page.
    """

    def __init__(self, pages: Callable[[], Iterable[Ids]], most: int) -> None:
        self._pages = pages
        self._most = most

    def courses(self) -> Iterator[str]:
        """Yield the ids of all courses. Raises 400 tooMany before the first when they are many."""
        found: list[str] = []
        for page in self._pages():
            found += page
            if len(found) > self._most:
                raise too_many(
                    f"More than {self._most} courses would have to be visited, each in calls of "
                    "its own: name a courseId, or raise walk_courses of the target."
                )
        yield from found

    def search(
        self,
        plan: Plan,
        get: Callable[[str], Resource | None],
        of_course: Callable[[str], Iterable[Resource]],
    ) -> Iterator[Sequence[Resource]]:
        """Yield what a plan finds by an id, in the course that it names, or in all of them."""
        found: dict[str, Resource] = {}
        for branch in plan.searches:
            if branch and branch[0].push.key:
                one = get(branch[0].values[0])
                resources: Iterable[Resource] = [] if one is None else [one]
            else:
                courses = [branch[0].values[0]] if branch else self.courses()
                resources = (one for course in courses for one in of_course(course))
            found |= {one["id"]: one for one in resources}
        yield list(found.values())
