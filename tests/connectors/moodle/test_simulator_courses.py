"""Courses and categories of the simulator: what was measured, and what the recordings leave out."""

from __future__ import annotations

import time
from typing import Any

import pytest

from connectors.moodle.simulator import Simulator, create_simulator
from tests.connectors.moodle.client import Client


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=30, courses=4)


@pytest.fixture
def moodle(simulator: Simulator) -> Client:
    return Client(simulator)


def new_course(shortname: str, **values: Any) -> dict[str, Any]:
    return {"fullname": f"Full {shortname}", "shortname": shortname, "categoryid": 1, **values}


def create(moodle: Client, *courses: dict[str, Any]) -> Any:
    return moodle("core_course_create_courses", courses=list(courses))


def update(moodle: Client, *courses: dict[str, Any]) -> list[tuple[int, str]]:
    warnings = moodle("core_course_update_courses", courses=list(courses))["warnings"]
    assert all(warning["item"] == "course" for warning in warnings)
    return [(warning["itemid"], warning["warningcode"]) for warning in warnings]


def by_field(moodle: Client, field: str = "", value: Any = "") -> list[dict[str, Any]]:
    reply = moodle("core_course_get_courses_by_field", field=field, value=value)
    assert reply["warnings"] == []
    courses: list[dict[str, Any]] = reply["courses"]
    return courses


def find(moodle: Client, field: str, value: Any) -> list[int]:
    return [course["id"] for course in by_field(moodle, field, value)]


def search(moodle: Client, text: str = "", **fields: Any) -> tuple[int, list[int]]:
    reply = moodle(
        "core_course_search_courses", criterianame="search", criteriavalue=text, **fields
    )
    return reply["total"], [course["id"] for course in reply["courses"]]


# Reading


def test_a_new_site_has_only_its_own_course() -> None:
    moodle = Client(create_simulator())
    (course,) = moodle("core_course_get_courses")
    assert (course["id"], course["format"], course["categoryid"]) == (1, "site", 0)
    assert search(moodle) == (0, [])


def test_courses_are_seeded_with_people_and_groups(simulator: Simulator, moodle: Client) -> None:
    courses = moodle("core_course_get_courses")
    assert [course["shortname"] for course in courses[1:]] == [f"course{n}" for n in range(1, 5)]
    assert len({course["idnumber"] for course in courses}) == 5
    for course in courses[1:]:
        assert 0 < course["startdate"] < course["enddate"]
        people = moodle("core_enrol_get_enrolled_users", courseid=course["id"])
        roles = [role["shortname"] for person in people for role in person["roles"]]
        assert roles.count("editingteacher") == 1
        assert roles.count("student") >= 5
        groups = simulator.site.groups_of(course["id"])
        assert len(groups) == (2 if course["id"] % 2 else 1)
        assert all(group.members for group in groups)


def test_courses_by_ids_leave_unknown_ones_out(moodle: Client) -> None:
    listed = moodle("core_course_get_courses", options={"ids": [3, 2, 99999]})
    assert [course["id"] for course in listed] == [2, 3]
    assert len(moodle("core_course_get_courses")) == 5


def test_who_may_not_update_sees_less_of_a_course(moodle: Client) -> None:
    rights = moodle.simulator.site.gateway.capabilities
    assert moodle("core_course_get_courses")[1]["idnumber"] == "CRS-0001"
    rights.discard("moodle/course:update")
    course = moodle("core_course_get_courses")[1]
    assert course.keys().isdisjoint({"idnumber", "visible", "timemodified", "categorysortorder"})
    assert course["shortname"] == "course1"
    (course,) = by_field(moodle, "id", 2)
    assert course.keys().isdisjoint({"idnumber", "timecreated", "timemodified", "cacherev"})
    assert course["startdate"] > 0


def test_without_access_one_course_fails_the_list_but_not_the_lookup(moodle: Client) -> None:
    moodle.simulator.site.gateway.capabilities.discard("moodle/course:view")
    assert moodle.error("core_course_get_courses") == "errorcoursecontextnotvalid"
    (course,) = by_field(moodle, "id", 2)
    assert course["enrollmentmethods"] == ["manual"]
    assert "startdate" not in course


