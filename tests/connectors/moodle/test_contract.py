"""Moodle's users and cohorts fulfil what every connector promises, before both databases."""

from __future__ import annotations

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from schemas.attributes import ENTERPRISE
from schemas.group import LMS_GROUP
from schemas.user import LMS_USER
from tests.connectors.contract import GroupContract, UserContract
from tests.connectors.moodle.site import DATABASES, Joined, joined

EVERYTHING = {
    "show_user_identity": ["email", "phone1", "phone2"],
    "languages": ["en", "de"],
}


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
