"""Canvas's courses, memberships and groups of each kind fulfil what every connector promises."""

from __future__ import annotations

import pytest

from connectors.base import Collection
from connectors.canvas.simulator.records import Term
from connectors.mapping import Resource
from schemas.group import LMS_GROUP
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.contract import CourseContract, GroupContract, MembershipContract

ONE, TWO = "301", "302"
PEOPLE = ["1001", "1002", "1003", "1004"]


class TestCourses(CourseContract):
    sample: Resource = {
        "courseId": "PHYS-1",
        "externalId": "C-1",
        "name": "Physics",
        "termId": "1",
        "categoryId": "12",
        "allowGuests": True,
        "available": "Yes",
        "closedComplete": False,
        "start": "2026-09-01T00:00:00.000Z",
        "end": "2027-01-31T01:00:00+01:00",
    }
    other: Resource = {"courseId": "CHEM-1", "name": "Chemistry"}
    changed: Resource = {
        "courseId": "PHYS-I",
        "externalId": "c-2",
        "name": "Physics I",
        "termId": "2",
        "categoryId": "1",
        "allowGuests": False,
        "available": "No",
        "start": "2026-10-01T00:00:00Z",
        "end": "2027-02-28T00:00:00.000Z",
    }

    @pytest.fixture
    def collection(self) -> Collection:
        canvas = joined(courses=2)
        second_term(canvas)
        return canvas["Course"]


class TestMemberships(MembershipContract):
    sample: Resource = {
        "userId": "1001",
        "courseId": ONE,
        "courseRoleId": "StudentEnrollment",
        "available": "Yes",
        "start": "2026-09-01T00:00:00.000Z",
        "end": "2027-01-31T01:00:00+01:00",
    }
    other: Resource = {"userId": "1002", "courseId": TWO}
    changed: Resource = {
        "courseRoleId": "Lab Assistant",
        "available": "No",
        "start": "2026-10-01T00:00:00Z",
        "end": "2027-02-28T00:00:00.000Z",
    }
    roles = ("StudentEnrollment", "TeacherEnrollment")

    @pytest.fixture
    def collection(self) -> Collection:
        canvas = joined(users=6)
        two_courses(canvas)
        return canvas["Membership"]


class TestAccountGroups(GroupContract):
    sample: Resource = {
        "displayName": "Staff of the library",
        "externalId": "G-1",
        "members": [{"value": "1001", "type": "User"}],
        LMS_GROUP: {"description": "All of them"},
    }
    other: Resource = {"displayName": "Team 2"}
    changed: Resource = {
        "displayName": "Librarians",
        "externalId": "g-2",
        "members": [{"value": "1002", "type": "User"}, {"value": "1003", "type": "User"}],
        LMS_GROUP: {"description": "Some"},
    }
    apart = (f"{LMS_GROUP}:parentId",)

    @pytest.fixture
    def collection(self) -> Collection:
        return joined(users=6)["Group"]

    @pytest.fixture
    def members(self) -> list[str]:
        return PEOPLE


class TestAllKinds(TestAccountGroups):
    apart = (f"{LMS_GROUP}:courseId", f"{LMS_GROUP}:parentId")

    @pytest.fixture
    def collection(self) -> Collection:
        canvas = joined(users=6, kinds=("cohort", "section", "courseGroup"))
        two_courses(canvas)
        return canvas["Group"]


class TestSections(GroupContract):
    sample: Resource = {
        "displayName": "Monday",
        "externalId": "S-1",
        "members": [{"value": "1001", "type": "User"}],
        LMS_GROUP: {"courseId": ONE},
    }
    other: Resource = {"displayName": "Tuesday", LMS_GROUP: {"courseId": TWO}}
    changed: Resource = {
        "displayName": "Wednesday",
        "externalId": "s-2",
        "members": [{"value": "1002", "type": "User"}],
    }

    @pytest.fixture
    def collection(self) -> Collection:
        canvas = joined(users=6, kinds=("section",))
        two_courses(canvas)
        return canvas["Group"]

    @pytest.fixture
    def members(self) -> list[str]:
        return PEOPLE


class TestCourseGroups(GroupContract):
    sample: Resource = {
        "displayName": "Team 1",
        "externalId": "G-1",
        "members": [{"value": "1001", "type": "User"}],
        LMS_GROUP: {"courseId": ONE, "parentId": "601", "description": "The first"},
    }
    other: Resource = {"displayName": "Team 2", LMS_GROUP: {"courseId": ONE}}
    changed: Resource = {
        "displayName": "Team One",
        "externalId": "g-2",
        "members": [{"value": "1002", "type": "User"}],
        LMS_GROUP: {"description": "1"},
    }

    @pytest.fixture
    def collection(self) -> Collection:
        canvas = joined(users=6, kinds=("courseGroup",))
        two_courses(canvas)
        for user in PEOPLE:
            canvas.create("Membership", {"userId": user, "courseId": ONE})
        made = canvas.create("Group", {"displayName": "Teams", LMS_GROUP: {"courseId": ONE}})
        self.sample[LMS_GROUP]["parentId"] = made[LMS_GROUP]["parentId"]
        return canvas["Group"]

    @pytest.fixture
    def members(self) -> list[str]:
        return PEOPLE


def two_courses(canvas: Joined) -> None:
    """Make the courses 301 and 302, in which nobody is."""
    for code in ("PHYS-1", "CHEM-1"):
        canvas.create("Course", {"courseId": code, "name": code, "available": "Yes"})
    canvas.forget()


def second_term(canvas: Joined) -> None:
    """Make term 2, `2026S` by its SIS id."""
    canvas.site.terms.put(Term(2, "Spring", 0, "2026S"))