def test_hidden_courses_are_for_those_who_may_see_them(moodle: Client) -> None:
    moodle.simulator.site.courses[2].visible = 0
    assert find(moodle, "id", 2) == [2]
    assert search(moodle, "course1")[0] == 1
    moodle.simulator.site.gateway.capabilities -= {"moodle/course:viewhiddencourses"}
    assert search(moodle, "course1")[0] == 0
    ids = {"options": {"ids": [2]}}
    assert moodle.error("core_course_get_courses", **ids) == "errorcoursecontextnotvalid"
    moodle.simulator.site.gateway.capabilities -= {"moodle/course:update"}
    assert find(moodle, "id", 2) == []


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("id", "3", [3]),
        ("id", "nonsense", []),
        ("ids", "4,2,99999", [2, 4]),
        ("shortname", "COURSE2", [3]),
        ("idnumber", "crs-0003", [4]),
        ("idnumber", "CRS-000", []),
        ("category", "1", [2, 3, 4, 5]),
        ("category", "2", []),
        ("sectionid", "1", [2]),
    ],
)
def test_lookup_by_field(moodle: Client, field: str, value: str, found: list[int]) -> None:
    assert find(moodle, field, value) == found


def test_lookup_by_nothing_is_everything_and_by_another_field_is_refused(moodle: Client) -> None:
    assert find(moodle, "", "") == [1, 2, 3, 4, 5]
    refused = moodle.error("core_course_get_courses_by_field", field="fullname", value="x")
    assert refused == "invalidparameter"


def test_postgresql_compares_short_names_and_idnumbers_with_case() -> None:
    moodle = Client(create_simulator(courses=1, database="postgresql"))
    assert find(moodle, "shortname", "COURSE1") == find(moodle, "idnumber", "crs-0001") == []
    assert find(moodle, "shortname", "course1") == [2]
    assert create(moodle, new_course("COURSE1")) == [{"id": 3, "shortname": "COURSE1"}]


def test_search_pages_and_counts(moodle: Client) -> None:
    assert search(moodle) == (4, [5, 4, 3, 2])
    assert search(moodle, "course") == (4, [5, 4, 3, 2])
    assert search(moodle, "course", perpage=3) == (4, [5, 4, 3])
    assert search(moodle, "course", perpage=3, page=1) == (4, [2])
    assert search(moodle, "course", perpage=3, page=2) == (4, [])


def test_search_looks_for_every_word_in_names_idnumber_and_summary(moodle: Client) -> None:
    course = moodle.simulator.site.courses[3]
    course.summary, course.fullname = "Crops and soil", "Farming"
    assert search(moodle, "SOIL farm") == (1, [3])
    assert search(moodle, "crs-0002 course2") == (1, [3])
    assert search(moodle, "farm physics") == (0, [])


def test_search_results_have_fewer_fields(moodle: Client) -> None:
    reply = moodle("core_course_search_courses", criterianame="search", criteriavalue="course1")
    hidden = {"idnumber", "visible", "startdate", "timecreated", "timemodified"}
    assert reply["courses"][0].keys().isdisjoint(hidden)


def test_contacts_are_the_editing_teachers_who_take_part(moodle: Client) -> None:
    site = moodle.simulator.site
    (teacher,) = by_field(moodle, "id", 2)[0]["contacts"]
    assert site.roles_of(teacher["id"], 2) == {3}
    site.enrol(2, teacher["id"], 3, suspended=True)
    assert by_field(moodle, "id", 2)[0]["contacts"] == []


def test_a_teacher_is_seen_even_without_the_right_to_see_profiles(moodle: Client) -> None:
    site = moodle.simulator.site
    site.gateway.capabilities -= {"moodle/user:viewdetails"}
    teacher = by_field(moodle, "id", 2)[0]["contacts"][0]["id"]
    student = site.add_user(username="nobody").id
    assert [user["id"] for user in moodle.by_field("id", teacher, student)] == [teacher]


