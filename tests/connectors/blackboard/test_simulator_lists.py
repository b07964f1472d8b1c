"""Lists of the simulator: pages, filters with their defects, order, choice of properties."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.blackboard.simulator import Clock, create_simulator
from connectors.blackboard.simulator.entitlements import ALL, MODIFY_USERS
from connectors.simulation.clock import write_date
from tests.connectors.blackboard.site import PREFIX, START, Client, course, person

LISTS = {
    "v1/users": (100, 100),
    "v1/courses": (100, 100),
    "v2/courses": (100, 100),
    "v3/courses": (100, 100),
    "v1/courses/_5001_1/users": (200, 200),
    "v1/users/_101_1/courses": (100, 100),
    "v1/users/_101_1/observers": (100, 100),
    "v1/users/_101_1/observees": (100, 100),
    "v1/courses/_5001_1/groups": (20, 1000),
    "v2/courses/_5001_1/groups": (20, 1000),
    "v2/courses/_5001_1/groups/_802_1/users": (20, 1000),
    "v1/terms": (100, 200),
    "v1/dataSources": (100, 100),
    "v1/institutionRoles": (100, 100),
    "v1/systemRoles": (100, 100),
    "v1/courseRoles": (100, 100),
}


def start(users: int = 0, courses: int = 0, **settings: Any) -> Client:
    return Client(create_simulator(users, courses, clock=Clock(START), **settings))


@pytest.fixture(scope="module")
def full() -> Client:
    return start(users=260, courses=1)


@pytest.mark.parametrize("path", LISTS)
def test_a_limit_above_the_most_is_refused(full: Client, path: str) -> None:
    most = LISTS[path][1]
    assert full.status(f"GET {path}", limit=most) == 200
    refusal = (400, f"Paging limit may not exceed {most}")
    assert full.refused(f"GET {path}", limit=most + 1) == refusal


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "x"), ("offset", "-1"), ("offset", "1.5")]
)
def test_numbers_that_are_none(full: Client, name: str, value: str) -> None:
    assert full.status("GET v1/users", **{name: value}) == 400


def test_a_page_without_a_limit(full: Client) -> None:
    assert [len(page) for page in full.walk("v1/users")] == [100, 100, 61]
    members = [len(page) for page in full.walk("v1/courses/_5001_1/users")]
    assert members == [200, 50]


def test_a_page_of_groups_without_a_limit() -> None:
    client = start(courses=1)
    for number in range(25):
        client.ok("POST v2/courses/_5001_1/groups", {"name": f"G{number}"})
    assert [len(page) for page in client.walk("v2/courses/_5001_1/groups")] == [20, 6]


def test_the_next_page_is_a_path_that_ends_with_the_offset(full: Client) -> None:
    page = full.ok("GET v1/users?offset=1&userName=user1&limit=2&fields=id")
    expected = f"{PREFIX}/v1/users?userName=user1&limit=2&fields=id&offset=3"
    assert page["paging"] == {"nextPage": expected}
    assert page.keys() == {"results", "paging"}
    assert page["results"][0].keys() == {"id"}


def test_a_walk_finds_each_row_once_and_the_last_page_has_no_paging(full: Client) -> None:
    pages = full.walk("v1/users", limit=87)
    ids = [row["id"] for page in pages for row in page]
    assert [len(page) for page in pages] == [87, 87, 87]
    assert len(set(ids)) == len(ids) == 261
    assert full.ok("GET v1/users", offset=999) == {"results": []}


def test_the_next_page_keeps_what_was_encoded(full: Client) -> None:
    page = full.ok("GET v3/courses?name=a%26b%20c&limit=1")
    assert page == {"results": []}
    client = start()
    for name in ("A", "B"):
        client.ok("POST v3/courses", course(name, name="7%&ü"))
    found = client.walk("v3/courses", name="7%&ü", limit=1)
    assert [row["courseId"] for page in found for row in page] == ["A", "B"]


def test_short_pages() -> None:
    client = start(users=30, short_pages=True)
    pages = client.walk("v1/users", limit=10)
    assert any(len(page) < 10 for page in pages[:-1])
    assert [row["userName"] for page in pages for row in page] == [
        "integration",
        *(f"user{number}" for number in range(1, 31)),
    ]


def names(client: Client, **parameters: Any) -> list[str]:
    found: list[str] = client.names("v1/users", "userName", **parameters)
    return found


@pytest.fixture
def named() -> Client:
    client = start()
    family = {"given": "A", "family": "McDonald"}
    client.ok("POST v1/users", person("abc", externalId="j55", name=family))
    client.ok("POST v1/users", person("xABCx", externalId="J5555"))
    client.ok("POST v1/users", person("123", externalId="77-8"))
    return client


def test_contains_with_the_case_defect(named: Client) -> None:
    assert names(named, userName="abc") == names(named, userName="ABC") == ["abc"]
    assert names(named, externalId="J5555") == names(named, externalId="j5555") == []
    assert names(named, externalId="555") == ["xABCx"]
    assert names(named, **{"name.family": "onald"}) == ["abc"]
    assert names(named, **{"name.family": "Mc"}) == []
    assert named.ok("GET v1/users/externalId:J5555")["userName"] == "xABCx"


def test_contains_without_the_case_defect(named: Client) -> None:
    named.site.settings.case_defect = False
    assert names(named, userName="aBc") == ["abc", "xABCx"]
    assert names(named, externalId="j5555") == ["xABCx"]
    assert names(named, **{"name.family": "mcd"}) == ["abc"]


def test_parameters_are_anded_and_unknown_ones_ignored(named: Client) -> None:
    assert names(named, externalId="5", userName="abc") == ["abc"]
    assert names(named, externalId="5", userName="abc", studentId="none") == []
    assert len(names(named, colour="red", includePermissions="true")) == 4


@pytest.mark.parametrize("property_name", ["created", "modified"])
def test_date_bounds(property_name: str) -> None:
    client = start()
    for name in ("a", "b"):
        client.site.clock.advance(100)
        client.ok("POST v1/users", person(name))
    bound = write_date(START + 200)
    after = {property_name: bound, f"{property_name}Compare": "greaterOrEqual"}
    before = {property_name: bound, f"{property_name}Compare": "lessThan"}
    assert names(client, **{property_name: bound}) == names(client, **after) == ["b"]
    assert names(client, **before) == ["integration", "a"]
    for wrong in ({f"{property_name}Compare": "greaterThan"}, {property_name: "yesterday"}):
        assert client.status("GET v1/users", **{**after, **wrong}) == 400


def test_a_bound_on_a_date_that_a_row_lacks() -> None:
    client = start(users=3)
    seen = ["user1", "user2"]
    bound = write_date(START + 10**9)
    assert names(client, lastLogin="2000-01-01T00:00:00.000Z") == seen
    assert names(client, lastLogin=bound, lastLoginCompare="lessThan") == seen


def test_equalities_of_accounts() -> None:
    client = start(users=40)
    assert names(client, **{"availability.available": "Disabled"}) == ["user13", "user33"]
    assert client.status("GET v1/users", **{"availability.available": "Maybe"}) == 400
    assert names(client, institutionRoleIds="OBSERVER,LIBRARIAN", limit=3) == [
        *("user5", "user10", "user15")
    ]
    assert names(client, studentId="1000007") == ["user7"]
    assert names(client, dataSourceId="externalId:SIS", limit=2) == ["user1", "user3"]
    assert names(client, dataSourceId="_7_1", limit=1) == ["user1"]
    assert client.status("GET v1/users", dataSourceId="externalId:none") == 400
    assert client.status("GET v1/users", dataSourceId="SIS") == 400


def test_the_filter_on_the_address_is_ignored_without_the_entitlement() -> None:
    client = start(users=5)
    wanted = {"contact.email": "user2@students.example.edu"}
    assert names(client, **wanted) == ["user2"]
    client.site.settings.entitlements = set(ALL) - {MODIFY_USERS}
    assert len(names(client, **wanted)) == 6
    client.site.settings.entitlements = set(ALL)
    client.site.settings.version = (3900, 79, 0)
    assert len(names(client, **wanted)) == 6
    client.site.settings.version = (3900, 80, 0)
    client.site.settings.contact_email_filter = False
    assert len(names(client, **wanted)) == 6


def test_an_older_release_ignores_newer_filters() -> None:
    client = start(users=5, version=(3900, 60, 0))
    assert len(names(client, institutionRoleIds="FACULTY")) == 6
    client.site.settings.version = (3900, 61, 0)
    assert names(client, institutionRoleIds="FACULTY") == ["user5"]


def test_filters_of_courses() -> None:
    client = start(courses=12)

    def found(release: int = 3, **parameters: str) -> list[int]:
        ids = client.names(f"v{release}/courses", "id", **parameters)
        return [int(one.split("_")[1]) - 5000 for one in ids]

    assert found(courseId="0011") == [11]
    assert found(courseId="crs") == found(name="history") == []
    assert found(description="number 7") == [7]
    assert found(externalId="sis-course-1") == [1, 10, 11]
    assert found(organization="true") == [5, 10]
    assert found(allowGuests="false") == [4, 8, 12]
    assert found(termId="externalId:2025SP") == found(termId="_31_1") == [1, 4, 7, 10]
    assert found(dataSourceId="_2_1", organization="true") == [10]
    assert found(**{"availability.available": "Term"}) == [1, 4, 7, 10]
    bound = client.site.courses["_5010_1"].body["modified"]
    assert found(modified=bound) == [10, 11, 12]
    assert len(found(release=1, modified=bound)) == 12
    assert client.status("GET v3/courses", organization="maybe") == 400
    client.site.settings.case_defect = False
    assert found(name="history") == [5, 10]
    client.site.settings.parents_with_children = True
    assert found(courseId="0006") == [5, 6]


def test_filters_of_memberships() -> None:
    client = start(users=30, courses=2)
    home = "v1/courses/_5001_1/users"
    everyone = client.rows(home)
    teachers = [row["userId"] for row in everyone if row["courseRoleId"] == "Instructor"]
    assert client.names(home, "userId", role="Instructor") == teachers != []
    assert client.names(home, "userId", role="_1_1") == teachers
    never = [row for row in everyone if "lastAccessed" not in row]
    seen = client.rows(home, lastAccessed="2000-01-01T00:00:00.000Z")
    assert len(never) + len(seen) == len(everyone) and never
    bound = everyone[10]["created"]
    after = client.names(home, "id", created=bound)
    before = client.names(home, "id", created=bound, createdCompare="lessThan")
    assert sorted(before + after) == sorted(row["id"] for row in everyone)
    assert len(before) == 10
    assert len(client.rows(home, dataSourceId="externalId:SIS")) == len(
        [row for row in everyone if row["dataSourceId"] == "_7_1"]
    )
    user = everyone[0]["userId"]
    client.ok(f"PATCH {home}/{user}", {"availability": {"available": "Disabled"}})
    assert client.names(home, "userId", **{"availability.available": "Disabled"}) == [user]
    other = f"v1/users/{user}/courses"
    found = client.names(other, "courseId", modified=write_date(START), role="Student")
    assert found == ["_5001_1"]


def test_filters_of_roles_and_terms() -> None:
    client = start()
    assert client.names("v1/institutionRoles", "roleId", roleId="law") == ["LAW_SCHOOL"]
    customs = client.names("v1/institutionRoles", "roleId", custom="true")
    assert customs == ["LAW_SCHOOL", "LIBRARIAN"]
    assert client.names("v1/courseRoles", "roleId", custom="true") == ["Auditor"]
    assert client.names("v1/terms", "externalId", externalId="sp") == ["2025SP"]
    assert client.names("v1/dataSources", "externalId", externalId="S") == ["SYSTEM", "SIS"]


@pytest.mark.parametrize(
    ("compare", "found"),
    [
        ("equals", ["Ant"]),
        ("notEquals", ["Antler", "Elegant"]),
        ("contains", ["Ant", "Antler", "Elegant"]),
        ("notContains", []),
        ("startsWith", ["Ant", "Antler"]),
        ("", ["Ant", "Antler"]),
    ],
)
def test_names_of_groups(compare: str, found: list[str]) -> None:
    client = start()
    client.ok("POST v3/courses", course("C"))
    home = "v2/courses/courseId:C/groups"
    for name in ("Ant", "Antler", "Elegant"):
        client.ok(f"POST {home}", {"name": name})
    given = {"nameCompare": compare} if compare else {}
    assert client.names(home, "name", name="ANT", **given) == found
    assert client.status(f"GET {home}", name="a", nameCompare="like") == 400


def test_sort() -> None:
    client = start(users=20, courses=3)
    ordered = client.rows("v1/users", sort="name.family(desc),userName")
    keys = [(row["name"]["family"].casefold(), row["userName"]) for row in ordered]
    by_login = sorted(keys, key=lambda key: key[1])
    assert keys == sorted(by_login, key=lambda key: key[0], reverse=True)
    assert client.names("v3/courses", "id", sort="modified(desc)")[0] == "_5003_1"
    assert client.names("v1/courses", "id", sort="created")[0] == "_5003_1"
    assert client.names("v1/systemRoles", "roleId", sort="roleId")[0] == "AccountAdmin"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("v1/users", "id"),
        ("v1/users", "modified"),
        ("v1/courses", "modified"),
        ("v3/courses", "description"),
        ("v1/courses/_5001_1/users", "modified"),
    ],
)
def test_a_property_that_lists_are_not_sorted_by(full: Client, path: str, name: str) -> None:
    assert full.status(f"GET {path}", sort=name) == 400


def test_fields_on_every_kind_of_answer() -> None:
    client = start(users=2, courses=1)
    wanted = {"fields": "id,name.family,contact"}
    (_, row, _) = client.rows("v1/users", **wanted)
    contact = {"email": "user1@students.example.edu"}
    assert row == {"id": "_101_1", "name": {"family": "Novak"}, "contact": contact}
    assert client.ok("GET v1/users/_101_1", fields="userName") == {"userName": "user1"}
    made = client.ok("POST v1/users?fields=userName", person("zo"))
    assert made == {"userName": "zo"}
    changed = client.ok("PATCH v1/users/userName:zo?fields=name.given", {"studentId": "1"})
    assert changed == {"name": {"given": "Ann"}}
    put = client.ok("PUT v1/courses/_5001_1/users/userName:zo?fields=courseRoleId", {})
    assert put == {"courseRoleId": "Student"}
    assert client.ok("GET v1/users/_101_1", fields="nosuch") == {}


def test_expand() -> None:
    client = start(users=3, courses=1)
    (row, *_) = client.rows("v1/courses/_5001_1/users", expand="user")
    assert row["user"] == client.ok(f"GET v1/users/{row['userId']}")
    assert "user" not in client.rows("v1/courses/_5001_1/users")[0]
    (row,) = client.rows("v1/users/_101_1/courses", expand="course")
    assert row["course"] == client.ok("GET v1/courses/_5001_1")
    home = "v2/courses/_5001_1/groups/_802_1/users"
    (row, *_) = client.rows(home, expand="user")
    assert row["user"].keys() == {"id", "uuid"}


def test_a_list_may_carry_a_body_that_means_nothing() -> None:
    client = start(users=1)
    assert client.ok("GET v1/users", {}) == client.ok("GET v1/users")
    assert client.ok("GET v1/users/_101_1", {"userName": "x"})["userName"] == "user1"
