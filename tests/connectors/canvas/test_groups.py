"""What is particular to Canvas's groups: of the account, sections, and of courses."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.canvas.simulator.records import Category, Group
from connectors.mapping import Resource
from schemas.errors import ScimError
from schemas.group import LMS_GROUP
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.operations import TICKET

ALL = ("cohort", "section", "courseGroup")


@pytest.fixture
def canvas() -> Joined:
    """A site with twelve people and two courses that nobody is in; all kinds are served."""
    made = joined(kinds=ALL, users=12)
    made.site.categories[601].state = made.site.groups[701].state = "deleted"
    for code in ("ONE", "TWO"):
        made.create("Course", {"courseId": code, "name": code, "available": "Yes"})
    made.forget()
    return made


def people(*ids: int) -> list[Resource]:
    return [{"value": str(id), "type": "User"} for id in ids]


def members(canvas: Joined, id: str) -> list[int]:
    return [int(member["value"]) for member in canvas.read("Group", id)["members"]]


def in_course(name: str, *ids: int, course: str = "301", **more: Any) -> Resource:
    return {
        "displayName": name,
        "members": people(*ids),
        LMS_GROUP: {"courseId": course, **more},
    }


def refused(canvas: Joined, status: int, resource: Resource) -> str:
    canvas.forget()
    with pytest.raises(ScimError) as error:
        canvas.create("Group", resource)
    assert error.value.status == status
    assert canvas.writes == []
    return error.value.detail


def categories(canvas: Joined) -> dict[str, str]:
    return {row.name: row.state for row in list(canvas.site.categories.values())[1:]}


def shared(canvas: Joined, role: str | None = None, **names: Any) -> int:
    """Make a set of the account with groups past the connector; give the set's id."""
    site = canvas.site
    number = site.categories.take_id()
    site.categories.put(Category(number, "Shared", 0, account_id=1, role=role))
    for name, ids in names.items():
        group = site.groups.put(Group(site.groups.take_id(), name, number, 0))
        client = canvas.simulator.test_client()
        headers = {"Authorization": f"Bearer {site.token}", "User-Agent": "test"}
        body = {"members": list(ids)}
        client.put(f"/api/v1/groups/{group.id}", json=body, headers=headers)
    canvas.forget()
    return number