def test_display_text_is_escaped_unless_raw(moodle: Client) -> None:
    (made,) = create(moodle, new_course("R&D"))
    ids = {"options": {"ids": [made["id"]]}}
    (shown,) = moodle("core_course_get_courses", **ids)
    (raw,) = moodle("core_course_get_courses", **ids, moodlewssettingraw=1)
    assert (made["shortname"], shown["shortname"], raw["shortname"]) == ("R&D", "R&amp;D", "R&D")


# Writing


def test_a_course_with_the_least_gets_a_year_from_today(moodle: Client) -> None:
    (made,) = create(moodle, new_course("least"))
    (course,) = by_field(moodle, "id", made["id"])
    assert (course["format"], course["visible"], course["idnumber"]) == ("topics", 1, "")
    assert course["startdate"] % 86_400 == 0
    assert 0 <= time.time() - course["startdate"] < 2 * 86_400
    assert course["enddate"] - course["startdate"] == 365 * 86_400
    assert course["timecreated"] == course["timemodified"]


@pytest.mark.parametrize(
    ("values", "errorcode"),
    [
        ({"shortname": "COURSE1"}, "shortnametaken"),
        ({"idnumber": "crs-0001"}, "courseidnumbertaken"),
        ({"startdate": 20, "enddate": 10}, "enddatebeforestartdate"),
        ({"startdate": 0, "enddate": 10}, "nostartdate"),
        ({"categoryid": 99}, "errorcatcontextnotvalid"),
        ({"fullname": " "}, "errorinvalidparam"),
        ({"shortname": ""}, "errorinvalidparam"),
        ({"lang": "xx"}, "errorinvalidparam"),
        ({"fullname": "x" * 255}, "dmlwriteexception"),
        ({"shortname": "x" * 256}, "dmlwriteexception"),
        ({"idnumber": "x" * 101}, "dmlwriteexception"),
        ({"nosuch": "1"}, "invalidparameter"),
    ],
)
def test_creation_is_one_transaction(
    moodle: Client, values: dict[str, Any], errorcode: str
) -> None:
    refused = create(moodle, new_course("first"), {**new_course("second"), **values})
    assert refused["errorcode"] == errorcode
    assert find(moodle, "shortname", "first") == []
    assert len(moodle("core_course_get_courses")) == 5
    assert len(create(moodle, new_course("first"))) == 1


def test_a_new_course_comes_first_in_its_category(moodle: Client) -> None:
    create(moodle, new_course("new"), new_course("newest"))
    assert search(moodle) == (6, [7, 6, 5, 4, 3, 2])
    orders = {course["id"]: course["categorysortorder"] for course in get_all(moodle)}
    assert (orders[1], orders[7], orders[2]) == (1, 10001, 10006)


def test_empty_idnumbers_do_not_clash_and_equal_dates_pass(moodle: Client) -> None:
    both = [new_course("a", idnumber="", startdate=5, enddate=5), new_course("b", idnumber="")]
    assert len(create(moodle, *both)) == 2


def test_update_warns_for_each_element_and_applies_the_others(moodle: Client) -> None:
    warned = update(
        moodle,
        {"id": 99999, "fullname": "x"},
        {"id": 2, "shortname": "course2", "fullname": "not kept"},
        {"id": 2, "idnumber": "CRS-0002"},
        {"id": 2, "startdate": 20, "enddate": 10},
        {"id": 2, "categoryid": 77},
        {"id": 2, "fullname": ""},
        {"id": 3, "fullname": "kept", "visible": 0},
    )
    assert warned == [
        (99999, "invalidrecord"),
        (2, "shortnametaken"),
        (2, "courseidnumbertaken"),
        (2, "enddatebeforestartdate"),
        (2, "invalidrecord"),
        (2, "errorinvalidparam"),
    ]
    first, second = by_field(moodle, "ids", "2,3")
    assert (first["fullname"], first["shortname"]) == ("Course 001", "course1")
    assert (second["fullname"], second["visible"]) == ("kept", 0)


