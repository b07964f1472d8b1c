"""The law on every resource type of Moodle, before both databases."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Collection
from connectors.mapping import Resource
from tests.connectors.law import check_law, everything, law_filters
from tests.connectors.moodle.site import (
    DATABASES,
    fill_with_odd_courses,
    fill_with_odd_names,
    joined,
)
from tests.schemas.strategies import properties

MORE = {"groups": ["cohort", "courseGroup"]}


@cache
def held(database: str, name: str) -> tuple[Collection, list[Resource], st.SearchStrategy[str]]:
    moodle = joined(users=8, cohorts=2, database=database)
    fill_with_odd_names(moodle.site)
    collection = moodle[name]
    every = everything(collection)
    return collection, every, law_filters(collection, every)


@cache
def with_courses(
    database: str, name: str
) -> tuple[Collection, list[Resource], st.SearchStrategy[str]]:
    moodle = joined(users=12, cohorts=3, more=MORE, database=database)
    fill_with_odd_courses(moodle.site)
    collection = moodle[name]
    every = everything(collection)
    return collection, every, law_filters(collection, every)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("name", ["User", "Group"])
@properties
@given(data=st.data())
def test_pushing_down_finds_what_reading_everything_finds(
    database: str, name: str, data: st.DataObject
) -> None:
    collection, every, texts = held(database, name)
    check_law(collection, every, data.draw(texts))


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("name", ["Course", "Membership", "Group", "Role"])
@properties
@given(data=st.data())
def test_pushing_down_on_courses_and_what_is_in_them(
    database: str, name: str, data: st.DataObject
) -> None:
    collection, every, texts = with_courses(database, name)
    check_law(collection, every, data.draw(texts), walks=name != "Role")
