"""Brightspace's collections fulfil what every connector promises."""

from __future__ import annotations

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from schemas.attributes import ENTERPRISE
from schemas.group import LMS_GROUP
from schemas.user import LMS_USER
from tests.connectors.brightspace.joined import Joined, joined
from tests.connectors.contract import (
    CourseContract,
    GroupContract,
    MembershipContract,
    UserContract,
)
from tests.connectors.operations import TICKET
from tests.connectors.samples import ANN, ANNA, BOB


@pytest.fixture
def brightspace() -> Joined:
    return joined(users=6, more={"profile": True, "default_course_role": 110})


class TestUsers(UserContract):
    sample: Resource = {
        **ANN,
        ENTERPRISE: {"organization": "Example University"},
        LMS_USER: {
            "streetAddress2": "B 2",
            "institutionRoleIds": ["118"],
            "observees": [{"value": "3163"}],
        },
    }
    other = BOB
    changed: Resource = {
        **ANNA,
        ENTERPRISE: {"organization": "Another University"},
        LMS_USER: {"institutionRoleIds": ["105"], "observees": [{"value": "3164"}]},
    }
    taken = ({"userName": "ann.smith@EXAMPLE.ORG"}, {"externalId": "ext-1"})

    @pytest.fixture
    def collection(self, brightspace: Joined) -> Collection:
        return brightspace["User"]


class TestCourses(CourseContract):
    sample: Resource = {
        "courseId": "PHYS-1",
        "name": "Physics",
        "description": "<p>All of it</p>",
        "categoryId": "6660",
        "termId": "6655",
        "available": "Yes",
        "start": "2026-09-01T00:00:00.000Z",
        "end": "2027-03-31T01:00:00+01:00",
        "enrollmentType": "SelfEnrollment",
    }
    other: Resource = {"courseId": "CHEM-1", "name": "Chemistry", "categoryId": "6660"}
    changed: Resource = {
        "courseId": "PHYS-2",
        "name": "Physics I",
        "description": "More",
        "end": "2027-04-30T00:00:00.000Z",
        "available": "No",
        "enrollmentType": "InstructorLed",
    }

    @pytest.fixture
    def collection(self, brightspace: Joined) -> Collection:
        return brightspace["Course"]


class TestMemberships(MembershipContract):
    sample: Resource = {"userId": "3163", "courseId": "6671", "courseRoleId": "110"}
    other: Resource = {"userId": "3164", "courseId": "6672"}
    changed: Resource = {"courseRoleId": "109"}
    roles = ("110", "109")

    @pytest.fixture
    def collection(self, brightspace: Joined) -> Collection:
        two_courses(brightspace)
        return brightspace["Membership"]


class GroupsContract(GroupContract):
    changed: Resource = {
        "displayName": "Team One",
        "externalId": "g-2",
        LMS_GROUP: {"description": "1"},
    }

    def made(self, brightspace: Joined) -> Collection:
        two_courses(brightspace)
        for user in ("3163", "3164", "3165", "3166"):
            pair = {"userId": user, "courseId": "6671", "courseRoleId": "110"}
            brightspace["Membership"].create(TICKET, pair)
        return brightspace["Group"]

    @pytest.fixture
    def members(self) -> list[str]:
        return ["3163", "3164", "3165", "3166"]


class TestGroups(GroupsContract):
    sample: Resource = {
        "displayName": "Team 1",
        "externalId": "G-1",
        "members": [{"value": "3163", "type": "User"}],
        LMS_GROUP: {
            "courseId": "6671",
            "parentId": "7001",
            "isGroupSet": False,
            "description": "The first",
        },
    }
    other: Resource = {"displayName": "Team 2", LMS_GROUP: {"courseId": "6671"}}

    @pytest.fixture
    def collection(self, brightspace: Joined) -> Collection:
        groups = self.made(brightspace)
        made = groups.create(
            TICKET, {"displayName": "Teams", LMS_GROUP: {"courseId": "6671", "isGroupSet": True}}
        )
        assert made["id"] == "set-6671.7001"
        return groups


class TestSections(GroupsContract):
    sample: Resource = {
        "displayName": "Section 1",
        "externalId": "S-1",
        "members": [{"value": "3163", "type": "User"}],
        LMS_GROUP: {"courseId": "6671", "isGroupSet": False, "description": "<b>The first</b>"},
    }
    apart = (f"{LMS_GROUP}:parentId",)
    other: Resource = {"displayName": "Section 2", LMS_GROUP: {"courseId": "6671"}}

    @pytest.fixture
    def collection(self) -> Collection:
        more = {"default_course_role": 110, "new_groups": "section"}
        return self.made(joined(users=6, more=more))


class TestSets(GroupsContract):
    sample: Resource = {
        "displayName": "Teams",
        LMS_GROUP: {"courseId": "6671", "isGroupSet": True, "description": "All"},
    }
    apart = ("externalId", "members", f"{LMS_GROUP}:parentId")
    other: Resource = {"displayName": "Team 2", LMS_GROUP: {"courseId": "6671"}}
    changed: Resource = {"displayName": "Crews", LMS_GROUP: {"description": "1"}}

    @pytest.fixture
    def collection(self, brightspace: Joined) -> Collection:
        return self.made(brightspace)


def two_courses(brightspace: Joined) -> None:
    """Make the courses `6671` and `6672`, in which nobody is."""
    for code in ("PHYS-1", "CHEM-1"):
        brightspace["Course"].create(TICKET, {"courseId": code, "name": code, "categoryId": "6660"})
