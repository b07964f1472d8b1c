"""Recorded bodies and the simulator's have the same members, each with a value of the same type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.brightspace.site import FIXTURES, LE, Client, fixture, simulator

TESTS = sorted((FIXTURES.parents[1] / "connectors" / "brightspace").glob("*.py"))


@pytest.fixture(scope="module")
def client() -> Client:
    made = Client(simulator(users=60, courses=3))
    made.ok("PUT users/3163/names", fixture("user_names"))
    made.ok("PUT attributes/users/3163", fixture("user_attributes"))
    made.ok("PUT demographics/users/3163", fixture("user_demographics"))
    made.ok("PUT profile/user/3163", fixture("user_profile"))
    return made


def same_shape(mine: Any, recorded: Any, where: str = "") -> list[str]:
    """Return where a body differs from a recorded one in its members or their types."""
    if mine is None or recorded is None:
        return []
    if type(mine) is not type(recorded):
        return [f"{where}: {type(mine).__name__} for {type(recorded).__name__}"]
    if isinstance(mine, dict):
        found = [f"{where}: {name}" for name in mine.keys() ^ recorded.keys()]
        for name in mine.keys() & recorded.keys():
            found += same_shape(mine[name], recorded[name], f"{where}/{name}")
        return found
    if isinstance(mine, list) and recorded:
        assert mine, where
        return [line for one in mine for line in same_shape(one, recorded[0], where)]
    return []


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("attribute_schemas", "attributes/schemas/"),
        ("classlist", f"{LE}/6671/classlist/"),
        ("classlist_paged", f"{LE}/6671/classlist/paged/"),
        ("course", "courses/6671"),
        ("enrollment", "enrollments/orgUnits/6671/users/3165"),
        ("enrollment_org_role", "enrollments/users/3163/orgUnits/6606"),
        ("enrollments_orgunit_users_page", "enrollments/orgUnits/6671/users/"),
        ("enrollments_user_orgunits_page", "enrollments/users/3163/orgUnits/"),
        ("group", "6671/groupcategories/7001/groups/6674"),
        ("group_category", "6671/groupcategories/7001"),
        ("organization_info", "organization/info"),
        ("orgunit", "orgstructure/6671"),
        ("orgunit_descendants_page", "orgstructure/6606/descendants/paged/"),
        ("orgunit_page", "orgstructure/"),
        ("orgunit_types", "outypes/"),
        ("role", "roles/110"),
        ("roles", "roles/"),
        ("user", "users/3163"),
        ("user_activation", "users/3163/activation"),
        ("user_attributes", "attributes/users/3163"),
        ("user_demographics", "demographics/users/3163"),
        ("user_names", "users/3163/names"),
        ("user_page_empty", "users/?bookmark=99999"),
        ("user_page_more", "users/"),
        ("user_page_last", "users/?bookmark=3200"),
        ("user_profile", "profile/user/3163"),
        ("user_query_array", "users/?orgDefinedId=E1000001"),
        ("user_query_username", "users/?userName=user1"),
        ("versions", "/d2l/api/versions/"),
        ("whoami", "users/whoami"),
    ],
)
def test_answers_have_the_recorded_shape(client: Client, name: str, address: str) -> None:
    assert same_shape(client.ok(f"GET {address}"), fixture(name)) == []


def test_the_comparison_sees_differences() -> None:
    assert same_shape({"a": 1}, {"a": "1"}) == ["/a: int for str"]
    assert same_shape({"a": [{"b": 1}]}, {"a": [{"c": 1}]}) != []
    assert same_shape({"a": True}, {"a": 1}) != []
    assert same_shape({"a": None}, {"a": 1}) == []


def test_nothing_tells_a_total(client: Client) -> None:
    for path in ("users/", "orgstructure/", "enrollments/orgUnits/6606/users/"):
        page = client.ok(f"GET {path}")
        assert page.keys() == {"PagingInfo", "Items"}
        assert page["PagingInfo"].keys() == {"Bookmark", "HasMoreItems"}


def test_every_recorded_body_is_read_by_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in TESTS)
    unread = [path.stem for path in FIXTURES.glob("*.json") if f'"{path.stem}"' not in tests]
    assert unread == []