class TestAccountGroups:
    def test_a_group_has_a_set_of_its_own(self, canvas: Joined) -> None:
        made = canvas.create("Group", {"displayName": "Staff", "members": people(1001)})
        assert canvas.writes == [
            "POST accounts/self/group_categories",
            "POST group_categories/602/groups",
            "POST groups/702/memberships",
        ]
        assert len(canvas.calls) == 3
        assert (made["id"], made[LMS_GROUP]["kind"]) == ("group-702", "cohort")
        canvas.forget()
        made = canvas.change("Group", made, displayName="Employees")
        assert canvas.writes == ["PUT group_categories/602", "PUT groups/702"]
        assert categories(canvas) == {"Employees": "active"}
        canvas.forget()
        canvas["Group"].delete(TICKET, made["id"])
        assert canvas.writes == ["DELETE group_categories/602"]
        assert canvas["Group"].get(made["id"]) is None

    def test_people_are_in_as_many_groups_as_there_are(self, canvas: Joined) -> None:
        ids = [
            canvas.create("Group", {"displayName": name, "members": people(1001, 1002)})["id"]
            for name in ("A group", "Another", "A third")
        ]
        assert [members(canvas, id) for id in ids] == [[1001, 1002]] * 3

    def test_a_taken_name_is_refused(self, canvas: Joined) -> None:
        canvas.create("Group", {"displayName": "Staff"})
        other = canvas.create("Group", {"displayName": "Others"})
        with pytest.raises(ScimError) as error:
            canvas.create("Group", {"displayName": "STAFF"})
        assert (error.value.status, error.value.scim_type) == (409, "uniqueness")
        with pytest.raises(ScimError) as error:
            canvas.change("Group", other, displayName="Staff")
        assert error.value.status == 409
        assert canvas.read("Group", other["id"])["displayName"] == "Others"

    def test_an_empty_set_of_that_name_is_taken(self, canvas: Joined) -> None:
        canvas.site.categories.put(Category(650, "Staff", 0, account_id=1))
        made = canvas.create("Group", {"displayName": "Staff"})
        assert made[LMS_GROUP]["parentId"] == "650"

    @pytest.mark.parametrize("count", [1, 8])
    def test_a_group_that_cannot_have_its_members_is_not_made(
        self, canvas: Joined, count: int
    ) -> None:
        wrong = [*people(*range(1001, 1001 + count)), {"value": "999"}]
        with pytest.raises(ScimError) as error:
            canvas.create("Group", {"displayName": "Staff", "members": wrong})
        assert error.value.status == 400 and "999" in error.value.detail
        assert canvas.found("Group", 'displayName eq "Staff"') == []
        assert categories(canvas) == {"Staff": "deleted"}

    def test_a_taken_external_id_leaves_nothing_behind(self, canvas: Joined) -> None:
        canvas.create("Group", {"displayName": "Staff", "externalId": "G"})
        with pytest.raises(ScimError) as error:
            canvas.create("Group", {"displayName": "Others", "externalId": "G"})
        assert error.value.status == 409
        assert categories(canvas) == {"Staff": "active", "Others": "deleted"}

    def test_a_change_is_made_as_a_whole_or_not_at_all(self, canvas: Joined) -> None:
        for number in (1, 8):
            made = canvas.create(
                "Group", {"displayName": f"Staff {number}", "members": people(1010)}
            )
            wanted = [*people(*range(1001, 1001 + number)), {"value": "999", "type": "User"}]
            with pytest.raises(ScimError) as error:
                canvas.change("Group", made, displayName="Other", members=wanted)
            assert error.value.status == 400
            read = canvas.read("Group", made["id"])
            assert (read["displayName"], members(canvas, made["id"])) == (
                f"Staff {number}",
                [1010],
            )

    def test_few_changes_of_members_are_single_and_many_are_one(self, canvas: Joined) -> None:
        made = canvas.create("Group", {"displayName": "Staff", "members": people(1001, 1002)})
        canvas.forget()
        made = canvas.change("Group", made, members=people(1002, 1003, 1004))
        assert canvas.calls == [
            "GET group_categories/602/groups",
            "POST groups/702/memberships",
            "POST groups/702/memberships",
            "DELETE groups/702/users/1001",
        ]
        # Somebody who was added in Canvas meanwhile is no change of this request.
        client = canvas.simulator.test_client()
        headers = {"Authorization": f"Bearer {canvas.site.token}", "User-Agent": "test"}
        path = "/api/v1/groups/702/memberships"
        client.post(path, json={"user_id": 1012}, headers=headers)
        canvas.forget()
        canvas.change("Group", made, members=people(*range(1004, 1012)))
        assert canvas.calls == [
            "GET group_categories/602/groups",
            "GET groups/702/users",
            "PUT groups/702",
            "GET groups/702/users",
        ]
        assert members(canvas, "group-702") == [*range(1004, 1013)]
        made = canvas.read("Group", "group-702")
        canvas.forget()
        canvas.change("Group", made, members=[])
        assert canvas.writes == ["PUT groups/702"]
        assert members(canvas, "group-702") == []


