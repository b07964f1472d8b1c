"""Every trap of Moodle's enrolment functions, by name; roles, scores and completion."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.moodle import participants
from connectors.moodle.simulator import webservice
from schemas.changes import diff
from schemas.errors import ScimError
from tests.connectors import operations
from tests.connectors.law import everything
from tests.connectors.moodle.site import Joined, joined
from tests.connectors.operations import TICKET, matching, read

PEOPLE = "core_enrol_get_enrolled_users"
USERS = "core_user_get_users_by_field"
COURSES = "core_course_search_courses"
ENROL = "enrol_manual_enrol_users"
UNENROL = "enrol_manual_unenrol_users"
ASSIGN = "core_role_assign_roles"
UNASSIGN = "core_role_unassign_roles"
GRADES = "gradereport_user_get_grade_items"
COMPLETION = "core_completion_get_course_completion_status"

YEAR_2020, YEAR_2099 = 1_577_836_800, 4_070_908_800


@pytest.fixture
def moodle() -> Joined:
    """Give a site with the courses 2, 3 and 4, and with people in the first two."""
    moodle = joined(users=6)
    for code in ("A", "B", "C"):
        moodle.site.add_course(shortname=code)
    moodle.site.enrol(2, 5)
    moodle.site.enrol(2, 6, 3)
    moodle.site.enrol(2, 7, suspended=True, timestart=YEAR_2020, timeend=YEAR_2099)
    moodle.site.enrol(3, 7, suspended=True)
    moodle.site.enrol(3, 8)
    return moodle


@pytest.fixture
def memberships(moodle: Joined) -> Collection:
    return moodle["Membership"]


def found(memberships: Collection, text: str) -> list[str]:
    """Return the ids of the memberships that fulfil a filter."""
    return [resource["id"] for resource in matching(memberships, text)]


def change(collection: Collection, id: str, **values: Any) -> Resource:
    return operations.change(collection, read(collection, id), **values)


def without_effect(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """Let a function do nothing, as Moodle does for other methods of enrolment."""
    monkeypatch.setitem(webservice.FUNCTIONS, function, lambda *given: None)


def test_a_membership_shows_who_is_in_what_as_what(memberships: Collection) -> None:
    assert read(memberships, "2.7") == {
        "id": "2.7",
        "userId": "7",
        "courseId": "2",
        "userName": "user0003",
        "courseRoleId": "student",
        "available": "No",
    }


@pytest.mark.parametrize(
    ("filter", "ids", "calls"),
    [
        ('id eq "2.7"', ["2.7"], [PEOPLE] * 2),
        ('id eq "2.8"', [], [PEOPLE]),
        ('courseId eq "2" and userId eq "5"', ["2.5"], [PEOPLE] * 2),
        ('courseId eq "2"', ["2.5", "2.6", "2.7"], [PEOPLE] * 2),
        ('courseId eq "2" and courseRoleId eq "editingteacher"', ["2.6"], [PEOPLE] * 2),
        ('courseId eq "4"', [], [PEOPLE]),
        ('courseId eq "99"', [], [PEOPLE]),
        ('courseId eq "1"', [], []),
        ('userId eq "7"', ["2.7", "3.7"], [COURSES] + [PEOPLE] * 5),
        ('available eq "No"', ["2.7", "3.7"], [COURSES] + [PEOPLE] * 5),
    ],
)
def test_what_a_search_costs(
    moodle: Joined, memberships: Collection, filter: str, ids: list[str], calls: list[str]
) -> None:
    assert found(memberships, filter) == ids
    assert moodle.calls == calls


def test_people_are_read_by_pages(
    moodle: Joined, memberships: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(participants, "PAGE", 2)
    assert found(memberships, 'courseId eq "2"') == ["2.5", "2.6", "2.7"]
    assert moodle.calls == [PEOPLE] * 3
    assert read(memberships, "2.5")["available"] == "Yes"
    assert memberships.get("2.4") is None


def test_a_walk_over_too_many_courses_is_refused(moodle: Joined) -> None:
    few = joined(more={"walk_courses": 2})
    for code in ("A", "B"):
        few.site.add_course(shortname=code)
    assert everything(few["Membership"]) == []
    few.site.add_course(shortname="C")
    few.forget()
    with pytest.raises(ScimError, match="walk_courses") as refused:
        everything(few["Membership"])
    assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")
    assert few.calls == [COURSES]


def test_many_are_fetched_by_their_courses(moodle: Joined, memberships: Collection) -> None:
    ids = ["3.8", "2.5", "2.99", "2.6", "x", "1.5"]
    assert [one["id"] for one in memberships.fetch(ids)] == ["3.8", "2.5", "2.6"]
    assert moodle.calls == [PEOPLE] * 4


def test_enrolling_looks_first(moodle: Joined, memberships: Collection) -> None:
    made = memberships.create(TICKET, {"userId": "9", "courseId": "2", "courseRoleId": "teacher",
                               "available": "No"})  # fmt: skip
    assert moodle.calls == [PEOPLE, USERS, ENROL]
    assert made == read(memberships, "2.9")
    assert (made["userName"], made["available"]) == ("user0005", "No")
    moodle.forget()
    with pytest.raises(ScimError) as refused:
        memberships.create(TICKET, {"userId": "7", "courseId": "2", "courseRoleId": "teacher",
                            "available": "Yes"})  # fmt: skip
    assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")
    assert moodle.calls == [PEOPLE]
    assert moodle.site.courses[2].enrolments[7].suspended
    assert moodle.site.roles_of(7, 2) == {5}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"userId": "SIS-000001"}, "what Moodle calls ID number is the externalId"),
        ({"userId": "user0001"}, "not the id of a user"),
        ({"courseId": "CRS-1"}, "what Moodle calls ID number is the externalId"),
        ({"courseId": "1"}, "not the id of a course"),
        ({"courseRoleId": "Student"}, "none of manager, editingteacher, teacher, student"),
        ({"start": "1960-01-01T00:00:00Z"}, "1970"),
    ],
)
def test_what_cannot_be_is_refused_without_a_call(
    moodle: Joined, memberships: Collection, values: Resource, said: str
) -> None:
    resource = {"userId": "9", "courseId": "2", "courseRoleId": "student", "available": "Yes"}
    with pytest.raises(ScimError, match=said) as refused:
        memberships.create(TICKET, {**resource, **values})
    assert (refused.value.status, moodle.calls) == (400, [])


def test_a_role_that_may_not_be_given_is_a_400(moodle: Joined, memberships: Collection) -> None:
    resource = {"userId": "9", "courseId": "2", "courseRoleId": "manager", "available": "Yes"}
    moodle.site.gateway.roles = frozenset({5})
    with pytest.raises(ScimError, match="courseRoleId") as refused:
        memberships.create(TICKET, resource)
    assert refused.value.status == 400
    with pytest.raises(ScimError, match="courseRoleId") as refused:
        change(memberships, "2.5", courseRoleId="manager")
    assert refused.value.status == 400


def test_a_course_without_manual_enrolment_is_a_403(
    moodle: Joined, memberships: Collection
) -> None:
    moodle.site.courses[2].manual = False
    resource = {"userId": "9", "courseId": "2", "courseRoleId": "student", "available": "Yes"}
    with pytest.raises(ScimError, match="manual") as refused:
        memberships.create(TICKET, resource)
    assert refused.value.status == 403
    with pytest.raises(ScimError, match="manual") as refused:
        memberships.delete(TICKET, "2.5")
    assert refused.value.status == 403


def test_a_user_who_is_not_confirmed_is_a_400(moodle: Joined, memberships: Collection) -> None:
    moodle.site.users[9].confirmed = False
    resource = {"userId": "9", "courseId": "2", "courseRoleId": "student", "available": "Yes"}
    with pytest.raises(ScimError, match="userId") as refused:
        memberships.create(TICKET, resource)
    assert refused.value.status == 400


def test_a_new_role_leaves_suspension_and_dates(moodle: Joined, memberships: Collection) -> None:
    before = moodle.site.courses[2].enrolments[7]
    held = read(memberships, "2.7")
    moodle.forget()
    after = {**held, "courseRoleId": "teacher"}
    memberships.update(TICKET, held, after, diff(memberships.mapping.resource_type, held, after))
    assert moodle.calls == [ASSIGN, UNASSIGN]
    assert moodle.site.courses[2].enrolments[7] == before
    assert moodle.site.roles_of(7, 2) == {4}


def test_a_suspension_is_lifted_and_made(moodle: Joined, memberships: Collection) -> None:
    change(memberships, "2.7", available="Yes", end="2099-01-01T00:00:00Z")
    enrolment = moodle.site.courses[2].enrolments[7]
    assert (enrolment.suspended, enrolment.timestart, enrolment.timeend) == (False, 0, YEAR_2099)
    moodle.forget()
    change(memberships, "2.7", available="No", start="2020-01-01T00:00:00Z")
    assert moodle.calls == [PEOPLE, PEOPLE, ENROL, PEOPLE]
    enrolment = moodle.site.courses[2].enrolments[7]
    assert (enrolment.suspended, enrolment.timestart, enrolment.timeend) == (True, YEAR_2020, 0)
    assert moodle.site.roles_of(7, 2) == {5}


def test_dates_alone_leave_the_suspension(moodle: Joined, memberships: Collection) -> None:
    change(memberships, "2.7", start="2020-01-01T00:00:00Z")
    assert moodle.site.courses[2].enrolments[7].suspended
    assert "start" not in memberships.mapping.as_read(read(memberships, "2.7"))


def test_role_and_suspension_change_together(moodle: Joined, memberships: Collection) -> None:
    change(memberships, "2.5", available="No", courseRoleId="teacher")
    assert moodle.site.courses[2].enrolments[5].suspended
    assert moodle.site.roles_of(5, 2) == {4}
    assert moodle.calls == [PEOPLE, PEOPLE, ENROL, UNASSIGN, PEOPLE]


def test_who_has_no_role_is_given_one_but_not_suspended_without(
    moodle: Joined, memberships: Collection
) -> None:
    moodle.site.course_context(2).roles.clear()
    assert "courseRoleId" not in read(memberships, "2.5")
    with pytest.raises(ScimError, match="has no role") as refused:
        change(memberships, "2.5", available="No")
    assert refused.value.status == 400
    change(memberships, "2.5", courseRoleId="student")
    assert moodle.site.roles_of(5, 2) == {5}


def test_of_several_roles_the_one_with_the_lowest_id_is_shown_and_replaced(
    moodle: Joined, memberships: Collection
) -> None:
    moodle.site.give_role(5, 6, 2)
    assert read(memberships, "2.6")["courseRoleId"] == "editingteacher"
    change(memberships, "2.6", courseRoleId="student")
    assert read(memberships, "2.6")["courseRoleId"] == "student"


def test_a_role_that_is_not_configured_is_shown_kept_and_taken() -> None:
    moodle = joined(users=3, more={"roles": {"student": 5}})
    moodle.site.add_course(shortname="A")
    moodle.site.enrol(2, 5, 4)
    memberships = moodle["Membership"]
    change(memberships, "2.5", available="No")
    assert moodle.site.roles_of(5, 2) == {4}
    assert change(memberships, "2.5", courseRoleId="student")["courseRoleId"] == "student"
    assert moodle.site.roles_of(5, 2) == {5}


def test_suspending_who_is_active_by_another_method_is_no_success(
    memberships: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_effect(monkeypatch, ENROL)
    with pytest.raises(ScimError, match="another method") as refused:
        change(memberships, "2.5", available="No")
    assert refused.value.status == 403


def test_unenrolling_who_was_enrolled_by_another_method_is_no_success(
    moodle: Joined, memberships: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_effect(monkeypatch, UNENROL)
    with pytest.raises(ScimError, match="another method") as refused:
        memberships.delete(TICKET, "2.5")
    assert refused.value.status == 403
    assert moodle.calls == [PEOPLE, UNENROL, PEOPLE]


def test_a_membership_that_is_gone_is_a_404(moodle: Joined, memberships: Collection) -> None:
    for id in ("2.9", "99.5", "2.999", "1.5", "x"):
        moodle.forget()
        with pytest.raises(ScimError) as refused:
            memberships.delete(TICKET, id)
        assert refused.value.status == 404
        assert UNENROL not in moodle.calls
    before = read(memberships, "2.5")
    moodle.users.delete(TICKET, "5")
    for values in ({"courseRoleId": "teacher"}, {"available": "No"}):
        after = {**before, **values}
        with pytest.raises(ScimError) as refused:
            memberships.update(
                TICKET, before, after, diff(memberships.mapping.resource_type, before, after)
            )
        assert refused.value.status == 404


def test_a_course_closed_to_the_account_is_not_taken_for_empty(
    moodle: Joined, memberships: Collection
) -> None:
    moodle.site.gateway.capabilities.discard("moodle/course:view")
    for filter in ('courseId eq "2"', 'id eq "2.5"', 'userId eq "5"'):
        with pytest.raises(ScimError, match="may not enter"):
            found(memberships, filter)


def test_scores_are_read_once_a_course_and_only_where_wanted(
    moodle: Joined, memberships: Collection
) -> None:
    moodle.site.set_grade(2, 5, 42.5, 50)
    moodle.site.set_grade(2, 7, 10)
    resources = everything(memberships)
    moodle.forget()
    memberships.complete(resources, frozenset())
    assert moodle.calls == []
    memberships.complete(resources, frozenset({"score"}))
    assert moodle.calls == [GRADES] * 2
    scores = {r["id"]: (r["score"], r["scoreMaximum"]) for r in resources if "score" in r}
    assert scores == {"2.5": (42.5, 100)}


def test_completion_is_asked_for_where_a_course_follows_it(
    moodle: Joined, memberships: Collection
) -> None:
    moodle.site.enrol(2, 8)
    moodle.site.set_completed(2, 5)
    moodle.site.enrol(3, 9)
    ids = ("2.5", "2.6", "2.7", "2.8", "3.7", "3.8", "3.9")
    resources = [read(memberships, id) for id in ids]
    moodle.forget()
    memberships.complete(resources, frozenset({"completed"}))
    held = {r["id"]: r["completed"] for r in resources if "completed" in r}
    assert held == {"2.5": True, "2.8": False}
    assert moodle.calls == [COMPLETION] * 6
    moodle.site.courses[2].enablecompletion = 0
    moodle.forget()
    memberships.complete(resources, frozenset({"completed"}))
    assert moodle.calls == [COMPLETION] * 3


def test_a_score_that_may_not_be_read_is_an_error(moodle: Joined, memberships: Collection) -> None:
    moodle.site.gateway.capabilities.discard("moodle/grade:viewall")
    with pytest.raises(ScimError, match="capability"):
        memberships.complete([read(memberships, "2.5")], frozenset({"score"}))


def test_roles_are_those_of_the_configuration_and_take_no_call(moodle: Joined) -> None:
    roles = moodle["Role"]
    assert [(r["id"], r["roleId"], r["kind"]) for r in everything(roles)] == [
        ("course.1", "manager", "course"),
        ("course.3", "editingteacher", "course"),
        ("course.4", "teacher", "course"),
        ("course.5", "student", "course"),
    ]
    assert roles.get("course.5") == {"id": "course.5", "roleId": "student", "kind": "course"}
    assert roles.get("5") is None
    assert moodle.calls == []


def test_own_roles_can_be_named() -> None:
    moodle = joined(more={"roles": {"tutor": 4}, "default_course_role": "tutor"})
    moodle.site.add_course(shortname="A")
    memberships = moodle["Membership"]
    given = memberships.mapping.with_defaults({"userId": "3", "courseId": "2"})
    assert memberships.create(TICKET, given)["courseRoleId"] == "tutor"
    assert read(memberships, "2.3")["courseRoleId"] == "tutor"


@pytest.mark.parametrize(
    "more",
    [
        {"roles": {}},
        {"roles": ["student"]},
        {"roles": {"student": "5"}},
        {"roles": {"student": True}},
        {"roles": {"tutor": 4}},
        {"default_course_role": "nobody"},
        {"course_category": "SCI"},
        {"groups": []},
        {"groups": "cohort"},
        {"groups": ["cohort", "section"]},
    ],
)
def test_a_configuration_that_cannot_be_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"roles|default_course_role|category|groups"):
        joined(more=more)
