"""Roles, enrolments, org units, courses, groups, sections, grades and auditors in the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.brightspace.site import (
    INSTRUCTOR,
    LE,
    LEARNER,
    MOST_PAGES,
    ORG,
    Client,
    fixture,
    simulator,
)

COURSE, ADA, BO = 6671, 3163, 3164


@pytest.fixture
def client() -> Client:
    """Return a client of a tenant with the recorded course, and two people outside it."""
    made = Client(simulator())
    made.ok("POST courses/", fixture("course_create"))
    made.add("ada", FirstName="Ada", LastName="Lovelace")
    made.add("bo", FirstName="Bo", LastName="Abbot")
    return made


def place(unit: int = COURSE, user: int = ADA, role: int = LEARNER) -> dict[str, int]:
    return {"OrgUnitId": unit, "UserId": user, "RoleId": role}


def test_roles(client: Client) -> None:
    assert client.ok("GET roles/") == fixture("roles")
    assert client.ok("GET roles/110") == fixture("role")
    assert client.ok(f"GET {COURSE}/roles/") == fixture("roles")
    assert client.status("GET roles/9") == client.status("GET 9/roles/") == 404
    client.site.settings.managed_roles = {110}
    assert [row["Identifier"] for row in client.ok("GET roles/")] == ["110"]
    assert client.status("GET roles/105") == 404


def test_an_enrolment_is_made_or_changed(client: Client) -> None:
    assert client.ok("POST enrollments/", fixture("enrollment_create")) == fixture("enrollment")
    told = client.ok("POST enrollments/", place(role=INSTRUCTOR))
    assert told == {**fixture("enrollment"), "RoleId": INSTRUCTOR}
    assert client.ok(f"GET enrollments/orgUnits/{COURSE}/users/{ADA}") == told
    assert client.ok(f"GET enrollments/users/{ADA}/orgUnits/{COURSE}") == told
    assert len(client.ok(f"GET enrollments/orgUnits/{COURSE}/users/")["Items"]) == 1


def test_the_role_in_the_organization(client: Client) -> None:
    recorded = fixture("enrollment_org_role")
    assert client.ok("POST enrollments/", place(ORG, role=103)) == recorded
    assert client.ok(f"GET enrollments/orgUnits/{ORG}/users/{ADA}") == recorded
    cascading = client.ok("POST enrollments/", place(ORG, role=105))
    assert cascading["IsCascading"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (place(unit=9), 404),
        (place(user=9), 404),
        (place(role=9), 404),
        (place(unit=6660), 403),
        ({"OrgUnitId": COURSE, "UserId": ADA}, 400),
        ({**place(), "UserId": str(ADA)}, 400),
        ({**place(), "SendEnrollmentEmail": "no"}, 400),
    ],
)
def test_enrolments_that_are_refused(client: Client, body: dict[str, Any], status: int) -> None:
    assert client.status("POST enrollments/", body) == status
    assert client.ok(f"GET enrollments/orgUnits/{COURSE}/users/")["Items"] == []


def test_roles_and_types_may_be_withheld(client: Client) -> None:
    client.site.settings.managed_roles = {LEARNER}
    assert client.status("POST enrollments/", place(role=INSTRUCTOR)) == 403
    client.site.settings.enrollable_types = {1}
    assert client.status("POST enrollments/", place()) == 403
    assert client.status("POST enrollments/", place(unit=ORG)) == 200


def test_the_message_about_an_enrolment(client: Client) -> None:
    client.ok("POST enrollments/", {**place(), "SendEnrollmentEmail": True})
    client.ok("POST enrollments/", {**place(user=BO), "SendEnrollmentEmail": None})
    assert [(mail.kind, mail.user_id) for mail in client.site.mails] == [("enrolled", ADA)]
    client.site.settings.release = (20, 25, 0)
    client.ok("POST enrollments/", {**place(), "SendEnrollmentEmail": True})
    assert len(client.site.mails) == 1


def test_batches_tell_only_failures(client: Client) -> None:
    recorded = fixture("enrollment_batch")
    told = client.ok("POST enrollments/batch/", recorded["request"])
    assert told == recorded["response_partial"]
    assert client.status(f"GET enrollments/orgUnits/{COURSE}/users/{ADA}") == 200
    again = client.ok("POST enrollments/batch/", [place(), place(user=BO)])
    assert again == recorded["response_all_enrolled"]
    assert client.ok("POST enrollments/batch/", ["x"])[0]["StatusCode"] == 400
    assert client.ok("POST enrollments/batch/", [place()] * 1000) == []
    assert client.status("POST enrollments/batch/", [place()] * 1001) == 400


@pytest.mark.parametrize(
    "address",
    [f"enrollments/orgUnits/{COURSE}/users/{ADA}", f"enrollments/users/{ADA}/orgUnits/6671"],
)
def test_the_end_of_an_enrolment_tells_it_as_it_was(client: Client, address: str) -> None:
    client.ok("POST enrollments/", place())
    assert client.ok(f"DELETE {address}") == fixture("enrollment")
    assert client.refused(f"DELETE {address}") == (404, "Resource Not Found")
    assert client.refused(f"GET {address}") == (404, "Resource Not Found")
    assert client.status(f"GET users/{ADA}") == 200


def test_the_people_of_an_org_unit(client: Client) -> None:
    client.ok("POST enrollments/", place())
    client.ok("POST enrollments/", place(user=BO, role=INSTRUCTOR))
    path = f"GET enrollments/orgUnits/{COURSE}/users/"
    page, recorded = client.ok(path), fixture("enrollments_orgunit_users_page")
    assert page.keys() == recorded.keys()
    assert page["PagingInfo"] == {"Bookmark": str(BO), "HasMoreItems": False}
    row = page["Items"][0]
    assert row.keys() == recorded["Items"][0].keys()
    assert row["User"].keys() == fixture("user_composite").keys()
    assert row["Role"] == recorded["Items"][0]["Role"]
    assert row["User"]["Identifier"] == str(ADA)

    def found(**parameters: Any) -> list[str]:
        rows = client.ok(path, **parameters)["Items"]
        return [one["User"]["UserName"] for one in rows]

    assert found(roleId=INSTRUCTOR) == ["bo"]
    assert found(roleId=f"{INSTRUCTOR},{LEARNER}") == ["ada", "bo"]
    client.ok(f"PUT users/{ADA}/activation", {"IsActive": False})
    assert found() == ["ada", "bo"]
    for flag in ("false", "0", "False"):
        assert found(isActive=flag) == ["ada"]
    for flag in ("true", "1", "True"):
        assert found(isActive=flag) == ["bo"]
    assert client.status(path, isActive="perhaps") == client.status(path, roleId="x") == 400
    client.site.settings.unsearchable = {BO}
    assert found() == ["ada"]
    assert client.status("GET enrollments/orgUnits/9/users/") == 404


def test_the_people_of_an_org_unit_go_by_bookmarks() -> None:
    client = Client(simulator(users=12, page_size=5))
    parts = client.walk(f"enrollments/orgUnits/{ORG}/users/", isActive="1")
    assert [len(part) for part in parts] == [5, 5, 2]
    seen = [row["User"]["Identifier"] for part in parts for row in part]
    assert len(set(seen)) == 12
    assert "3165" not in seen


def test_the_org_units_of_a_person(client: Client) -> None:
    client.ok("POST enrollments/", place())
    path = f"GET enrollments/users/{ADA}/orgUnits/"
    page, recorded = client.ok(path), fixture("enrollments_user_orgunits_page")
    assert page["PagingInfo"] == recorded["PagingInfo"]
    for row, like in zip(page["Items"], recorded["Items"], strict=True):
        assert row.keys() == like.keys()
        assert row["OrgUnit"]["Type"] == like["OrgUnit"]["Type"]
        assert row["OrgUnit"].keys() == like["OrgUnit"].keys()
        assert row["EnrolledByUserId"] == 177
    assert page["Items"][1]["EnrolledByUserDate"] == "2026-03-02T14:00:00.000Z"
    assert [row["OrgUnit"]["Id"] for row in client.ok(path, orgUnitTypeId="3,7")["Items"]] == [6671]
    assert client.ok(path, roleId="109")["Items"] == []
    client.ok(f"DELETE courses/{COURSE}")
    assert [row["OrgUnit"]["Id"] for row in client.ok(path)["Items"]] == [ORG]


def test_the_class_list(client: Client) -> None:
    client.ok("POST enrollments/", place())
    client.ok("POST enrollments/", place(user=BO, role=INSTRUCTOR))
    whole = client.le(f"GET {COURSE}/classlist/")
    assert whole[0].keys() == fixture("classlist")[0].keys()
    assert [row["DisplayName"] for row in whole] == ["Ada Lovelace", "Bo Abbot"]
    assert whole[1]["ClasslistRoleDisplayName"] == "Instructor"
    paged = client.le(f"GET {COURSE}/classlist/paged/")
    assert paged == {"Next": None, "Objects": whole}
    assert paged.keys() == fixture("classlist_paged").keys()
    for term, names in (("LOVE", ["ada"]), ("e-b", ["bo"]), ("ab", ["bo"]), ("x", [])):
        found = client.le(f"GET {COURSE}/classlist/paged/", searchTerm=term)["Objects"]
        assert [row["Username"] for row in found] == names
    client.ok(f"PUT users/{ADA}/activation", {"IsActive": False})
    assert [row["Username"] for row in client.le(f"GET {COURSE}/classlist/")] == ["bo"]


@pytest.mark.parametrize("relative", [True, False])
def test_pages_of_the_class_list_tell_the_next(relative: bool) -> None:
    client = Client(simulator(users=23, object_page_size=5, relative_next=relative))
    address = f"GET {LE}/{ORG}/classlist/paged/?searchTerm=user"
    seen: list[str] = []
    for _ in range(MOST_PAGES):
        page = client.ok(address)
        seen += [row["DisplayName"] for row in page["Objects"]]
        if page["Next"] is None:
            break
        assert page["Next"].startswith("/d2l" if relative else "http://localhost/d2l")
        assert "searchTerm=user" in page["Next"]
        address = f"GET {page['Next'].removeprefix('http://localhost')}"
    assert (len(seen), seen) == (21, sorted(seen))


def test_org_units(client: Client) -> None:
    assert client.ok(f"GET orgstructure/{COURSE}") == fixture("orgunit")
    found = client.ok("GET orgstructure/")
    recorded = {row["Identifier"]: row for row in fixture("orgunit_page")["Items"]}
    rows = {row["Identifier"]: row for row in found["Items"]}
    assert {key: rows[key] for key in recorded} == recorded
    assert found["PagingInfo"] == fixture("orgunit_page")["PagingInfo"]

    def ids(**parameters: Any) -> list[int]:
        return [
            int(row["Identifier"]) for row in client.ok("GET orgstructure/", **parameters)["Items"]
        ]

    assert ids(orgUnitType=3) == [6671]
    assert ids(orgUnitCode="cs-1") == [6660, 6671]
    assert ids(orgUnitName="COMPUTING") == [6660, 6671]
    assert ids(exactOrgUnitCode="cs-101") == [6660]
    assert ids(exactOrgUnitCode="CS-10") == []
    assert ids(exactOrgUnitName="introduction to computing", orgUnitName="zzz") == [6671]
    assert client.ok("GET outypes/") == fixture("orgunit_types")
    assert client.ok("GET outypes/101") == client.ok("GET outypes/department")
    assert client.ok("GET outypes/semester")["Id"] == 5
    assert client.status("GET outypes/9") == client.status("GET orgstructure/9") == 404


def test_above_and_below(client: Client) -> None:
    def ids(found: Any) -> list[int]:
        return [int(row["Identifier"]) for row in found]

    assert ids(client.ok(f"GET orgstructure/{COURSE}/parents/")) == [6660]
    assert ids(client.ok(f"GET orgstructure/{COURSE}/ancestors/")) == [ORG, 6650, 6660]
    assert ids(client.ok(f"GET orgstructure/{ORG}/children/paged/")["Items"]) == [6650, 6655]
    client.site.settings.page_size = 3
    first = client.ok(f"GET orgstructure/{ORG}/descendants/paged/")
    assert ids(first["Items"]) == [6650, 6655, 6660]
    assert first["PagingInfo"] == {"Bookmark": "6606_6660", "HasMoreItems": True}
    parts = client.walk(f"orgstructure/{ORG}/descendants/paged/")
    assert ids(parts[1]) == [COURSE]
    only = client.ok(f"GET orgstructure/{ORG}/descendants/paged/", ouTypeId=3)
    assert ids(only["Items"]) == [COURSE]
    recorded = fixture("orgunit_descendants_page")["Items"]
    assert [first["Items"][2], parts[1][0]] == recorded


def test_org_units_are_made_changed_linked_and_deleted(client: Client) -> None:
    made = client.ok("POST orgstructure/", {**fixture("orgunit_create"), "Type": 5, "Code": "S1"})
    assert made["Type"] == {"Id": 5, "Code": "Semester", "Name": "Semester"}
    unit = int(made["Identifier"])
    body = {**made, "Name": "Spring", "Type": {"Id": 3}, "Identifier": "1"}
    assert client.ok(f"PUT orgstructure/{unit}", body) == {**made, "Name": "Spring"}
    assert client.status(f"PUT orgstructure/{unit}", {"Name": "x", "Code": "y"}) == 400
    assert client.ok(f"POST orgstructure/{COURSE}/parents/", unit) is None
    assert client.ok("POST orgstructure/6650/children/", unit) is None
    assert len(client.ok(f"GET orgstructure/{unit}/parents/")) == 2
    assert client.status(f"POST orgstructure/{COURSE}/parents/", str(unit)) == 400
    assert client.status(f"POST orgstructure/{unit}/parents/", COURSE) == 400
    assert client.status(f"DELETE orgstructure/recyclebin/{unit}") == 404
    client.ok(f"POST orgstructure/recyclebin/{unit}/recycle")
    assert client.status(f"GET orgstructure/{unit}") == 404
    client.ok(f"POST orgstructure/recyclebin/{unit}/restore")
    assert client.status(f"GET orgstructure/{unit}") == 200
    client.ok(f"POST orgstructure/recyclebin/{unit}/recycle")
    client.ok(f"DELETE orgstructure/recyclebin/{unit}")
    assert client.status(f"POST orgstructure/recyclebin/{unit}/restore") == 404
    assert len(client.ok(f"GET orgstructure/{COURSE}/parents/")) == 1
    assert client.status(f"POST orgstructure/recyclebin/{ORG}/recycle") == 400


@pytest.mark.parametrize(
    "changes",
    [{"Type": 3}, {"Type": 77}, {"Name": " "}, {"Parents": []}, {"Code": "c" * 51}]
    + [{"Code": f"a{character}b"} for character in "\\:*?\"<>|'#,%&"],
    ids=lambda changes: repr(changes)[:20],
)
def test_org_units_that_are_refused(client: Client, changes: dict[str, Any]) -> None:
    body = {**fixture("orgunit_create"), **changes}
    assert client.status("POST orgstructure/", body) == 400
    assert client.status("POST orgstructure/", {**fixture("orgunit_create"), "Parents": [9]}) == 404


def test_a_new_course(client: Client) -> None:
    assert client.ok(f"GET courses/{COURSE}") == fixture("course")
    body = {**fixture("course_create"), "Code": "NEXT", "SemesterId": 6655}
    made = client.ok("POST courses/", body)
    assert made["Semester"] == {"Identifier": "6655", "Name": "Winter 2026", "Code": "2026W"}
    assert len(client.ok(f"GET orgstructure/{made['Identifier']}/parents/")) == 2
    client.site.settings.new_courses_active = False
    assert client.ok("POST courses/", body)["IsActive"] is False


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"CourseTemplateId": COURSE}, 404),
        ({"SemesterId": 6660}, 404),
        ({"Path": "/content/x/"}, 400),
        ({"Code": "a:b"}, 400),
        ({"Name": ""}, 400),
        ({"StartDate": "2026-01-05T13:00:00Z"}, 400),
        ({"StartDate": "2026-13-05T13:00:00.000Z"}, 400),
        ({"EndDate": "2026-01-01T13:00:00.000Z"}, 400),
        ({"Description": "text"}, 400),
        ({"Description": {"Content": "x", "Type": "Markdown"}}, 400),
    ],
)
def test_courses_that_are_refused(client: Client, changes: dict[str, Any], status: int) -> None:
    body = {**fixture("course_create"), **changes}
    assert client.status("POST courses/", body) == status
    assert 6672 not in client.site.units


@pytest.mark.parametrize("name", fixture("course_create"))
def test_every_member_of_a_course_must_be_there(client: Client, name: str) -> None:
    body = fixture("course_create")
    del body[name]
    assert client.refused("POST courses/", body) == (400, f"Missing member: {name}")


def test_a_path_may_be_chosen_without_enforcement(client: Client) -> None:
    client.site.settings.path_enforcement = False
    body = {**fixture("course_create"), "Path": "/content/mine/"}
    assert client.ok("POST courses/", body)["Path"] == "/content/mine/"


def test_a_course_is_replaced_and_recycled(client: Client) -> None:
    body = {
        **fixture("course_update"),
        "Name": "New",
        "LocaleId": 3,
        "IsActive": False,
        "Description": {"Content": "<p>Hi</p>", "Type": "Html"},
    }
    assert client.ok(f"PUT courses/{COURSE}", body) is None
    told = client.ok(f"GET courses/{COURSE}")
    assert (told["Name"], told["IsActive"], told["StartDate"]) == ("New", False, None)
    assert told["Description"] == {"Text": "Hi", "Html": "<p>Hi</p>"}
    assert told["LocaleId"] == 3
    client.ok(f"PUT courses/{COURSE}", {**body, "LocaleId": None})
    assert client.ok(f"GET courses/{COURSE}")["LocaleId"] == 3
    client.ok(f"PUT courses/{COURSE}", {**body, "LocaleId": 0}, base="/d2l/api/lp/1.53")
    assert client.ok(f"GET courses/{COURSE}")["LocaleId"] == 3
    client.ok(f"PUT courses/{COURSE}", {**body, "LocaleId": 0})
    assert client.ok(f"GET courses/{COURSE}")["LocaleId"] is None
    del body["ShowAddressBook"]
    assert client.status(f"PUT courses/{COURSE}", body) == 400
    assert client.status(f"PUT courses/{COURSE}", body, base="/d2l/api/lp/1.53") == 200
    client.ok("POST enrollments/", place())
    assert client.ok(f"DELETE courses/{COURSE}") is None
    assert client.status(f"GET courses/{COURSE}") == 404
    assert client.status("POST enrollments/", place()) == 404
    client.ok(f"POST orgstructure/recyclebin/{COURSE}/restore")
    assert client.status(f"GET enrollments/orgUnits/{COURSE}/users/{ADA}") == 200


def test_course_templates(client: Client) -> None:
    body = {"Name": "Law", "Code": "LAW", "Path": "", "ParentOrgUnitIds": [6650]}
    made = client.ok("POST coursetemplates/", body)
    number = made["Identifier"]
    assert client.ok(f"GET coursetemplates/{number}") == made
    assert client.status("POST coursetemplates/", {**body, "ParentOrgUnitIds": [COURSE]}) == 404
    assert client.ok(f"PUT coursetemplates/{number}", {"Name": "Laws", "Code": "LAW"}) is None
    assert client.ok(f"GET coursetemplates/{number}")["Name"] == "Laws"
    assert client.status(f"GET coursetemplates/{COURSE}") == 404
    assert client.ok(f"DELETE coursetemplates/{number}") is None
    assert client.status(f"GET coursetemplates/{number}") == 404


@pytest.fixture
def grouped(client: Client) -> Client:
    """Return the client with an empty category of groups, and ada in the course."""
    body = {**fixture("group_category_create"), "NumberOfGroups": 0}
    client.ok(f"POST {COURSE}/groupcategories/", body)
    client.ok("POST enrollments/", place())
    return client


CATEGORY = f"{COURSE}/groupcategories/7001"


def test_a_category_of_groups(client: Client) -> None:
    client.site.settings.job_seconds = 5
    job = client.ok(f"POST {COURSE}/groupcategories/", fixture("group_category_create"))
    recorded = fixture("group_category_job")["response"]
    assert job.keys() == recorded.keys()
    assert (job["CategoryId"], job["Status"], job["OrgUnitId"]) == (7001, 0, COURSE)
    assert client.ok(f"GET {CATEGORY}/status") == {"Status": 0}
    assert client.ok(f"GET {CATEGORY}/groups/") == []
    client.site.clock.advance(5)
    assert client.ok(f"GET {CATEGORY}/status") == {"Status": 1}
    assert [row["Name"] for row in client.ok(f"GET {CATEGORY}/groups/")] == ["Group 1"]
    told = client.ok(f"GET {CATEGORY}")
    assert told.keys() == fixture("group_category").keys()
    assert client.ok(f"GET {COURSE}/groupcategories/") == [told]
    assert told["EnrollmentStyle"] == 0
    client.site.settings.styles_as_text = True
    assert client.ok(f"GET {CATEGORY}")["EnrollmentStyle"] == "0"


def test_older_tenants_answer_the_category_itself(client: Client) -> None:
    client.site.settings.category_jobs = False
    body = {**fixture("group_category_create"), "EnrollmentStyle": "6", "NumberOfGroups": 2}
    made = client.ok(f"POST {COURSE}/groupcategories/", body)
    assert (made["GroupCategoryId"], made["EnrollmentStyle"]) == (7001, 6)
    assert len(made["Groups"]) == 2


def test_categories_are_changed_deleted_and_refused(grouped: Client) -> None:
    body = fixture("group_category_create")
    changed = grouped.ok(f"PUT {CATEGORY}", {**body, "Name": "Labs"})
    assert changed["Name"] == grouped.ok(f"GET {CATEGORY}")["Name"] == "Labs"
    for wrong in ({"EnrollmentStyle": 7}, {"EnrollmentStyle": "x"}, {"Name": ""}):
        assert grouped.status(f"POST {COURSE}/groupcategories/", {**body, **wrong}) == 400
    del body["AutoEnroll"]
    assert grouped.status(f"POST {COURSE}/groupcategories/", body) == 400
    group = grouped.ok(f"POST {CATEGORY}/groups/", fixture("group_create"))["GroupId"]
    assert grouped.ok(f"DELETE {CATEGORY}") is None
    assert grouped.status(f"GET {CATEGORY}") == grouped.status(f"GET orgstructure/{group}") == 404
    assert grouped.status("GET 9/groupcategories/") == 404


def test_groups_and_their_members(grouped: Client) -> None:
    made = grouped.ok(f"POST {CATEGORY}/groups/", fixture("group_create"))
    assert made.keys() == fixture("group").keys()
    assert (made["Name"], made["Enrollments"]) == ("Team A", [])
    group = f"{CATEGORY}/groups/{made['GroupId']}"
    assert grouped.ok(f"POST {group}/enrollments/", fixture("group_enrollment")) is None
    assert grouped.ok(f"GET {group}")["Enrollments"] == [ADA]
    assert grouped.status(f"POST {group}/enrollments/", {"UserId": BO}) == 400
    changed = grouped.ok(f"PUT {group}", {**fixture("group_create"), "Name": "Team B"})
    assert (changed["Name"], changed["Enrollments"]) == ("Team B", [ADA])
    assert grouped.ok(f"DELETE {group}/enrollments/{ADA}") is None
    assert grouped.status(f"DELETE {group}/enrollments/{ADA}") == 404
    grouped.ok("POST enrollments/", place(unit=made["GroupId"]))
    assert grouped.ok(f"GET {CATEGORY}/groups/")[0]["Enrollments"] == [ADA]
    grouped.ok(f"DELETE courses/{COURSE}")
    assert grouped.status(f"GET orgstructure/{made['GroupId']}") == 404
    assert len(grouped.ok(f"GET enrollments/users/{ADA}/orgUnits/")["Items"]) == 1
    grouped.ok(f"POST orgstructure/recyclebin/{COURSE}/restore")
    grouped.ok(f"DELETE enrollments/orgUnits/{COURSE}/users/{ADA}")
    assert grouped.ok(f"GET {group}")["Enrollments"] == []
    assert grouped.status("POST enrollments/", place(unit=made["GroupId"])) == 400
    assert grouped.ok(f"DELETE {group}") is None
    assert grouped.status(f"GET {group}") == 404


def test_sections(client: Client) -> None:
    assert client.status(f"POST {COURSE}/sections/", fixture("section_create")) == 400
    recorded = fixture("section_settings")
    assert client.ok(f"PUT {COURSE}/sections/", recorded) == recorded
    for style in (0, 3):
        assert (
            client.status(f"PUT {COURSE}/sections/", {**recorded, "EnrollmentStyle": style}) == 400
        )
    client.ok("POST enrollments/", place())
    numbers = []
    for code in ("A", "B"):
        body = {**fixture("section_create"), "Code": code}
        made = client.ok(f"POST {COURSE}/sections/", body)
        assert made.keys() == fixture("section").keys()
        numbers.append(made["SectionId"])
    first, second = (f"{COURSE}/sections/{number}" for number in numbers)
    assert client.ok(f"POST {first}/enrollments/", {"UserId": ADA}) is None
    assert client.status(f"POST {first}/enrollments/", {"UserId": BO}) == 400
    assert client.ok(f"GET {first}")["Enrollments"] == [ADA]
    client.ok(f"POST {second}/enrollments/", {"UserId": ADA})
    both = client.ok(f"GET {COURSE}/sections/")
    assert [row["Enrollments"] for row in both] == [[], [ADA]]
    assert client.status(f"DELETE {second}/enrollments/{ADA}") == 404
    client.ok(f"DELETE enrollments/orgUnits/{numbers[1]}/users/{ADA}")
    assert client.ok(f"GET {second}")["Enrollments"] == []
    assert client.ok(f"PUT {first}", {**fixture("section_create"), "Name": "X"})["Name"] == "X"
    assert client.ok(f"DELETE {first}") is None
    assert client.status(f"GET {first}") == client.status(f"GET {COURSE}/sections/{COURSE}") == 404


def test_final_grades(client: Client) -> None:
    client.ok("POST enrollments/", place())
    client.ok("POST enrollments/", place(user=BO, role=INSTRUCTOR))
    path = f"GET {COURSE}/grades/final/values/"
    assert client.status(f"{path}{ADA}", base=LE) == 404
    client.site.grade(COURSE, ADA, 88, 100)
    value = client.le(f"{path}{ADA}")
    assert (value["DisplayedGrade"], value["GradeObjectType"]) == ("88 %", 7)
    assert (value["PointsNumerator"], value["PointsDenominator"]) == (88, 100)
    assert (value["UserId"], value["OrgUnitId"]) == (ADA, COURSE)
    assert value["ReleasedDate"] is None
    assert value["LastModified"] == "2026-03-02T14:00:00.000Z"
    page = client.le(path)
    assert page["Next"] is None
    assert [(row["User"]["UserName"], row["GradeValue"]) for row in page["Objects"]] == [
        ("ada", value)
    ]
    assert client.le(path, isGraded="false")["Objects"] == []
    assert client.status(f"GET {ORG}/grades/final/values/", base=LE) == 404
    client.ok(f"DELETE enrollments/orgUnits/{COURSE}/users/{ADA}")
    assert client.status(f"{path}{ADA}", base=LE) == 404


def test_final_grades_go_by_pages() -> None:
    client = Client(simulator(users=50, courses=1))
    path = "GET 6671/grades/final/values/"
    learners = len(client.le(path, pageSize=200)["Objects"])
    assert learners > 20
    assert len(client.le(path)["Objects"]) == 20
    first = client.le(path, pageSize=learners - 1)
    rest = client.ok(f"GET {first['Next'].removeprefix('http://localhost')}")
    assert (len(rest["Objects"]), rest["Next"]) == (1, None)
    graded = client.le(path, pageSize=500, isGraded=1)["Objects"]
    assert 0 < len(graded) < learners
    assert client.status(path, pageSize="x", base=LE) == 400


def test_auditors(client: Client) -> None:
    recorded = fixture("auditing")
    path = f"auditing/auditors/{BO}"
    assert client.status(f"GET {path}", base=LE) == 404
    assert client.status(f"POST {path}/auditees/", ADA, base=LE) == 403
    client.ok("POST enrollments/", place(ORG, BO, 118))
    told = client.le(f"GET {path}")
    assert (told.keys(), told["AuditorId"]) == (recorded["auditor"].keys(), BO)
    assert client.le(f"POST {path}/auditees/", recorded["add_body"]) is None
    assert client.le(f"GET {path}/auditees/") == recorded["auditees_list"]
    assert client.le(f"GET auditing/auditees/{ADA}") == recorded["auditee"]
    assert client.status(f"POST {path}/auditees/", BO, base=LE) == 400
    assert client.status(f"POST {path}/auditees/", {"Id": ADA}, base=LE) == 400
    assert client.status(f"DELETE {path}/auditees/", base=LE) == 400
    assert client.le(f"DELETE {path}/auditees/", recorded["remove_body"]) is None
    assert client.le(f"GET {path}/auditees/") == []
    assert client.status(f"DELETE {path}/auditees/", ADA, base=LE) == 404
    assert client.status(f"GET auditing/auditees/{ADA}", base=LE) == 404
    client.site.settings.auditing = False
    assert client.status(f"GET {path}", base=LE) == 404


def test_the_same_numbers_give_the_same_tenant() -> None:
    first, second = (Client(simulator(users=60, courses=6)) for _ in range(2))
    assert first.ok("GET users/") == second.ok("GET users/")
    assert first.ok("GET orgstructure/") == second.ok("GET orgstructure/")
    assert first.ok("GET 6671/groupcategories/7001/groups/")[0]["Enrollments"]
    assert first.ok("GET 6672/sections/")[0]["Enrollments"]
    inactive = first.ok(f"GET enrollments/orgUnits/{ORG}/users/", isActive=0)["Items"]
    assert len(inactive) == 3
