"""Blackboard's collections fulfil what every connector promises."""

from __future__ import annotations

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from schemas.attributes import ENTERPRISE
from schemas.group import LMS_GROUP
from schemas.user import LMS_USER
from tests.connectors.blackboard.joined import Joined, joined
from tests.connectors.contract import (
    CourseContract,
    GroupContract,
    MembershipContract,
    UserContract,
)
from tests.connectors.operations import TICKET
from tests.connectors.samples import ANN, ANNA, BOB


@pytest.fixture
def blackboard() -> Joined:
    """Give a site that deletes courses at once and whose path forms fold letter case."""
    return joined(users=6, task_seconds=0, case_sensitive_ids=False)


class TestUsers(UserContract):
    sample: Resource = {
        **ANN,
        "name": {**ANN["name"], "honorificPrefix": "Dr", "honorificSuffix": "III"},
        "locale": "en_US",
        ENTERPRISE: {"department": "Physics", "organization": "Example University"},
        LMS_USER: {
            "studentId": "S-1",
            "dataSourceId": "_1_1",
            "educationLevel": "Junior",
            "gender": "Female",
            "birthDate": "2000-02-29",
            "available": "Yes",
            "streetAddress2": "B 2",
            "calendar": "Gregorian",
            "firstDayOfWeek": "Monday",
            "institutionRoleIds": ["STAFF", "ALUMNI", "FACULTY"],
            "systemRoleIds": ["User", "CourseCreator"],
            "observers": [{"value": "_7_1", "userName": "watcher"}],
        },
    }
    other = BOB
    changed: Resource = {
        **ANNA,
        "locale": "de-DE",
        ENTERPRISE: {"department": "Chemistry"},
        LMS_USER: {
            "educationLevel": "Senior",
            "birthDate": "1999-12-31",
            "institutionRoleIds": ["FACULTY", "STAFF"],
            "firstDayOfWeek": "Sunday",
            "observers": [],
        },
    }
    derived = (f"{LMS_USER}:available",)
    taken = ({"userName": "ann.smith@EXAMPLE.ORG"}, {"externalId": "ext-1"})

    @pytest.fixture
    def collection(self, blackboard: Joined) -> Collection:
        users = blackboard["User"]
        watcher = self.create(
            users,
            {
                "userName": "watcher",
                "name": {"givenName": "Wat", "familyName": "Cher"},
                LMS_USER: {"systemRoleIds": ["Observer"]},
            },
        )
        self.sample[LMS_USER]["observers"] = [{"value": watcher["id"], "userName": "watcher"}]
        return users


class TestCourses(CourseContract):
    sample: Resource = {
        "courseId": "PHYS-1",
        "externalId": "C-1",
        "name": "Physics",
        "description": "<p>All of it</p>",
        "dataSourceId": "_2_1",
        "termId": "_31_1",
        "organization": False,
        "ultraStatus": "Classic",
        "allowGuests": True,
        "closedComplete": False,
        "locale": "en-GB",
        "localeForced": True,
        "available": "Yes",
        "durationType": "DateRange",
        "start": "2026-09-01T00:00:00.000Z",
        "end": "2027-01-31T01:00:00+01:00",
        "enrollmentType": "SelfEnrollment",
        "enrollmentStart": "2026-08-01T00:00:00Z",
        "enrollmentEnd": "2026-08-31T00:00:00.000Z",
        "accessCode": "open sesame",
    }
    apart = ("daysOfUse",)
    other: Resource = {"courseId": "CHEM-1", "name": "Chemistry"}
    changed: Resource = {
        "externalId": "c-2",
        "name": "Physics I",
        "description": "More",
        "end": "2027-02-28T00:00:00.000Z",
        "accessCode": "other",
        "available": "No",
        "allowGuests": False,
        "locale": "de-DE",
    }

    @pytest.fixture
    def collection(self, blackboard: Joined) -> Collection:
        return blackboard["Course"]


class TestMemberships(MembershipContract):
    sample: Resource = {
        "userId": "_101_1",
        "courseId": "_5001_1",
        "courseRoleId": "Student",
        "available": "Yes",
        "dataSourceId": "_2_1",
    }
    apart = ("childCourseId",)
    other: Resource = {"userId": "_102_1", "courseId": "_5002_1"}
    changed: Resource = {"available": "No", "courseRoleId": "Grader", "dataSourceId": "_1_1"}
    roles = ("Student", "Instructor")

    @pytest.fixture
    def collection(self, blackboard: Joined) -> Collection:
        two_courses(blackboard)
        return blackboard["Membership"]


class TestGroups(GroupContract):
    sample: Resource = {
        "displayName": "Team 1",
        "externalId": "G-1",
        "members": [{"value": "_101_1", "type": "User"}],
        LMS_GROUP: {
            "courseId": "_5001_1",
            "parentId": "_801_1",
            "isGroupSet": False,
            "description": "The first",
            "available": "SignupOnly",
            "enrollmentLimit": 10,
            "signupSheetName": "Sign up",
            "signupSheetDescription": "Here",
            "signupSheetShowMembers": True,
        },
    }
    other: Resource = {"displayName": "Team 2", LMS_GROUP: {"courseId": "_5001_1"}}
    changed: Resource = {
        "displayName": "Team One",
        "externalId": "g-2",
        LMS_GROUP: {"description": "1", "available": "Yes", "enrollmentLimit": 5},
    }

    @pytest.fixture
    def collection(self, blackboard: Joined) -> Collection:
        two_courses(blackboard)
        for user in ("_101_1", "_102_1", "_103_1", "_104_1"):
            blackboard["Membership"].create(TICKET, {"userId": user, "courseId": "_5001_1"})
        groups = blackboard["Group"]
        made = groups.create(
            TICKET, {"displayName": "Teams", LMS_GROUP: {"courseId": "_5001_1", "isGroupSet": True}}
        )
        self.sample[LMS_GROUP]["parentId"] = made["id"].partition(".")[2]
        return groups

    @pytest.fixture
    def members(self) -> list[str]:
        return ["_101_1", "_102_1", "_103_1", "_104_1"]


def two_courses(blackboard: Joined) -> None:
    """Make the courses `_5001_1` and `_5002_1`, in which nobody is."""
    for code in ("PHYS-1", "CHEM-1"):
        blackboard["Course"].create(TICKET, {"courseId": code, "name": code})
