"""Moodle's collections fulfil what every connector promises, before both databases."""

from __future__ import annotations

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from schemas.attributes import ENTERPRISE
from schemas.group import LMS_GROUP
from schemas.user import LMS_USER
from tests.connectors.contract import (
    CourseContract,
    GroupContract,
    MembershipContract,
    UserContract,
)
from tests.connectors.moodle.site import DATABASES, Joined, joined

EVERYTHING = {
    "show_user_identity": ["email", "phone1", "phone2"],
    "languages": ["en", "de"],
}
BOTH = {"groups": ["cohort", "courseGroup"]}


@pytest.fixture(params=DATABASES)
def moodle(request: pytest.FixtureRequest) -> Joined:
    return joined(
        users=4,
        attributes={"studentId": "profile_field_costcenter"},
        more=EVERYTHING,
        database=request.param,
        show_user_identity=("email", "phone1", "phone2"),
    )


class TestUsers(UserContract):
    sample = {
        "userName": "Ann.Smith@Example.org",
        "externalId": "EXT-1",
        "name": {"givenName": "Ann", "familyName": "Smith"},
        "emails": [{"value": "Ann@Example.org", "type": "work", "primary": True}],
        "active": True,
        "password": "a Secret 1!",
        "locale": "de",
        "timezone": "Europe/London",
        "addresses": [
            {"type": "work", "streetAddress": "Gower 1", "locality": "London", "country": "gb"}
        ],
        "phoneNumbers": [{"type": "work", "value": "+1"}, {"type": "mobile", "value": "+2"}],
        ENTERPRISE: {"department": "Physics", "organization": "Example University"},
        LMS_USER: {"studentId": "S-1", "description": "<b>Hi</b>", "mustChangePassword": True},
    }
    other: Resource = {
        "userName": "bob",
        "name": {"givenName": "Bob", "familyName": "O'Brien"},
        "emails": [{"value": "bob@example.org"}],
    }
    changed = {
        "userName": "anna",
        "externalId": "ext-1 ",
        "name": {"givenName": "Anna", "familyName": "Müller"},
        "emails": [{"value": "anna@example.org", "type": "work", "primary": True}],
        "active": False,
        "password": "Another 2!",
        "locale": "en",
        "timezone": "America/New_York",
        "addresses": [{"type": "work", "streetAddress": "5th", "country": "US"}],
        "phoneNumbers": [{"type": "mobile", "value": "+3"}],
        ENTERPRISE: {"department": "0", "organization": "Other"},
        LMS_USER: {"studentId": "S-2"},
    }
    taken = (
        {"userName": "ANN.smith@example.ORG"},
        {"emails": [{"value": "ANN@example.ORG", "type": "work", "primary": True}]},
    )

    @pytest.fixture
    def collection(self, moodle: Joined) -> Collection:
        return moodle.users


class TestCohorts(GroupContract):
    sample = {
        "displayName": "Physicists & <b>friends</b>",
        "externalId": "G-1",
        "members": [{"value": "5", "type": "User"}],
        LMS_GROUP: {"description": "<p>All of them</p>"},
    }
    other: Resource = {"displayName": "Chemists"}
    changed = {
        "displayName": "Physics",
        "externalId": "g-1",
        LMS_GROUP: {"description": "None"},
    }

    @pytest.fixture
    def collection(self, moodle: Joined) -> Collection:
        return moodle.groups

    @pytest.fixture
    def members(self) -> list[str]:
        return ["5", "6", "7", "8"]


@pytest.fixture(params=DATABASES)
def school(request: pytest.FixtureRequest) -> Joined:
    """Give a site with the courses 2 and 3, whose groups are groups of the target too."""
    moodle = joined(users=4, more=BOTH, database=request.param)
    for code in ("PHYS-1", "CHEM-1"):
        moodle.site.add_course(shortname=code)
    return moodle


class TestCourses(CourseContract):
    sample: Resource = {
        "courseId": "MATH-1",
        "externalId": "C-1",
        "name": "Mathematics & more",
        "description": "<p>All of it</p>",
        "categoryId": "2",
        "available": "Yes",
        "start": "2026-09-01T00:00:00.5Z",
        "end": "2027-06-30T01:00:00+01:00",
    }
    other: Resource = {"courseId": "ART-1", "name": "0"}
    changed: Resource = {
        "courseId": "math-1",
        "externalId": "c-1",
        "name": "Mathematics",
        "description": "Some of it",
        "categoryId": "3",
        "available": "No",
        "start": "2026-10-01T00:00:00-05:00",
        "end": "2027-07-31T00:00:00Z",
    }

    @pytest.fixture
    def collection(self, school: Joined) -> Collection:
        return school["Course"]


class TestMemberships(MembershipContract):
    sample: Resource = {
        "userId": "5",
        "courseId": "2",
        "courseRoleId": "student",
        "available": "Yes",
        "start": "2020-09-01T00:00:00Z",
        "end": "2099-06-30T00:00:00Z",
    }
    other: Resource = {"userId": "6", "courseId": "3"}
    changed: Resource = {
        "courseRoleId": "teacher",
        "available": "No",
        "start": "2020-10-01T00:00:00Z",
        "end": "2099-07-31T00:00:00Z",
    }
    roles = ("student", "editingteacher")

    @pytest.fixture
    def collection(self, school: Joined) -> Collection:
        return school["Membership"]


class TestGroupsOfBothKinds(GroupContract):
    sample: Resource = {
        "displayName": "Team 1",
        "externalId": "G-1",
        "members": [{"value": "5", "type": "User"}],
        LMS_GROUP: {"courseId": "2", "description": "<p>The first</p>"},
    }
    other: Resource = {"displayName": "Team 2", LMS_GROUP: {"courseId": "2"}}
    changed: Resource = {
        "displayName": "Team One",
        "externalId": "g-1",
        LMS_GROUP: {"description": "1"},
    }

    @pytest.fixture
    def collection(self, school: Joined) -> Collection:
        for user in (5, 6, 7, 8):
            school.site.enrol(2, user)
        school.site.add_cohort(name="Team 1", idnumber="G-2")
        return school.groups

    @pytest.fixture
    def members(self) -> list[str]:
        return ["5", "6", "7", "8"]


class TestCohortsOfBothKinds(TestCohorts):
    @pytest.fixture
    def collection(self, school: Joined) -> Collection:
        return school.groups

    apart = (f"{LMS_GROUP}:courseId",)


class TestCourseGroupsAlone(TestGroupsOfBothKinds):
    @pytest.fixture
    def collection(self, school: Joined) -> Collection:
        moodle = joined(users=4, more={"groups": ["courseGroup"]})
        moodle.site.add_course(shortname="PHYS-1")
        for user in (5, 6, 7, 8):
            moodle.site.enrol(2, user)
        return moodle.groups
