"""Which resources a filter selects: types, letter case, lists, and values that are not there."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.filters import parse_filter
from schemas.group import GROUP
from schemas.match import compile_filter, is_present
from schemas.user import USER

LMS = "urn:ietf:params:scim:schemas:extension:lms:2.0:"
EMAILS = {"emails": [{"value": "a@x", "type": "work"}, {"value": "b@y", "type": "home"}]}


def selects(text: str, resource: dict[str, Any], resource_type: Any = USER) -> bool:
    return compile_filter(parse_filter(text, resource_type))(resource)


@pytest.mark.parametrize(
    ("held", "operator", "wanted", "expected"),
    [
        *(("bjensen", "eq", "BJENSEN", True), ("bjensen", "ne", "BJensen", False)),
        *(("bjensen", "co", "JEN", True), ("bjensen", "sw", "Bj", True)),
        *(("bjensen", "sw", "jensen", False), ("bjensen", "ew", "SEN", True)),
        *(("bjensen", "ew", "bjensenx", False), ("b", "gt", "A", True), ("b", "lt", "C", True)),
        *(("b", "ge", "B", True), ("b", "le", "B", True), ("b", "gt", "B", False)),
        *(("straße", "eq", "STRASSE", True), ("ΟΔΟΣ", "eq", "οδος", True)),
        *(("ﬁn", "eq", "FIN", True), ("x", "co", "", True), ("a%b", "eq", "a_b", False)),
        *(("a*", "sw", "a*", True), ("ab", "sw", "a*", False), ("a\\b", "co", "\\", True)),
    ],
)
def test_strings_without_case_exact(held: str, operator: str, wanted: str, expected: bool) -> None:
    quoted = wanted.replace("\\", "\\\\")
    assert selects(f'userName {operator} "{quoted}"', {"userName": held}) is expected


@pytest.mark.parametrize("operator", ["eq", "co", "sw", "ew"])
def test_letter_case_counts_where_the_attribute_says_so(operator: str) -> None:
    for name in ("id", "externalId", "profileUrl"):
        assert selects(f'{name} {operator} "Abc"', {name: "Abc"})
        assert not selects(f'{name} {operator} "abc"', {name: "Abc"})


MOMENT = {"meta": {"lastModified": "2011-05-13T04:42:34Z"}}
SAME = [
    *("2011-05-13T04:42:34Z", "2011-05-13T04:42:34.0Z", "2011-05-13T04:42:34.00Z"),
    *("2011-05-13T04:42:34.000Z", "2011-05-13T04:42:34.000000Z", "2011-05-13T04:42:34+00:00"),
    *("2011-05-13T04:42:34-00:00", "2011-05-13T06:42:34+02:00", "2011-05-12T23:42:34-05:00"),
    *("2011-05-13T10:12:34+05:30", "2011-05-13T18:42:34+14:00", "2011-05-12T16:42:34.000-12:00"),
    *("2011-05-13T04:42:34", "2011-05-13T04:42:34.0000000Z"),
]
LATER = [
    *("2011-05-13T04:42:34.000001Z", "2011-05-13T04:42:34.5Z", "2011-05-13T04:42:35Z"),
    *("2011-05-13T04:42:34-00:01", "2011-05-13T04:42:34-02:00", "2012-01-01T00:00:00+14:00"),
    *("2011-05-13T06:42:34.1+02:00", "2011-05-13T07:00:00+02:00", "9999-12-31T23:59:59Z"),
    "9999-12-31T23:59:59-12:00",
]


@pytest.mark.parametrize("written", SAME)
def test_one_instant_in_many_forms(written: str) -> None:
    for operator, expected in (("eq", True), ("ge", True), ("gt", False), ("ne", False)):
        assert selects(f'meta.lastModified {operator} "{written}"', MOMENT) is expected


@pytest.mark.parametrize("written", LATER)
def test_instants_are_ordered_by_time_not_by_text(written: str) -> None:
    for operator, expected in (("lt", True), ("le", True), ("eq", False), ("gt", False)):
        assert selects(f'meta.lastModified {operator} "{written}"', MOMENT) is expected


def test_the_earliest_instant_can_be_compared() -> None:
    assert selects('meta.lastModified gt "0001-01-01T00:00:00+23:00"', MOMENT)


def test_numbers_are_compared_as_numbers() -> None:
    group = {LMS + "Group": {"enrollmentLimit": 9}}
    assert selects("enrollmentLimit lt 10", group, GROUP)
    assert selects("enrollmentLimit eq 9.0", group, GROUP)
    assert not selects("enrollmentLimit gt 10", group, GROUP)


def test_booleans() -> None:
    assert selects("active eq false", {"active": False})
    assert selects("active ne true", {"active": False})
    assert not selects("active eq true", {"active": False})


def test_a_list_matches_when_any_value_does() -> None:
    assert selects('emails.value eq "a@x"', EMAILS) and selects('emails.value eq "b@y"', EMAILS)
    assert selects('emails.value ne "a@x"', EMAILS)
    assert selects('emails co "@Y"', EMAILS)
    assert selects('emails.type eq "work" and emails.value eq "b@y"', EMAILS)


def test_a_value_path_asks_one_and_the_same_value() -> None:
    assert not selects('emails[type eq "work" and value eq "b@y"]', EMAILS)
    assert selects('emails[type eq "home" and value eq "b@y"]', EMAILS)
    assert not selects('emails[type eq "work"].value eq "b@y"', EMAILS)
    assert selects('emails[not (type eq "work")]', EMAILS)
    assert not selects("emails[not (type pr)]", EMAILS)
    assert not selects('emails[type ne "x"]', {})


def test_a_list_of_simple_values() -> None:
    user = {LMS + "User": {"institutionRoleIds": ["STUDENT", "STAFF"]}}
    assert selects('institutionRoleIds eq "STAFF"', user)
    assert not selects('institutionRoleIds eq "staff"', user)
    assert selects('institutionRoleIds[value sw "STA"]', user)
    assert not selects('institutionRoleIds[value sw "STA" and value ew "T"]', user)


@pytest.mark.parametrize("user", [{}, {"title": None}, {"title": ""}])
def test_what_is_unassigned_differs_from_everything_and_is_nothing_else(user: dict) -> None:
    assert selects('title ne "x"', user)
    for operator in ("eq", "co", "sw", "ew", "gt", "ge", "lt", "le"):
        assert not selects(f'title {operator} "x"', user)
    assert selects('not (title eq "x")', user)
    assert not selects("title pr", user) and selects("title eq null", user)
    assert not selects("title ne null", user)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((None, False), ("", False), ([], False), ({}, False), ([""], False), ([{}], False)),
        *(({"a": None}, False), ([{"a": ""}, {}], False), ({"a": []}, False)),
        *((False, True), (0, True), ("x", True), (["x"], True), ({"a": False}, True)),
    ],
)
def test_present_means_a_value_that_is_not_empty(value: object, expected: bool) -> None:
    assert is_present(value) is expected
    assert selects("name pr", {"name": value}) is expected


def test_extension_attributes_are_found_below_their_urn() -> None:
    user = {
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "26"}}
    }
    assert selects('manager eq "26"', user) and selects("manager pr", user)
    assert not selects('manager eq "26"', {"manager": {"value": "26"}})
