"""The law on every resource type of Brightspace."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Collection
from connectors.mapping import Resource
from schemas.group import LMS_GROUP
from schemas.user import LMS_USER
from tests.connectors.brightspace.joined import Joined, joined
from tests.connectors.law import check_law, everything, law_filters
from tests.connectors.operations import TICKET
from tests.schemas.strategies import properties

NAMES = (
    *("Ann", "ANN", "ann", "Weiß", "WEISS", "weiss", "ΣΊΣΥΦΟΣ", "σίσυφος", "İstanbul", "istanbul"),
    *("oﬃce", "office", "Kelvin", "kelvin", "100%", "a_b", "axb", "a\\b", "a*b", "0", "12-3", "7"),
    *("O'Brien", 'say "hi"', "  two  blanks ", "é", "e\u0301", "😀", "-", "ss/1", "[a]b", "a+b&c"),
)
NOT_IN_CODES = str.maketrans("", "", "\\:*?\"<>|'#,%&")


def fill_with_odd_names(brightspace: Joined) -> None:
    """Add accounts, courses and groups whose values differ in letter case and little else."""
    for number, name in enumerate(NAMES):
        other = NAMES[(number * 7 + 3) % len(NAMES)]
        user = brightspace["User"].create(
            TICKET,
            {
                "userName": f"{name}{number}",
                "externalId": f"{other}-{number}",
                "name": {"givenName": name, "familyName": other},
                "title": other,
                "emails": [{"type": "work", "value": f"{'Kas' if number % 2 else 'ss'}@b.example"}],
                "active": number % 3 != 0,
                LMS_USER: {
                    "institutionRoleIds": [("103", "109", "118")[number % 3]],
                    "observees": [{"value": "3163"}] if number % 3 == 2 else [],
                },
            },
        )
        if number % 3:
            continue
        code = f"{name}.{number}".translate(NOT_IN_CODES)
        course = brightspace["Course"].create(
            TICKET, {"courseId": code, "name": other, "description": name, "categoryId": "6660"}
        )
        pair = {"userId": user["id"], "courseId": course["id"]}
        brightspace["Membership"].create(TICKET, {**pair, "courseRoleId": str(109 + number % 2)})
        group = {"displayName": name, "members": [{"value": user["id"]}]}
        brightspace["Group"].create(TICKET, {**group, LMS_GROUP: {"courseId": course["id"]}})


@cache
def held(name: str) -> tuple[Collection, list[Resource], st.SearchStrategy[str]]:
    brightspace = joined(users=8, courses=3, more={"profile": True}, credits_per_minute=10**9)
    fill_with_odd_names(brightspace)
    collection = brightspace[name]
    every = everything(collection)
    return collection, every, law_filters(collection, every)


@pytest.mark.parametrize("name", ["User", "Group", "Course", "Membership", "Role"])
@properties
@given(data=st.data())
def test_pushing_down_finds_what_reading_everything_finds(name: str, data: st.DataObject) -> None:
    collection, every, texts = held(name)
    # People of a role are read one by one, and groups and memberships from course to course.
    walks = name not in ("Role", "Course")
    check_law(collection, every, data.draw(texts), walks=walks)
