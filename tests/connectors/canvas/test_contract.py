"""Canvas's users fulfil what every connector promises."""

from __future__ import annotations

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from schemas.user import LMS_USER
from tests.connectors.canvas.joined import joined
from tests.connectors.contract import UserContract
from tests.connectors.samples import BOB

PRONOUNS = ("She/Her", "They/Them")


class TestUsers(UserContract):
    sample: Resource = {
        "userName": "Ann.Smith@Example.org",
        "externalId": "EXT-1",
        "name": {"givenName": "Ann Mary", "familyName": "van Smith", "formatted": "Dr Ann Smith"},
        "displayName": "Annie",
        "title": "Professor",
        "locale": "en-GB",
        "timezone": "Europe/Berlin",
        "userType": "teacher",
        "active": True,
        "password": "a Secret 1!",
        "emails": [{"value": "Ann@Example.org", "type": "work", "primary": True}],
        "photos": [{"value": "https://example.org/a.png", "type": "photo", "primary": True}],
        LMS_USER: {"description": "Teaches", "pronouns": "She/Her", "observers": []},
    }
    other = BOB
    changed: Resource = {
        "userName": "anna",
        "externalId": "ext-2",
        "name": {"givenName": "Anna", "familyName": "Müller", "formatted": "Anna Müller"},
        "displayName": "An",
        "title": "Dean",
        "locale": "de",
        "timezone": "Europe/London",
        "userType": "staff",
        "active": False,
        "password": "Another 2!",
        "emails": [{"value": "anna@example.org", "type": "work", "primary": True}],
        "photos": [{"value": "https://example.org/b.png", "type": "photo", "primary": True}],
        LMS_USER: {"description": "Leads", "pronouns": "They/Them", "observers": []},
    }
    derived = ("name.formatted", "displayName", "name.givenName", "name.familyName")
    taken = ({"userName": "ann.smith@EXAMPLE.ORG"}, {"externalId": "EXT-1"})

    @pytest.fixture
    def collection(self) -> Collection:
        site = joined(
            users=6,
            more={"profiles": True, "pronouns": PRONOUNS},
            profiles=True,
            pronouns=PRONOUNS,
        )
        users = site["User"]
        watcher = self.create(users, {"userName": "watcher"})
        for resource in (self.sample, self.changed):
            resource[LMS_USER]["observers"] = [{"value": watcher["id"], "userName": "watcher"}]
        return users
