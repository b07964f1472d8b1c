"""The law on Canvas's courses, memberships, roles, and groups of each kind."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Collection
from connectors.canvas.simulator.records import Term
from connectors.mapping import Resource
from schemas.group import LMS_GROUP
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.law import check_law, everything, law_filters
from tests.schemas.strategies import properties

NAMES = (
    *("Ann", "ANN", "ann", "Weiß", "WEISS", "weiss", "ΣΊΣΥΦΟΣ", "σίσυφος", "İstanbul", "istanbul"),
    *("oﬃce", "office", "Kelvin", "kelvin", "100%", "a_b", "axb", "a\\b", "a*b", "0", "12-3", "7"),
    *("O'Brien", 'say "hi"', "  two  blanks ", "é", "e\u0301", "😀", "-", "ss/1", "SS/1", "a.json"),
)
ROLES = ("StudentEnrollment", "TeacherEnrollment", "Lab Assistant")


def fill_with_odd_names(canvas: Joined) -> None:
    """Add courses, groups and sections whose values differ in letter case and little else."""
    canvas.site.terms.put(Term(2, "Spring", 0, "2026S"))
    for number, name in enumerate(NAMES):
        other = NAMES[(number * 7 + 3) % len(NAMES)]
        course = canvas.create(
            "Course",
            {
                "courseId": f"{name}{number}",
                "name": other,
                "externalId": f"{other}-{number}",
                "available": ("Yes", "No")[number % 2],
                "closedComplete": number % 5 == 1,
                "termId": ("1", "2")[number % 3 == 0],
                "allowGuests": number % 4 == 0,
            },
        )
        user, next_user = f"{1001 + number % 8}", f"{1002 + number % 7}"
        group: Resource = {
            "displayName": f"{name}{number % 3}" if number % 2 else f"{number}{name}",
            "externalId": f"{name}/{number}",
            "members": [{"value": user, "type": "User"}],
        }
        canvas.create("Group", group)
        if number % 5 == 1 or number % 3:
            continue
        canvas.create(
            "Membership",
            {
                "userId": user,
                "courseId": course["id"],
                "courseRoleId": ROLES[number % 9 // 3],
                "available": ("Yes", "No", "Disabled")[number % 4 % 3],
            },
        )
        section = {"displayName": other, LMS_GROUP: {"courseId": course["id"]}}
        canvas.create("Group", {**section, "members": [{"value": next_user}]})
        path = f"/api/v1/courses/{course['id']}/group_categories"
        make(canvas, path, name)


def make(canvas: Joined, path: str, name: str) -> None:
    """Make a set with a group in a course, past the connector."""
    client = canvas.simulator.test_client()
    headers = {"Authorization": f"Bearer {canvas.site.token}", "User-Agent": "test"}
    made = client.post(path, json={"name": name}, headers=headers).get_json()
    path = f"/api/v1/group_categories/{made['id']}/groups"
    client.post(path, json={"name": name}, headers=headers)


@cache
def held(name: str) -> tuple[Collection, list[Resource], st.SearchStrategy[str]]:
    canvas = joined(users=8, courses=3, kinds=("cohort", "section", "courseGroup"))
    fill_with_odd_names(canvas)
    collection = canvas[name]
    every = everything(collection)
    return collection, every, law_filters(collection, every)


@pytest.mark.parametrize("name", ["Course", "Role", "Membership", "Group"])
@properties
@given(data=st.data())
def test_pushing_down_finds_what_reading_everything_finds(name: str, data: st.DataObject) -> None:
    collection, every, texts = held(name)
    walks = name in ("Membership", "Group")
    check_law(collection, every, data.draw(texts), walks=walks)
