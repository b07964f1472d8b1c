"""The part of a simulated site's state that belongs to courses, and the means to prepare it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from connectors.moodle.simulator.records import (
    Category,
    Context,
    Course,
    Enrolment,
    Grade,
    Group,
    User,
)
from connectors.moodle.simulator.settings import Settings

SITE_COURSE_ID = 1
SYSTEM_CONTEXT = 1
ROLES = {
    1: "manager",
    2: "coursecreator",
    3: "editingteacher",
    4: "teacher",
    5: "student",
}
MANAGER, EDITING_TEACHER, TEACHER, STUDENT = 1, 3, 4, 5
SITE_ROLES = frozenset({1, 2})
COURSE_ROLES = frozenset({1, 3, 4, 5})

_SITE_COURSE_CONTEXT = 2
_CATEGORY_CONTEXTS = 100
_COURSE_CONTEXTS = 10_000
_SORT_STEP = 10_000


class CourseTables:
    """Categories, courses, groups and given roles; the methods prepare tests without any check."""

    users: dict[int, User]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.categories: dict[int, Category] = {}
        self.courses: dict[int, Course] = {}
        self.groups: dict[int, Group] = {}
        self.contexts: dict[int, Context] = {}
        self.next_category_id = 1
        self.next_course_id = SITE_COURSE_ID
        self.next_group_id = 1
        self._next_rank = 1
        self.new_context("system", 0)
        for category_id, idnumber in settings.categories.items():
            self.add_category(id=category_id, name=f"Category {category_id}", idnumber=idnumber)
        self._add_site_course()

    def now(self) -> int:
        """Return the time in unix seconds."""
        return int(time.time())

    def new_context(self, level: str, instance: int) -> Context:
        """Put the context of a category, a course or the site into its table."""
        context = Context(context_id(level, instance), level, instance)
        self.contexts[context.id] = context
        return context

    def course_context(self, course_id: int) -> Context:
        """Return the context of a course that exists."""
        return self.contexts[context_id("course", course_id)]

    def take_id(self, table: str) -> int:
        """Return the next free id of a `course`, `category` or `group`; it is used up."""
        taken = int(getattr(self, f"next_{table}_id"))
        setattr(self, f"next_{table}_id", taken + 1)
        return taken

    def take_rank(self, first: bool = True) -> int:
        """Return the place of a course before (or after) all others of its category."""
        taken = self._next_rank
        self._next_rank += 1
        return -taken if first else taken

    def add_category(self, **values: Any) -> Category:
        """Add a course category."""
        with self.lock:
            category = Category(
                **{"id": self.next_category_id, "timemodified": self.now()} | values
            )
            self.next_category_id = max(self.next_category_id, category.id + 1)
            self.categories[category.id] = category
            self.new_context("coursecat", category.id)
            return category

    def add_course(self, **values: Any) -> Course:
        """Add a course."""
        with self.lock:
            course = Course(**{"id": self.next_course_id, "rank": self.take_rank()} | values)
            course.fullname = course.fullname or course.shortname
            course.timecreated = course.timecreated or self.now()
            course.timemodified = course.timemodified or course.timecreated
            self.next_course_id = max(self.next_course_id, course.id + 1)
            self.courses[course.id] = course
            self.new_context("course", course.id)
            return course

    def add_group(self, **values: Any) -> Group:
        """Add a group to the course `courseid`."""
        with self.lock:
            group = Group(**{"id": self.next_group_id} | values)
            self.next_group_id = max(self.next_group_id, group.id + 1)
            self.groups[group.id] = group
            return group

    def enrol(self, course_id: int, user_id: int, *roles: int, **values: Any) -> None:
        """Enrol an account, as a student if no roles are given; `values` are `Enrolment`'s."""
        with self.lock:
            self.courses[course_id].enrolments[user_id] = Enrolment(**values)
            for role in roles or (STUDENT,):
                self.give_role(role, user_id, course_id)

    def give_role(self, role: int, user_id: int, course_id: int | None = None) -> None:
        """Give a role in a course, or without one in the whole site."""
        with self.lock:
            held = self._roles_table(course_id).roles
            held[user_id] = held.get(user_id, frozenset()) | {role}

    def roles_of(self, user_id: int, course_id: int | None = None) -> frozenset[int]:
        """Return the roles given in a course, or without one in the whole site."""
        return self._roles_table(course_id).roles.get(user_id, frozenset())

    def is_contact(self, user_id: int) -> bool:
        """Tell whether an account is an editing teacher anywhere: Moodle shows those to all."""
        return any(
            EDITING_TEACHER in context.roles.get(user_id, ()) for context in self.contexts.values()
        )

    def set_grade(self, course_id: int, user_id: int, raw: float, maximum: float = 100) -> None:
        """Set the course total of an account, and the maximum of the course."""
        with self.lock:
            course = self.courses[course_id]
            course.grademax = maximum
            course.grades[user_id] = Grade(raw, self.now())

    def set_completed(self, course_id: int, user_id: int, completed: bool = True) -> None:
        """Give the course a criterion for completion, met by the account or not."""
        with self.lock:
            course = self.courses[course_id]
            course.criteria = True
            course.completions.pop(user_id, None)
            if completed:
                course.completions[user_id] = self.now()

    def groups_of(self, course_id: int) -> list[Group]:
        """Return the groups of a course, by id."""
        return [group for group in self.groups.values() if group.courseid == course_id]

    def courses_of(self, user_id: int) -> list[Course]:
        """Return the courses in which an account is enrolled: the visible first, in site order."""
        order = self.course_order()
        found = (course for course in self.courses.values() if user_id in course.enrolments)
        return sorted(found, key=lambda course: (-course.visible, order[course.id]))

    def category_order(self) -> dict[int, int]:
        """Return the sort order of each category: depth first, 10,000 apart."""
        return {
            category_id: number * _SORT_STEP
            for number, category_id in enumerate(self._walk_categories(0), start=1)
        }

    def course_order(self) -> dict[int, int]:
        """Return the sort order of each course: that of its category, plus its place there."""
        order = {SITE_COURSE_ID: 1}
        last = self.category_order()
        for course in sorted(self.courses.values(), key=lambda course: course.rank):
            if course.id != SITE_COURSE_ID:
                last[course.category] += 1
                order[course.id] = last[course.category]
        return order

    def _walk_categories(self, parent: int) -> Iterator[int]:
        for category in self.categories.values():
            if category.parent == parent:
                yield category.id
                yield from self._walk_categories(category.id)

    def _roles_table(self, course_id: int | None) -> Context:
        return (
            self.contexts[SYSTEM_CONTEXT] if course_id is None else self.course_context(course_id)
        )

    def _add_site_course(self) -> None:
        self.add_course(
            shortname="moodle",
            fullname=self.settings.site_name,
            category=0,
            summaryformat=0,
            format="site",
            newsitems=3,
            numsections=1,
            enablecompletion=0,
            manual=False,
        )


def context_id(level: str, instance: int) -> int:
    """Return the id of a context, whether it exists or not; 0 for a level that holds no roles."""
    match level:
        case "system":
            return SYSTEM_CONTEXT
        case "coursecat":
            return _CATEGORY_CONTEXTS + instance
        case "course" if instance == SITE_COURSE_ID:
            return _SITE_COURSE_CONTEXT
        case "course":
            return _COURSE_CONTEXTS + instance
        case _:
            return 0
