"""The law on every resource type of Blackboard."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Collection
from connectors.mapping import Resource
from schemas.user import LMS_USER
from tests.connectors.blackboard.joined import Joined, joined
from tests.connectors.law import check_law, everything, law_filters
from tests.connectors.operations import TICKET
from tests.schemas.strategies import properties

NAMES = (
    *("Ann", "ANN", "ann", "Weiß", "WEISS", "weiss", "ΣΊΣΥΦΟΣ", "σίσυφος", "İstanbul", "istanbul"),
    *("oﬃce", "office", "Kelvin", "kelvin", "100%", "a_b", "axb", "a\\b", "a*b", "0", "12-3", "7"),
    *("O'Brien", 'say "hi"', "  two  blanks ", "é", "e\u0301", "😀", "-", "ss/1", "SS/1"),
)


def fill_with_odd_names(blackboard: Joined) -> None:
    """Add accounts, courses and groups whose values differ in letter case and little else."""
    users, courses = blackboard["User"], blackboard["Course"]
    for number, name in enumerate(NAMES):
        other = NAMES[(number * 7 + 3) % len(NAMES)]
        user = users.create(
            TICKET,
            {
                "userName": f"{name.strip()}{number}",
                "externalId": f"{other.strip()}-{number}",
                "name": {"givenName": name, "familyName": other},
                "emails": [{"type": "work", "value": f"{'Kas' if number % 2 else 'ss'}@b.example"}],
                "active": number % 3 != 0,
                LMS_USER: {
                    "studentId": (other, name)[number % 2],
                    "systemRoleIds": ["User"],
                    "institutionRoleIds": [("STUDENT", "STAFF", "FACULTY")[number % 3], "ALUMNI"],
                    "available": ("No", "Yes", "Disabled")[number % 3],
                },
            },
        )
        if number % 3:
            continue
        course = courses.create(
            TICKET, {"courseId": f"{name.strip()}.{number}", "name": other, "description": name}
        )
        pair = {"userId": user["id"], "courseId": course["id"]}
        role = ("Student", "Grader", "Instructor")[number % 9 // 3]
        blackboard["Membership"].create(TICKET, {**pair, "courseRoleId": role})


@cache
def held(name: str) -> tuple[Collection, list[Resource], st.SearchStrategy[str]]:
    blackboard = joined(users=8, courses=3, case_sensitive_ids=False, daily_limit=10**8)
    fill_with_odd_names(blackboard)
    collection = blackboard[name]
    every = everything(collection)
    return collection, every, law_filters(collection, every)


@pytest.mark.parametrize("name", ["User", "Group", "Course", "Membership", "Role"])
@properties
@given(data=st.data())
def test_pushing_down_finds_what_reading_everything_finds(name: str, data: st.DataObject) -> None:
    collection, every, texts = held(name)
    # What Learn refuses to look for is looked for in the whole list, in a call more.
    check_law(collection, every, data.draw(texts), walks=True)