class TestSharedSets:
    """Groups that somebody made in Canvas beside each other."""

    def test_nobody_is_taken_out_of_another_group(self, canvas: Joined) -> None:
        shared(canvas, Red=[1001, 1002], Blue=[1003], Empty=[])
        blue = canvas.read("Group", "group-703")
        canvas.forget()
        with pytest.raises(ScimError) as error:
            canvas.change("Group", blue, members=people(1001, 1003, 1004))
        assert error.value.status == 400
        assert "1001" in error.value.detail and "Red" in error.value.detail
        assert canvas.calls == ["GET group_categories/602/groups", "GET groups/702/users"]
        canvas.change("Group", blue, members=people(1003, 1004))
        assert members(canvas, "group-702") == [1001, 1002]
        assert members(canvas, "group-703") == [1003, 1004]

    def test_a_new_group_in_such_a_set(self, canvas: Joined) -> None:
        number = shared(canvas, Red=[1001])
        group = {"displayName": "Green", LMS_GROUP: {"parentId": str(number)}}
        assert "Red" in refused(canvas, 400, {**group, "members": people(1001)})
        made = canvas.create("Group", {**group, "members": people(1002)})
        assert categories(canvas) == {"Shared": "active"}
        canvas["Group"].delete(TICKET, made["id"])
        assert members(canvas, "group-702") == [1001]

    def test_the_set_keeps_its_name_and_its_other_groups(self, canvas: Joined) -> None:
        shared(canvas, Shared=[1001], Other=[])
        changed = canvas.change("Group", canvas.read("Group", "group-702"), displayName="Red")
        assert changed["displayName"] == "Red"
        assert categories(canvas) == {"Shared": "active"}
        canvas["Group"].delete(TICKET, "group-702")
        assert canvas["Group"].get("group-703") is not None

    def test_an_only_group_of_another_name_goes_without_its_set(self, canvas: Joined) -> None:
        shared(canvas, Red=[])
        canvas["Group"].delete(TICKET, "group-702")
        assert canvas.writes == ["DELETE groups/702"]

    def test_an_unknown_set_is_refused(self, canvas: Joined) -> None:
        for set_id in ("999", "601"):
            group = {"displayName": "Green", LMS_GROUP: {"parentId": set_id}}
            assert set_id in refused(canvas, 400, group)

    def test_a_community_can_be_read_only(self, canvas: Joined) -> None:
        number = shared(canvas, role="communities", Chess=[])
        held = canvas.read("Group", "group-702")
        for change in (
            lambda: canvas.change("Group", held, members=people(1001)),
            lambda: canvas.change("Group", held, displayName="Go"),
            lambda: canvas["Group"].delete(TICKET, "group-702"),
            lambda: canvas.create(
                "Group", {"displayName": "Go", LMS_GROUP: {"parentId": str(number)}}
            ),
        ):
            with pytest.raises(ScimError) as error:
                change()
            assert error.value.status == 403 and "communit" in error.value.detail
        assert canvas.writes == []

    def test_self_made_sets_let_people_be_in_several_groups(self, canvas: Joined) -> None:
        shared(canvas, role="student_organized", Red=[1001], Blue=[])
        canvas.forget()
        canvas.change("Group", canvas.read("Group", "group-703"), members=people(1001))
        assert canvas.writes == ["POST groups/703/memberships"]

    def test_groups_of_accounts_below_are_not_shown(self, canvas: Joined) -> None:
        site = canvas.site
        site.categories.put(Category(650, "Below", 0, account_id=12))
        site.groups.put(Group(750, "Below", 650, 0))
        assert canvas["Group"].get("group-750") is None
        assert [g["id"] for g in canvas.found("Group", 'kind eq "cohort"')] == []