def test_a_wrong_type_fails_the_whole_update(moodle: Client) -> None:
    courses = [{"id": 2, "fullname": "x"}, {"id": 3, "visible": ""}]
    assert moodle.error("core_course_update_courses", courses=courses) == "invalidparameter"
    assert by_field(moodle, "id", 2)[0]["fullname"] == "Course 001"


def test_an_update_moves_the_time_and_keeps_what_is_left_out(moodle: Client) -> None:
    course = moodle.simulator.site.courses[2]
    before = course.timemodified
    assert update(moodle, {"id": 2, "shortname": "COURSE1", "idnumber": ""}) == []
    assert (course.shortname, course.idnumber, course.fullname) == ("COURSE1", "", "Course 001")
    assert course.timemodified > before


def test_a_course_moves_to_the_end_of_another_category(moodle: Client) -> None:
    create(moodle, new_course("there", categoryid=2))
    assert update(moodle, {"id": 4, "categoryid": 2}) == []
    assert search(moodle) == (5, [5, 3, 2, 6, 4])
    orders = {course["id"]: course["categorysortorder"] for course in get_all(moodle)}
    assert (orders[5], orders[6], orders[4]) == (10001, 20001, 20002)


def get_all(moodle: Client) -> list[dict[str, Any]]:
    courses: list[dict[str, Any]] = moodle("core_course_get_courses")
    return courses


@pytest.mark.parametrize(
    ("right", "values"),
    [
        ("update", {"enddate": 0}),
        ("changefullname", {"fullname": "x"}),
        ("changeshortname", {"shortname": "x"}),
        ("changeidnumber", {"idnumber": "x"}),
        ("changesummary", {"summary": "x"}),
        ("changecategory", {"categoryid": 2}),
        ("visibility", {"visible": 0}),
    ],
)
def test_each_change_needs_its_right(moodle: Client, right: str, values: dict[str, Any]) -> None:
    moodle.simulator.site.gateway.capabilities.discard(f"moodle/course:{right}")
    assert update(moodle, {"id": 2, **values}) == [(2, "nopermissions")]
    if right != "update":
        assert update(moodle, {"id": 2, "fullname": "Course 001", "showgrades": 0}) == []


def test_creation_and_deletion_need_their_rights(moodle: Client) -> None:
    rights = moodle.simulator.site.gateway.capabilities
    rights -= {"moodle/course:create", "moodle/course:delete"}
    assert create(moodle, new_course("n"))["errorcode"] == "nopermissions"
    reply = moodle("core_course_delete_courses", courseids=[2])
    assert [warning["warningcode"] for warning in reply["warnings"]] == ["cannotdeletecourse"]
    assert find(moodle, "id", 2) == [2]


def test_deletion_of_a_course_ends_what_was_in_it(moodle: Client) -> None:
    site = moodle.simulator.site
    student = next(iter(site.courses[2].enrolments))
    group = site.groups_of(2)[0].id
    kept = len(site.groups_of(3))
    reply = moodle("core_course_delete_courses", courseids=[2, 1, 99999])
    assert [warning["warningcode"] for warning in reply["warnings"]] == [
        "cannotdeletecategorycourse",
        "unknowncourseidnumber",
    ]
    assert find(moodle, "", "") == [1, 3, 4, 5]
    assert moodle.error("core_enrol_get_enrolled_users", courseid=2) == "invalidrecord"
    assert moodle.error("core_group_get_groups", groupids=[group]) == "invalidrecord"
    courses = moodle("core_enrol_get_users_courses", userid=student)
    assert 2 not in [course["id"] for course in courses]
    assert len(site.groups_of(3)) == kept
    assignment = {"roleid": 4, "userid": 5, "contextlevel": "course", "instanceid": 2}
    assert moodle.error("core_role_assign_roles", assignments=[assignment]) == "invalidparameter"
    assert create(moodle, new_course("course1")) == [{"id": 6, "shortname": "course1"}]


