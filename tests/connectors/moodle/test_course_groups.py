"""Every trap of Moodle's group functions, by name, and cohorts and course groups side by side."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.overrides import limited
from schemas.changes import diff
from schemas.errors import ScimError
from schemas.group import LMS_GROUP
from tests.connectors.law import everything
from tests.connectors.moodle.site import DATABASES, Joined, joined
from tests.connectors.operations import TICKET, change, matching, read

BOTH = {"groups": ["cohort", "courseGroup"]}
COHORTS = "core_cohort_get_cohorts"
SEARCH = "core_cohort_search_cohorts"
COHORT_MEMBERS = "core_cohort_get_cohort_members"
COURSES = "core_course_search_courses"
LIST = "core_group_get_course_groups"
BY_ID = "core_group_get_groups"
MEMBERS = "core_group_get_group_members"
CREATE = "core_group_create_groups"
UPDATE = "core_group_update_groups"
DELETE = "core_group_delete_groups"
ADD = "core_group_add_group_members"
REMOVE = "core_group_delete_group_members"
PEOPLE = "core_enrol_get_enrolled_users"


@pytest.fixture(params=DATABASES)
def moodle(request: pytest.FixtureRequest) -> Joined:
    """Give a site with two cohorts, the courses 2 and 3, and the groups 1, 2 and 3."""
    moodle = joined(users=6, cohorts=2, more=BOTH, database=request.param)
    for code in ("A", "B"):
        moodle.site.add_course(shortname=code)
    for user in (5, 6, 7):
        moodle.site.enrol(2, user)
    moodle.site.add_group(courseid=2, name="Lab", idnumber="LAB-7", members={5})
    moodle.site.add_group(courseid=2, name="Team")
    moodle.site.add_group(courseid=3, name="Lab", idnumber="LAB-7")
    return moodle


def found(groups: Collection, text: str) -> list[str]:
    """Return the ids of the groups that fulfil a filter."""
    return [resource["id"] for resource in matching(groups, text)]


def values(*ids: int | str) -> list[dict[str, Any]]:
    return [{"value": str(id), "type": "User"} for id in ids]


def group(course: str = "2", **given: Any) -> Resource:
    return {"displayName": "New", LMS_GROUP: {"courseId": course}, **given}


def test_without_the_option_there_are_cohorts_alone() -> None:
    moodle = joined(users=2, cohorts=1)
    moodle.site.add_course(shortname="A")
    moodle.site.add_group(courseid=2, name="Lab")
    assert [held["id"] for held in everything(moodle.groups)] == ["cohort-1"]
    assert moodle.groups.get("group-1") is None
    assert f"{LMS_GROUP}:courseId" not in {str(row.path) for row in moodle.groups.mapping.rows}
    assert COURSES not in moodle.calls


def test_a_course_group_shows_what_moodle_keeps_of_it(moodle: Joined) -> None:
    moodle.site.groups[1].description = "<p>d</p>"
    assert read(moodle.groups, "group-1") == {
        "id": "group-1",
        "displayName": "Lab",
        "externalId": "LAB-7",
        "members": values(5),
        LMS_GROUP: {"kind": "courseGroup", "courseId": "2", "description": "<p>d</p>"},
    }
    assert moodle.calls == [BY_ID, MEMBERS]


@pytest.mark.parametrize(
    ("filter", "ids", "calls"),
    [
        ('id eq "group-1"', ["group-1"], [BY_ID]),
        ('id eq "cohort-1" or id eq "group-2"', ["cohort-1", "group-2"], [COHORTS, BY_ID]),
        ('kind eq "COHORT"', ["cohort-1", "cohort-2"], [COHORTS]),
        ('kind eq "cohort" and displayName eq "Cohort 02"', ["cohort-2"], [SEARCH]),
        ('kind eq "courseGroup"', ["group-1", "group-2", "group-3"], [COURSES, LIST, LIST]),
        ('kind eq "courseGroup" and courseId eq "3"', ["group-3"], [LIST]),
        ('courseId eq "2"', ["group-1", "group-2"], [LIST]),
        ('courseId eq "2" and displayName eq "lab"', ["group-1"], [LIST]),
        ('courseId eq "2" and kind eq "cohort"', [], []),
        ('courseId eq "1"', [], []),
        ('courseId eq "A"', [], []),
        ('kind eq "section"', [], []),
        ('externalId eq "LAB-7"', ["group-1", "group-3"], [SEARCH, COURSES, LIST, LIST]),
    ],
)
def test_kind_and_course_choose_the_calls(
    moodle: Joined, filter: str, ids: list[str], calls: list[str]
) -> None:
    assert found(moodle.groups, filter) == ids
    assert moodle.calls == calls


def test_everything_is_all_cohorts_and_the_groups_of_all_courses(moodle: Joined) -> None:
    ids = [held["id"] for held in everything(moodle.groups)]
    assert ids == ["cohort-1", "cohort-2", "group-1", "group-2", "group-3"]
    assert moodle.calls[:4] == [COHORTS, COURSES, LIST, LIST]
    assert moodle.calls.count(MEMBERS) == moodle.calls.count(COHORT_MEMBERS) == 1


def test_a_course_that_is_not_there_has_no_groups(moodle: Joined) -> None:
    assert found(moodle.groups, 'courseId eq "99"') == []


def test_a_course_closed_to_the_account_is_not_taken_for_empty(moodle: Joined) -> None:
    moodle.site.gateway.capabilities.discard("moodle/course:view")
    with pytest.raises(ScimError, match="may not enter"):
        found(moodle.groups, 'courseId eq "2"')


def test_one_that_is_gone_does_not_lose_the_others(moodle: Joined) -> None:
    ids = " or ".join(f'id eq "group-{n}"' for n in (1, 99, 3, 98))
    assert found(moodle.groups, ids) == ["group-1", "group-3"]
    resources = [read(moodle.groups, f"group-{n}") for n in (1, 2, 3)]
    del moodle.site.groups[2]
    moodle.groups.complete(resources, frozenset({"members"}))
    assert [held["members"] for held in resources] == [values(5), [], []]


@pytest.mark.parametrize("wanted", ["members", "members.display"])
def test_members_of_both_kinds_are_completed(moodle: Joined, wanted: str) -> None:
    resources = [read(moodle.groups, id) for id in ("group-1", "cohort-1")]
    moodle.forget()
    moodle.groups.complete(resources, frozenset({wanted}))
    assert [held["members"][0]["value"] for held in resources] == ["5", "5"]
    shown = "display" in resources[0]["members"][0]
    assert shown == (wanted == "members.display")


def test_a_group_goes_where_its_course_says(moodle: Joined) -> None:
    moodle.forget()
    made = moodle.groups.create(TICKET, group(members=values(5, 7)))
    assert moodle.calls == [PEOPLE, CREATE, ADD]
    assert made["id"] == "group-4"
    assert moodle.site.groups[4].members == {5, 7}
    moodle.forget()
    assert moodle.groups.create(TICKET, group(displayName="Newer"))["id"] == "group-5"
    assert moodle.groups.create(TICKET, {"displayName": "New"})["id"] == "cohort-3"
    assert moodle.calls == [CREATE, "core_cohort_create_cohorts"]


@pytest.mark.parametrize("name", ["Lab", "LAB", " Lab "])
def test_a_taken_name_is_a_409_as_far_as_the_database_says(moodle: Joined, name: str) -> None:
    held = read(moodle.groups, "group-2")
    if name == "LAB" and moodle.site.settings.database == "postgresql":
        assert moodle.groups.create(TICKET, group(displayName=name))
        return
    for write in (
        lambda: moodle.groups.create(TICKET, group(displayName=name)),
        lambda: change(moodle.groups, held, displayName=name),
    ):
        with pytest.raises(ScimError) as refused:
            write()
        assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")
    assert moodle.groups.create(TICKET, group("3", displayName="Team"))


def test_blanks_around_a_name_are_left_out_as_moodle_does(moodle: Joined) -> None:
    assert moodle.groups.create(TICKET, group(displayName=" New "))["displayName"] == "New"
    after = change(moodle.groups, read(moodle.groups, "group-1"), displayName=" Other ")
    assert after["displayName"] == moodle.site.groups[1].name == "Other"


def test_a_taken_number_is_a_409(moodle: Joined) -> None:
    with pytest.raises(ScimError) as refused:
        moodle.groups.create(TICKET, group(externalId="LAB-7"))
    assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")
    with pytest.raises(ScimError) as refused:
        change(moodle.groups, read(moodle.groups, "group-2"), externalId="LAB-7")
    assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (group(displayName="x" * 255), "longer than the 254"),
        (group(displayName="a<b"), "tag"),
        (group(displayName=" "), "only white space"),
        (group(externalId="x" * 101), "longer than the 100"),
        (group(members=values("SIS-1")), "what Moodle calls ID number is the externalId"),
        (group("CRS-1"), "what Moodle calls ID number is the externalId"),
        (group("1"), "not the id of a course"),
    ],
)
def test_what_moodle_would_refuse_is_refused_with_a_reason(
    moodle: Joined, resource: Resource, said: str
) -> None:
    with pytest.raises(ScimError, match=said) as refused:
        moodle.groups.create(TICKET, resource)
    assert (refused.value.status, moodle.calls) == (400, [])


def test_an_unknown_course_is_a_400(moodle: Joined) -> None:
    with pytest.raises(ScimError, match="courseId") as refused:
        moodle.groups.create(TICKET, group("99"))
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")


def test_members_who_are_not_in_the_course_are_named_before_any_write(moodle: Joined) -> None:
    with pytest.raises(ScimError, match=r"not in the group's course 2: 8, 999\.") as refused:
        moodle.groups.create(TICKET, group(members=values(5, 8, 999)))
    assert (refused.value.status, moodle.calls) == (400, [PEOPLE])
    held = read(moodle.groups, "group-1")
    moodle.forget()
    with pytest.raises(ScimError, match=r"course 2: 8\."):
        change(moodle.groups, held, displayName="Other", members=values(6, 8))
    assert moodle.calls == [PEOPLE]
    assert moodle.site.groups[1].members == {5}


def test_a_change_costs_what_it_changes(moodle: Joined) -> None:
    held = read(moodle.groups, "group-1")
    moodle.forget()
    change(moodle.groups, held, displayName="Other")
    assert moodle.calls == [UPDATE]
    held = read(moodle.groups, "group-1")
    moodle.forget()
    change(moodle.groups, held, members=values(6, 7))
    assert moodle.calls == [PEOPLE, ADD, REMOVE]
    assert moodle.site.groups[1].members == {6, 7}


def test_a_change_of_one_thing_leaves_the_others(moodle: Joined) -> None:
    kept = moodle.site.groups[1]
    kept.description, kept.enrolmentkey, kept.visibility = "d", "key", 1
    change(moodle.groups, read(moodle.groups, "group-1"), externalId="M")
    assert (kept.name, kept.idnumber, kept.description) == ("Lab", "M", "d")
    assert (kept.enrolmentkey, kept.visibility, kept.members) == ("key", 1, {5})


def test_no_group_moves_to_another_course(moodle: Joined) -> None:
    for id in ("group-1", "cohort-1"):
        before = read(moodle.groups, id)
        after = {**before, LMS_GROUP: {**before[LMS_GROUP], "courseId": "3"}}
        with pytest.raises(ScimError) as refused:
            moodle.groups.update(
                TICKET, before, after, diff(moodle.groups.mapping.resource_type, before, after)
            )
        assert (refused.value.status, refused.value.scim_type) == (400, "mutability")


def test_a_group_that_is_gone_is_a_404(moodle: Joined) -> None:
    before = read(moodle.groups, "group-1")
    moodle.groups.delete(TICKET, "group-1")
    assert moodle.calls[-2:] == [BY_ID, DELETE]
    with pytest.raises(ScimError) as refused:
        moodle.groups.delete(TICKET, "group-1")
    assert refused.value.status == 404
    for wanted in ({"displayName": "New"}, {"members": values(5, 6)}, {"members": []}):
        with pytest.raises(ScimError) as refused:
            change(moodle.groups, before, **wanted)
        assert refused.value.status == 404


def test_a_group_that_did_not_get_its_members_is_taken_back(
    moodle: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    before = len(moodle.site.groups)
    moodle.simulator.faults.add("status", match=ADD, status=500)
    with pytest.raises(ScimError) as refused:
        moodle.groups.create(TICKET, group(members=values(5)))
    assert len(moodle.site.groups) == before
    moodle.simulator.faults.add("status", match=ADD, status=500)
    moodle.simulator.faults.add("status", match=DELETE, status=500)
    with pytest.raises(ScimError) as refused:
        moodle.groups.create(TICKET, group(members=values(5)))
    assert refused.value.unknown


def test_a_create_is_found_again_in_its_own_course(moodle: Joined) -> None:
    for resource, id in (
        (group(displayName="Lab"), "group-1"),
        (group("3", displayName=" Lab "), "group-3"),
        (group("3", displayName="Team"), None),
        (group(displayName="Team", externalId="LAB-7"), "group-1"),
        (group(displayName="Team", externalId="lab-7"), None),
        ({"displayName": "Cohort 01", "externalId": "COH-01"}, "cohort-1"),
    ):
        again = moodle.groups.find_again(resource)
        assert (again and again["id"]) == id


def test_attributes_that_a_target_does_not_include_are_read_from_neither_kind(
    moodle: Joined,
) -> None:
    groups = moodle.groups
    groups.mapping = limited(groups.mapping, ["members"])
    assert [set(held) for held in everything(groups)] == [{"id", "displayName", "members"}] * 5
    held = read(groups, "group-1")
    change(groups, held, members=values(5, 6))
    assert moodle.site.groups[1].members == {5, 6}


def test_course_groups_can_be_the_only_groups() -> None:
    moodle = joined(users=3, cohorts=1, more={"groups": ["courseGroup"]})
    moodle.site.add_course(shortname="A")
    moodle.groups.create(TICKET, group())
    assert [held["id"] for held in everything(moodle.groups)] == ["group-1"]