class TestSections:
    def test_members_are_enrolled_in_the_default_role(self, canvas: Joined) -> None:
        made = canvas.create("Group", in_course("Monday", 1001, 1002))
        assert canvas.calls == [
            "GET courses/301",
            "GET accounts/self/roles",
            "POST courses/301/sections",
            *["POST sections/401/enrollments"] * 2,
        ]
        assert (made["id"], made[LMS_GROUP]) == (
            "section-401",
            {"courseId": "301", "kind": "section"},
        )
        (ann, _) = canvas.found("Membership", 'courseId eq "301"')
        assert (ann["courseRoleId"], ann["available"]) == ("StudentEnrollment", "Yes")
        canvas.forget()
        canvas.change("Group", made, members=people(1002))
        assert canvas.calls == [
            "GET sections/401",
            "GET sections/401/enrollments",
            "DELETE courses/301/enrollments/7001",
        ]
        assert members(canvas, "section-401") == [1002]

    def test_only_that_sections_enrolment_ends(self, canvas: Joined) -> None:
        canvas.create("Membership", {"userId": "1001", "courseId": "301"})
        made = canvas.create("Group", in_course("Monday", 1001))
        canvas.change("Group", made, members=[])
        assert len(canvas.found("Membership", 'userId eq "1001"')) == 1

    def test_each_role_and_state_but_the_concluded_is_a_member(self, canvas: Joined) -> None:
        made = canvas.create("Group", in_course("Monday", 1001, 1002, 1003))
        states = ("active", "inactive", "completed")
        for row, state in zip(canvas.site.enrollments.values(), states, strict=True):
            row.state = state
        assert members(canvas, made["id"]) == [1001, 1002]

    def test_a_blueprint_or_concluded_course_takes_nobody(self, canvas: Joined) -> None:
        made = canvas.create("Group", in_course("Monday"))
        course = canvas.site.courses[301]
        for name, value, said in (
            ("blueprint", True, "blueprint"),
            ("state", "completed", "concluded"),
        ):
            setattr(course, name, value)
            canvas.forget()
            with pytest.raises(ScimError) as error:
                canvas.change("Group", made, members=people(1001), displayName="Other")
            assert error.value.status == 400 and said in error.value.detail
            assert canvas.writes == []
            assert said in refused(canvas, 400, in_course("Tuesday", 1001))
            assert [g["id"] for g in canvas.found("Group", 'courseId eq "301"')] == [made["id"]]

    def test_members_are_added_all_or_none(self, canvas: Joined) -> None:
        made = canvas.create("Group", in_course("Monday"))
        with pytest.raises(ScimError) as error:
            canvas.change("Group", made, members=people(1001, 999))
        assert error.value.status == 400
        assert members(canvas, made["id"]) == []
        with pytest.raises(ScimError):
            canvas.create("Group", in_course("Tuesday", 1001, 999))
        assert len(canvas.found("Group", 'courseId eq "301"')) == 1

    def test_a_section_goes_with_its_enrolments_but_not_with_concluded_ones(
        self, canvas: Joined
    ) -> None:
        made = canvas.create("Group", in_course("Monday", 1001, 1002))
        row = canvas.site.enrollments[7001]
        row.state = "completed"
        canvas.forget()
        with pytest.raises(ScimError) as error:
            canvas["Group"].delete(TICKET, made["id"])
        assert error.value.status == 409 and "concluded" in error.value.detail
        assert canvas.writes == []
        row.state = "active"
        canvas["Group"].delete(TICKET, made["id"])
        assert canvas["Group"].get(made["id"]) is None
        assert canvas.found("Membership", 'courseId eq "301"') == []

    def test_an_unknown_course_is_refused(self, canvas: Joined) -> None:
        assert "999" in refused(canvas, 400, in_course("Monday", 1001, course="999"))
        with pytest.raises(ScimError) as error:
            canvas.create("Group", in_course("Monday", course="999"))
        assert error.value.status == 400 and "999" in error.value.detail

    def test_sections_have_no_description(self, canvas: Joined) -> None:
        assert "description" in refused(canvas, 400, in_course("Monday", description="x"))


class TestCourseGroups:
    def test_only_the_courses_people_are_members(self) -> None:
        canvas = joined(kinds=("cohort", "courseGroup"), users=12)
        canvas.create("Course", {"courseId": "ONE", "name": "ONE"})
        canvas.create("Membership", {"userId": "1001", "courseId": "301"})
        made = canvas.create("Group", in_course("Team", 1001))
        assert (made["id"], made[LMS_GROUP]["kind"]) == ("coursegroup-702", "courseGroup")
        assert "1002" in refused(canvas, 400, in_course("Others", 1001, 1002))
        assert "999" in refused(canvas, 400, in_course("Others", 1001, course="999"))
        canvas.forget()
        with pytest.raises(ScimError) as error:
            canvas.change("Group", made, members=people(1001, 1002))
        assert error.value.status == 400
        assert canvas.calls == ["GET group_categories/602/groups", "GET courses/301/users"]

    def test_with_sections_a_set_says_what_is_meant(self, canvas: Joined) -> None:
        number = canvas.site.categories.take_id()
        canvas.site.categories.put(Category(number, "Teams", 0, course_id=301))
        made = canvas.create("Group", in_course("Team", parentId=str(number)))
        assert made["id"].startswith("coursegroup-")
        assert canvas.create("Group", in_course("Team"))["id"].startswith("section-")
        assert "302" in refused(canvas, 400, in_course("T", course="302", parentId=str(number)))

    def test_the_two_kinds_do_not_show_each_others_groups(self, canvas: Joined) -> None:
        cohort = canvas.create("Group", {"displayName": "Staff"})
        number = cohort["id"].removeprefix("group-")
        assert canvas["Group"].get(f"coursegroup-{number}") is None


