"""The memory connector: the reference implementation."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Collection, Options
from connectors.mapping import Resource
from connectors.memory import Memory
from connectors.planning import Plan
from schemas.attributes import ENTERPRISE
from schemas.errors import ScimError
from schemas.group import LMS_GROUP
from schemas.user import LMS_USER
from tests.connectors.contract import (
    CourseContract,
    GroupContract,
    MembershipContract,
    UserContract,
)
from tests.connectors.law import check_law, everything, law_filters
from tests.connectors.operations import TICKET
from tests.schemas.strategies import groups, properties, users

PLURAL = {"value": "a value", "type": "work", "primary": True}
SAMPLE: Resource = {
    "userName": "Ann@Example.org",
    "externalId": "EXT-1",
    "name": {"givenName": "Ann", "familyName": "Smith", "formatted": "Dr Ann Smith"},
    "displayName": "Ann Smith",
    "nickName": "Annie",
    "profileUrl": "https://example.org/ann",
    "title": "Professor",
    "userType": "Staff",
    "preferredLanguage": "en-GB",
    "locale": "en-GB",
    "timezone": "Europe/London",
    "active": True,
    "password": "a Secret 1!",
    "emails": [PLURAL, {"value": "ann@home.example", "type": "home"}],
    "phoneNumbers": [PLURAL],
    "ims": [PLURAL],
    "photos": [PLURAL],
    "addresses": [{"locality": "London", "type": "work"}],
    "entitlements": [PLURAL],
    "roles": [PLURAL],
    "x509Certificates": [{"value": "YQ=="}],
    ENTERPRISE: {
        "employeeNumber": "1",
        "costCenter": "2",
        "organization": "Example",
        "division": "Science",
        "department": "Physics",
        "manager": {"value": "7"},
    },
    LMS_USER: {
        "studentId": "S1",
        "dataSourceId": "D1",
        "description": "Likes physics",
        "educationLevel": "Junior",
        "gender": "Female",
        "birthDate": "2000-01-01",
        "pronouns": "they/them",
        "available": "Yes",
        "streetAddress2": "B",
        "calendar": "Gregorian",
        "firstDayOfWeek": "Monday",
        "mustChangePassword": True,
    },
}


class TestUsers(UserContract):
    sample = SAMPLE
    other = {"userName": "bob", "name": {"givenName": "Bob"}}
    changed = {
        "userName": "anna",
        "externalId": "EXT-2",
        "name": {"givenName": "Anna"},
        "emails": [{"value": "anna@example.org", "type": "work"}],
        "active": False,
        "password": "Another 2!",
        ENTERPRISE: {"department": "Chemistry"},
        LMS_USER: {"studentId": "S2"},
    }
    taken = ({"userName": "ann@EXAMPLE.org"},)

    @pytest.fixture
    def collection(self) -> Collection:
        return Memory(Options(name="memory")).collections["User"]


COURSE: Resource = {
    "courseId": "PHYS-1",
    "externalId": "C-1",
    "name": "Physics",
    "description": "All of it",
    "dataSourceId": "D1",
    "termId": "T1",
    "categoryId": "1",
    "organization": False,
    "ultraStatus": "Ultra",
    "allowGuests": True,
    "closedComplete": False,
    "locale": "en-GB",
    "localeForced": True,
    "available": "Yes",
    "durationType": "DateRange",
    "start": "2026-09-01T00:00:00Z",
    "end": "2027-01-31T00:00:00Z",
    "daysOfUse": 30,
    "enrollmentType": "SelfEnrollment",
    "enrollmentStart": "2026-08-01T00:00:00Z",
    "enrollmentEnd": "2026-08-31T00:00:00Z",
    "accessCode": "open sesame",
}


class TestCourses(CourseContract):
    sample = COURSE
    other = {"courseId": "CHEM-1", "name": "Chemistry"}
    changed = {"name": "Physics I", "end": "2027-02-28T00:00:00Z", "accessCode": "other"}

    @pytest.fixture
    def collection(self) -> Collection:
        return Memory(Options(name="memory")).collections["Course"]


class TestMemberships(MembershipContract):
    sample = {
        "userId": "1",
        "courseId": "3",
        "externalId": "M-1",
        "courseRoleId": "Student",
        "available": "Yes",
        "childCourseId": "9",
        "dataSourceId": "D1",
        "start": "2026-09-01T00:00:00Z",
        "end": "2027-01-31T00:00:00Z",
    }
    other = {"userId": "2", "courseId": "4"}
    changed = {"available": "No", "end": "2027-02-28T00:00:00Z"}
    roles = ("Student", "Instructor")

    @pytest.fixture
    def collection(self) -> Collection:
        memory = Memory(Options(name="memory"))
        for login in ("ann", "bob"):
            memory.collections["User"].create(TICKET, {"userName": login})
        for code in ("PHYS-1", "CHEM-1"):
            memory.collections["Course"].create(TICKET, {"courseId": code, "name": code})
        return memory.collections["Membership"]


class TestGroups(GroupContract):
    sample = {
        "displayName": "Physicists",
        "externalId": "G-1",
        "members": [{"value": "5", "type": "User"}],
        LMS_GROUP: {
            "description": "All of them",
            "courseId": "C1",
            "parentId": "P1",
            "isGroupSet": False,
            "available": "Yes",
            "enrollmentLimit": 10,
            "signupSheetName": "Sign up",
            "signupSheetDescription": "Here",
            "signupSheetShowMembers": True,
        },
    }
    other = {"displayName": "Chemists"}
    changed = {"displayName": "Physics", LMS_GROUP: {"enrollmentLimit": 5, "isGroupSet": True}}

    @pytest.fixture
    def collection(self) -> Collection:
        memory = Memory(Options(name="memory"))
        for number in range(1, 6):
            memory.collections["User"].create(TICKET, {"userName": f"member{number}"})
        return memory.collections["Group"]

    @pytest.fixture
    def members(self) -> list[str]:
        return ["1", "2", "3", "4"]


@pytest.fixture
def users_in_memory() -> Collection:
    return Memory(Options(name="memory")).collections["User"]


def test_what_is_returned_is_a_copy(users_in_memory: Collection) -> None:
    created = users_in_memory.create(TICKET, {"userName": "ann", "name": {"givenName": "Ann"}})
    created["name"]["givenName"] = "spoilt"
    (listed,) = everything(users_in_memory)
    listed["name"]["givenName"] = "spoilt"
    held = users_in_memory.get(created["id"])
    assert held is not None
    assert held["name"] == {"givenName": "Ann"}


def test_a_change_of_what_was_deleted_meanwhile_is_a_404(users_in_memory: Collection) -> None:
    created = users_in_memory.create(TICKET, {"userName": "ann"})
    users_in_memory.delete(TICKET, created["id"])
    with pytest.raises(ScimError) as refused:
        users_in_memory.update(TICKET, created, created, ())
    assert refused.value.status == 404


def test_a_plan_without_calls_reads_nothing(users_in_memory: Collection) -> None:
    users_in_memory.create(TICKET, {"userName": "ann"})
    nothing = Plan((), None, "reads nothing")
    assert [r for batch in users_in_memory.search(nothing) for r in batch] == []


@cache
def _filled(name: str) -> tuple[Collection, list[Resource], st.SearchStrategy[str]]:
    memory = Memory(Options(name="memory"))
    memory.collections["User"].create(TICKET, deepcopy(SAMPLE))
    names = ("Ann", "ann smith", "ΟΔΟΣ", "Weiß", "50%_x", "a\\b", "İstanbul", "x" * 300)
    for number, text in enumerate(names):
        known = {"externalId": text.upper()}
        user = {"userName": text, **known, "active": bool(number % 2)}
        id = memory.collections["User"].create(TICKET, user)["id"]
        group = {"displayName": text, **known, "members": [{"value": id}]}
        memory.collections["Group"].create(TICKET, group)
        at = {**COURSE, **known, "courseId": text, "closedComplete": bool(number % 2)}
        course = memory.collections["Course"].create(TICKET, at)["id"]
        pair = {"userId": id, "courseId": course, "courseRoleId": text}
        memory.collections["Membership"].create(TICKET, pair)
        memory.collections["Role"].create(TICKET, {"roleId": text, "kind": "course"})
    collection = memory.collections[name]
    every = everything(collection)
    return collection, every, law_filters(collection, every)


@pytest.mark.parametrize("name", ["User", "Group", "Course", "Membership", "Role"])
@properties
@given(data=st.data())
def test_searching_finds_what_filtering_everything_finds(name: str, data: st.DataObject) -> None:
    collection, every, texts = _filled(name)
    check_law(collection, every, data.draw(texts))


@pytest.mark.parametrize(("name", "drawn"), [("User", users()), ("Group", groups())])
@properties
@given(data=st.data())
def test_whatever_fits_is_kept_and_given_back(
    name: str, drawn: st.SearchStrategy[Resource], data: st.DataObject
) -> None:
    collection = Memory(Options(name="memory")).collections[name]
    fitted, _ = collection.mapping.fit(data.draw(drawn))
    fitted.pop("members", None)
    created = collection.create(TICKET, deepcopy(fitted))
    assert collection.get(created["id"]) == created
    again, ignored = collection.mapping.fit(deepcopy(created))
    assert collection.mapping.fit(deepcopy(again)) == (again, ignored)


@pytest.fixture
def memory() -> Memory:
    return Memory(Options(name="memory"))


def group(memory: Memory, name: str, *members: str) -> str:
    made = {"displayName": name, "members": [{"value": member} for member in members]}
    return str(memory.collections["Group"].create(TICKET, made)["id"])


def groups_of(memory: Memory, id: str) -> list[tuple[str, str]]:
    held = memory.collections["User"].get(id) or memory.collections["Group"].get(id) or {}
    return [(g["display"], g["type"]) for g in held.get("groups", ())]


def test_ids_are_unique_over_all_types(memory: Memory) -> None:
    user = memory.collections["User"].create(TICKET, {"userName": "ann"})["id"]
    assert group(memory, "Staff") != user


def test_users_show_their_groups_and_members_their_names(memory: Memory) -> None:
    ann = memory.collections["User"].create(TICKET, {"userName": "ann", "displayName": "Ann"})["id"]
    inner = group(memory, "Inner", ann)
    outer = group(memory, "Outer", inner)
    assert groups_of(memory, ann) == [("Inner", "direct"), ("Outer", "indirect")]
    held = memory.collections["Group"].get(inner) or {}
    assert held["members"] == [{"value": ann, "type": "User", "display": "Ann"}]
    held = memory.collections["Group"].get(outer) or {}
    assert held["members"] == [{"value": inner, "type": "Group", "display": "Inner"}]


def test_groups_within_each_other_end(memory: Memory) -> None:
    ann = memory.collections["User"].create(TICKET, {"userName": "ann"})["id"]
    first = group(memory, "First", ann)
    second = group(memory, "Second", first)
    groups = memory.collections["Group"]
    before = groups.get(first) or {}
    groups.update(TICKET, before, {**before, "members": [{"value": ann}, {"value": second}]}, ())
    assert sorted(groups_of(memory, ann)) == [("First", "direct"), ("Second", "indirect")]


def test_what_is_deleted_is_no_member_any_more(memory: Memory) -> None:
    users, groups = memory.collections["User"], memory.collections["Group"]
    ann, ben = (users.create(TICKET, {"userName": login})["id"] for login in ("ann", "ben"))
    inner = group(memory, "Inner", ann, ben)
    outer = group(memory, "Outer", inner)
    users.delete(TICKET, ann)
    assert [m["value"] for m in (groups.get(inner) or {})["members"]] == [ben]
    groups.delete(TICKET, inner)
    assert not (groups.get(outer) or {}).get("members")
    assert groups_of(memory, ben) == []


def test_nobody_becomes_a_member_who_does_not_exist(memory: Memory) -> None:
    with pytest.raises(ScimError) as refused:
        group(memory, "Staff", "77")
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
    assert everything(memory.collections["Group"]) == []