# Categories


def categories(moodle: Client, **fields: Any) -> list[int]:
    return [category["id"] for category in moodle("core_course_get_categories", **fields)]


def test_categories_nest_and_are_listed_from_the_top(moodle: Client) -> None:
    new = [{"name": "Below", "parent": 2, "idnumber": "SUB"}, {"name": "Last"}]
    made = moodle("core_course_create_categories", categories=new)
    assert [category["id"] for category in made] == [4, 5]
    assert categories(moodle) == [1, 2, 4, 3, 5]
    listed = {category["id"]: category for category in moodle("core_course_get_categories")}
    assert (listed[4]["path"], listed[4]["depth"], listed[4]["parent"]) == ("/2/4", 2, 2)
    assert (listed[3]["sortorder"], listed[1]["coursecount"]) == (40000, 4)
    science = [{"key": "idnumber", "value": "sci"}]
    assert categories(moodle, criteria=science) == [2, 4]
    assert categories(moodle, criteria=science, addsubcategories=0) == [2]
    assert categories(moodle, criteria=[{"key": "parent", "value": 2}]) == [4]
    both = [*science, {"key": "name", "value": "other"}]
    assert categories(moodle, criteria=both) == []
    assert len(create(moodle, new_course("deep", categoryid=4))) == 1


@pytest.mark.parametrize(
    ("values", "errorcode"),
    [
        ({"parent": 99}, "unknowcategory"),
        ({"idnumber": "sci"}, "categoryidnumbertaken"),
        ({"name": ""}, "categorynamerequired"),
        ({"name": "x" * 256}, "dmlwriteexception"),
    ],
)
def test_category_creation_is_one_transaction(
    moodle: Client, values: dict[str, Any], errorcode: str
) -> None:
    new = [{"name": "first"}, {"name": "second", **values}]
    assert moodle.error("core_course_create_categories", categories=new) == errorcode
    assert categories(moodle) == [1, 2, 3]


def test_category_rights(moodle: Client) -> None:
    moodle.simulator.site.gateway.capabilities -= {"moodle/category:manage"}
    new = [{"name": "n"}]
    assert moodle.error("core_course_create_categories", categories=new) == "nopermissions"
    asked = [{"key": "idnumber", "value": "SCI"}]
    assert moodle.error("core_course_get_categories", criteria=asked) == "criteriaerror"
    assert "idnumber" not in moodle("core_course_get_categories")[0]


def test_a_cohort_may_belong_to_a_new_category(moodle: Client) -> None:
    new = [{"name": "N", "idnumber": "NEW"}]
    (made,) = moodle("core_course_create_categories", categories=new)
    cohort = {"categorytype": {"type": "idnumber", "value": "NEW"}, "name": "c", "idnumber": "c"}
    assert len(moodle("core_cohort_create_cohorts", cohorts=[cohort])) == 1
    context = {"contextlevel": "coursecat", "instanceid": made["id"]}
    found = moodle("core_cohort_search_cohorts", query="", context=context, includes="self")
    assert [cohort["name"] for cohort in found["cohorts"]] == ["c"]


# Size


def test_a_thousand_users_and_two_hundred_courses_stay_fast() -> None:
    began = time.perf_counter()
    moodle = Client(create_simulator(users=1000, courses=200))
    site = moodle.simulator.site
    for user in range(5, 1005):
        site.enrol(2, user)
    assert len(moodle("core_course_get_courses")) == 201
    assert search(moodle, "course", perpage=20)[0] == 200
    assert len(moodle("core_enrol_get_enrolled_users", courseid=2)) == 1000
    assert len(moodle("core_enrol_get_users_courses", userid=5)) >= 1
    enrolments = [{"roleid": 5, "userid": user, "courseid": 3} for user in range(5, 205)]
    assert moodle("enrol_manual_enrol_users", enrolments=enrolments) is None
    new = [new_course(f"n{number}") for number in range(50)]
    assert len(create(moodle, *new)) == 50
    assert time.perf_counter() - began < 20