class TestReading:
    def test_the_calls_of_each_filter(self, canvas: Joined) -> None:
        canvas.create("Group", {"displayName": "Staff", "externalId": "G-1"})
        canvas.create("Group", {**in_course("Monday"), "externalId": "S-1"})
        courses = [
            f"GET courses/{id}/{what}" for id in (301, 302) for what in ("sections", "groups")
        ]
        walk = ["GET accounts/self/groups", "GET accounts/self/courses", *courses]
        canvas.found("Group")
        for text, ids, calls in (
            ('id eq "group-702"', ["group-702"], ["GET groups/702"]),
            ('id eq "section-401"', ["section-401"], ["GET sections/401"]),
            ('id eq "group-x"', [], []),
            ('kind eq "cohort"', ["group-702"], walk[:1]),
            ('courseId eq "301"', ["section-401"], courses[:2]),
            ('courseId eq "301" and kind eq "section"', ["section-401"], courses[:1]),
            ('kind eq "section"', ["section-401"], [walk[1], courses[0], courses[2]]),
            (
                'externalId eq "G-1"',
                ["group-702"],
                ["GET groups/sis_group_id:G-1", "GET sections/sis_section_id:G-1"],
            ),
            ('kind eq "course"', [], []),
            (None, ["group-702", "section-401"], walk),
        ):
            canvas.forget()
            assert [group["id"] for group in canvas.found("Group", text)] == ids, text
            extra = [call for call in canvas.calls if call != "GET accounts/self"]
            assert extra == calls, text

    def test_a_name_is_one_call_where_only_groups_of_the_account_are_served(self) -> None:
        canvas = joined(users=10)
        found = canvas.found("Group", 'displayName eq "library staff"')
        assert [group["displayName"] for group in found] == ["Library Staff"]
        assert canvas.calls == ["GET accounts/self/groups"]
        assert "filter=" in canvas.site.queries[0]
        assert "courseId" not in {row.path.name for row in canvas["Group"].mapping.rows}

    def test_members_and_their_names_take_a_call_for_each_group(self) -> None:
        canvas = joined(users=10)
        (group,) = canvas.found("Group")
        canvas.forget()
        canvas["Group"].complete([group], frozenset({"members"}))
        assert group["members"] == people(1005, 1010)
        assert canvas.calls == ["GET groups/701/users"]
        canvas["Group"].complete([group], frozenset({"members", "members.display"}))
        assert all(member["display"] for member in group["members"])
        assert len(canvas.calls) == 2
        canvas["Group"].complete([group], frozenset({"displayName"}))
        assert len(canvas.calls) == 2


@pytest.mark.parametrize("kinds", ["cohort", [], ["course"], ["cohort", "class"]])
def test_kinds_are_those_that_there_are(kinds: Any) -> None:
    with pytest.raises(ValueError, match="group_kinds"):
        joined(more={"group_kinds": kinds})


def test_without_a_course_there_is_nothing_to_make_where_only_those_of_courses_are_served() -> None:
    canvas = joined(kinds=("section",), courses=1)
    mapping = canvas["Group"].mapping
    assert next(row for row in mapping.rows if row.path.name == "courseId").field.required
    assert "courseId" in refused(canvas, 400, {"displayName": "Staff"})


@pytest.mark.parametrize("id", ["group-999", "section-999", "coursegroup-999"])
def test_a_group_that_is_gone_is_not_found(canvas: Joined, id: str) -> None:
    assert canvas["Group"].get(id) is None
    held = {"id": id, "displayName": "x", "members": [], LMS_GROUP: {"courseId": "301"}}
    for call in (
        lambda: canvas.change("Group", held, displayName="y"),
        lambda: canvas["Group"].delete(TICKET, id),
    ):
        with pytest.raises(ScimError) as error:
            call()
        assert error.value.status == 404


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("truncated", "accounts/self/group_categories"),
        ("timeout_before", "accounts/self/group_categories"),
        ("truncated", "/groups"),
        ("truncated", "/memberships"),
    ],
)
def test_an_interrupted_creation_can_be_sent_again(fault: str, match: str) -> None:
    canvas = joined(users=3)
    staff = {"displayName": "Staff", "members": people(1001)}
    canvas.simulator.faults.add(fault, match)
    with pytest.raises(ScimError) as error:
        canvas.create("Group", staff)
    assert error.value.unknown
    assert canvas["Group"].find_again(staff) is None
    made = canvas.create("Group", staff)
    assert members(canvas, made["id"]) == [1001]
    found = canvas["Group"].find_again(staff)
    assert found is not None and found["id"] == made["id"]
