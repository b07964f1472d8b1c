"""What is particular to Brightspace's courses, memberships, groups, sections and roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.mapping import Resource
from connectors.overrides import limited
from schemas.errors import ScimError
from schemas.group import LMS_GROUP
from tests.connectors.brightspace.joined import Joined, joined
from tests.connectors.operations import TICKET

ONE, TWO = "6671", "6672"
MORE = {"default_course_role": 110, "course_template": 6660}


@pytest.fixture
def brightspace() -> Joined:
    return with_courses()


def with_courses(**settings: Any) -> Joined:
    more = {**MORE, **settings.pop("more", {})}
    made = joined(users=9, more=more, **settings)
    for code in ("ONE", "TWO"):
        create(made, "Course", courseId=code, name=code)
    made.forget()
    return made


def create(brightspace: Joined, type_: str, **values: Any) -> Resource:
    return brightspace.create(type_, values)


def enrol(brightspace: Joined, *users: int, course: str = ONE) -> None:
    for user in users:
        create(brightspace, "Membership", userId=str(user), courseId=course)
    brightspace.forget()


class TestCourses:
    def test_a_course_is_made_in_two_calls(self, brightspace: Joined) -> None:
        made = create(brightspace, "Course", courseId="NEW", name="New")
        assert made["categoryId"] == "6660"
        assert brightspace.calls == ["GET lp/orgstructure/", "POST lp/courses/"]

    def test_one_that_opens_otherwise_than_asked_takes_a_third(self) -> None:
        brightspace = with_courses(new_courses_active=False)
        made = create(brightspace, "Course", courseId="NEW", name="New", available="Yes")
        assert made["available"] == "Yes"
        assert brightspace.writes == ["POST lp/courses/", f"PUT lp/courses/{made['id']}"]

    def test_a_course_is_changed_in_two_calls_and_keeps_the_rest(self, brightspace: Joined) -> None:
        made = create(
            brightspace, "Course", courseId="NEW", name="New", description="<p>a</p>",
            start="2026-09-01T00:00:00Z", enrollmentType="SelfEnrollment",
        )  # fmt: skip
        brightspace.forget()
        brightspace.change("Course", made, name="Newer")
        path = f"lp/courses/{made['id']}"
        assert brightspace.calls == [f"GET {path}", f"PUT {path}"]
        read = brightspace["Course"].get(made["id"]) or {}
        assert read == {**made, "name": "Newer"}

    def test_lists_tell_little_and_each_course_takes_a_call(self, brightspace: Joined) -> None:
        courses = brightspace.found("Course", None)
        assert [course.keys() for course in courses] == [{"id", "courseId", "name"}] * 2
        assert brightspace.calls == ["GET lp/orgstructure/"]
        brightspace["Course"].complete(courses, frozenset({"available"}))
        brightspace["Course"].complete(courses, brightspace["Course"].mapping.whole)
        assert len(brightspace.calls) == 3
        assert {course["available"] for course in courses} == {"Yes"}

    def test_a_course_that_was_read_lacks_nothing_that_is_costly(self, brightspace: Joined) -> None:
        courses = brightspace["Course"]
        read = courses.get(ONE) or {}
        (listed,) = brightspace.found("Course", 'courseId eq "ONE"')
        brightspace.forget()
        courses.complete([read, listed], courses.mapping.whole)
        assert brightspace.calls == [f"GET lp/courses/{ONE}"]
        assert read == listed
        assert courses.mapping.whole <= read.keys()
        assert (read["start"], read["categoryId"]) == (None, "6660")

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ('courseId eq "ONE"', "exactOrgUnitCode=ONE"),
            ('name sw "on"', "orgUnitName=on"),
            ('courseId co "N" and name eq "ONE"', "orgUnitCode=N&exactOrgUnitName=ONE"),
        ],
    )
    def test_codes_and_names_are_sought_there(
        self, brightspace: Joined, text: str, query: str
    ) -> None:
        assert [course["id"] for course in brightspace.found("Course", text)] == [ONE]
        assert list(brightspace.site.queries) == [f"orgUnitType=3&{query}"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"courseId": "a:b"},
            {"courseId": "x" * 51},
            {"name": " "},
            {"categoryId": "6655"},
            {"termId": "6660"},
            {"categoryId": "CS"},
        ],
    )
    def test_what_brightspace_would_refuse(
        self, brightspace: Joined, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(ScimError) as refused:
            create(brightspace, "Course", **{"courseId": "NEW", "name": "New", **wrong})
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        assert len(brightspace.found("Course", None)) == 2

    def test_neither_template_nor_semester_can_be_changed(self, brightspace: Joined) -> None:
        before = brightspace["Course"].get(ONE) or {}
        for values in ({"categoryId": "6661"}, {"termId": "6655"}):
            with pytest.raises(ScimError) as refused:
                brightspace.change("Course", before, **values)
            assert (refused.value.status, refused.value.scim_type) == (400, "mutability")
        assert brightspace.writes == []

    def test_without_a_configured_template_one_must_be_named(self) -> None:
        mapping = joined()["Course"].mapping
        category = next(row for row in mapping.rows if row.path.name == "categoryId")
        assert category.field.required
        with pytest.raises(ValueError, match="course_template"):
            joined(more={"course_template": "CS"})

    def test_a_deleted_course_is_in_the_recycle_bin(self, brightspace: Joined) -> None:
        brightspace["Course"].delete(TICKET, ONE)
        assert brightspace.site.units[int(ONE)].recycled
        assert [course["id"] for course in brightspace.found("Course", None)] == [TWO]


class TestMemberships:
    def test_calls_by_course_by_person_and_by_both(self, brightspace: Joined) -> None:
        enrol(brightspace, 3163)
        units, people = f"lp/enrollments/orgUnits/{ONE}", "lp/enrollments/users/3163"
        for text, calls in (
            (f'courseId eq "{ONE}"', [f"{units}/users/"]),
            ('userId eq "3163"', [f"{people}/orgUnits/"]),
            ('userName eq "user1"', ["lp/users/", f"{people}/orgUnits/"]),
            (f'userId eq "3163" and courseId eq "{ONE}"', [f"{units}/users/3163"]),
            (f'courseId eq "{ONE}" and courseRoleId eq "110"', [f"{units}/users/"]),
            (f'id eq "{ONE}.3163"', [f"{units}/users/3163"]),
        ):
            brightspace.forget()
            assert [m["id"] for m in brightspace.found("Membership", text)] == [f"{ONE}.3163"]
            assert brightspace.calls == [f"GET {call}" for call in calls], text

    def test_a_membership_is_made_in_two_calls_once_the_course_is_known(
        self, brightspace: Joined
    ) -> None:
        enrol(brightspace, 3163)
        made = create(brightspace, "Membership", userId="3164", courseId=ONE)
        assert made["courseRoleId"] == "110"
        path = f"lp/enrollments/orgUnits/{ONE}/users/3164"
        assert brightspace.calls == [f"GET {path}", "POST lp/enrollments/"]

    def test_the_organization_is_no_course(self, brightspace: Joined) -> None:
        memberships = brightspace["Membership"]
        assert memberships.get("6606.3163") is None
        assert brightspace.found("Membership", 'courseId eq "6606"') == []
        assert brightspace.found("Membership", 'userId eq "3163"') == []
        with pytest.raises(ScimError) as refused:
            memberships.delete(TICKET, "6606.3163")
        assert refused.value.status == 404
        with pytest.raises(ScimError) as refused:
            create(brightspace, "Membership", userId="3163", courseId="6606")
        assert refused.value.status == 400
        assert brightspace.writes == []

    def test_the_login_comes_with_the_courses_list_and_else_in_one_call(
        self, brightspace: Joined
    ) -> None:
        for course in (ONE, TWO):
            enrol(brightspace, 3163, course=course)
        for text, more in ((f'courseId eq "{ONE}"', 0), ('userId eq "3163"', 1)):
            memberships = brightspace.found("Membership", text)
            brightspace.forget()
            brightspace["Membership"].complete(memberships, frozenset({"userName"}))
            assert {m["userName"] for m in memberships} == {"user1"}
            assert len(brightspace.calls) == more

    @pytest.mark.parametrize("people", [1, 9])
    def test_scores_and_last_access(self, brightspace: Joined, people: int) -> None:
        enrol(brightspace, *range(3163, 3163 + people))
        brightspace.site.grade(int(ONE), 3163, points=42.5, out_of=50)
        brightspace.site.users[3163].last_accessed = 1_772_460_000
        memberships = brightspace.found("Membership", f'courseId eq "{ONE}"')
        brightspace.forget()
        wanted = frozenset({"score", "scoreMaximum", "lastAccessed"})
        brightspace["Membership"].complete(memberships, wanted)
        assert len(brightspace.calls) == 2
        first, *others = memberships
        assert (first["score"], first["scoreMaximum"]) == (42.5, 50)
        assert first["lastAccessed"] == "2026-03-02T14:00:00.000Z"
        assert not [m for m in others if "score" in m]

    def test_a_role_is_named_by_id_or_name_and_an_unknown_one_refused(
        self, brightspace: Joined
    ) -> None:
        pair = {"userId": "3163", "courseId": ONE}
        made = create(brightspace, "Membership", **pair, courseRoleId="Instructor")
        assert made["courseRoleId"] == "109"
        for role in ("King", "999"):
            with pytest.raises(ScimError) as refused:
                brightspace.change("Membership", made, courseRoleId=role)
            assert refused.value.status == 400

    def test_without_a_configured_role_one_must_be_named(self) -> None:
        mapping = joined()["Membership"].mapping
        role = next(row for row in mapping.rows if row.path.name == "courseRoleId")
        assert role.field.required

    def test_a_walk_over_too_many_courses_is_refused(self) -> None:
        brightspace = joined(users=1, courses=5, more={"walk_courses": 4})
        for name in ("Membership", "Group"):
            brightspace["Course"].get(ONE)
            brightspace.forget()
            with pytest.raises(ScimError) as refused:
                brightspace.found(name, None)
            assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")
            assert "courseId" in refused.value.detail
            assert len(brightspace.calls) == 1


class TestGroups:
    def make(self, brightspace: Joined, *users: int, **own: Any) -> Resource:
        members = [{"value": str(user), "type": "User"} for user in users]
        values: dict[str, Any] = {"displayName": "Team", LMS_GROUP: {"courseId": ONE, **own}}
        return create(brightspace, "Group", **values, **({"members": members} if users else {}))

    @pytest.mark.parametrize(
        "settings", [{}, {"category_jobs": False}, {"job_seconds": 1}, {"styles_as_text": True}]
    )
    def test_the_usual_set_is_made_once(self, settings: dict[str, Any]) -> None:
        brightspace = with_courses(**settings)
        first = self.make(brightspace)
        second = self.make(brightspace)
        assert first[LMS_GROUP]["parentId"] == second[LMS_GROUP]["parentId"]
        assert [one.details["Name"] for one in brightspace.site.categories.values()] == ["Groups"]
        groups = brightspace.found("Group", f'courseId eq "{ONE}"')
        assert [group["id"].partition("-")[0] for group in groups] == ["set", "group", "group"]

    def test_only_the_courses_people_are_members(self, brightspace: Joined) -> None:
        enrol(brightspace, 3163)
        made = self.make(brightspace, 3163)
        brightspace.forget()
        for users in ((3163, 3164), (99999,)):
            with pytest.raises(ScimError) as refused:
                self.make(brightspace, *users)
            assert refused.value.status == 400
            assert "course" in refused.value.detail
        added = [*made["members"], {"value": "3164", "type": "User"}]
        with pytest.raises(ScimError):
            brightspace.change("Group", made, members=added, displayName="Other")
        assert brightspace.writes == []

    def test_a_change_of_members_returns_them_as_they_are_read(self, brightspace: Joined) -> None:
        enrol(brightspace, 3163, 3164)
        made = self.make(brightspace, 3163)
        added = [*made["members"], {"value": "3164"}]
        changed = brightspace.change("Group", made, members=added)
        assert changed["members"] == (brightspace["Group"].get(made["id"]) or {})["members"]

    def test_many_members_take_a_list_and_a_batch(self, brightspace: Joined) -> None:
        users = range(3163, 3171)
        enrol(brightspace, *users)
        made = self.make(brightspace)
        brightspace.forget()
        members = [{"value": str(user), "type": "User"} for user in users]
        brightspace.change("Group", made, members=members)
        path = f"lp/enrollments/orgUnits/{ONE}/users/"
        assert brightspace.calls == [f"GET {path}", "POST lp/enrollments/batch/"]
        read = brightspace["Group"].get(made["id"]) or {}
        assert read["members"] == members

    def test_without_the_scope_of_batches_they_are_added_one_by_one(self) -> None:
        brightspace = with_courses()
        users = range(3163, 3171)
        enrol(brightspace, *users)
        brightspace.site.settings.scopes = "core:*:*"
        brightspace.site.tokens.withdraw()
        token = brightspace.site.consent("core:*:*")
        client = brightspace.connector._client
        client.token._first, client.token._digest = token, "new"  # type: ignore[union-attr]
        made = self.make(brightspace, *users)
        assert len(made["members"]) == 8
        assert sum(call.endswith("/enrollments/") for call in brightspace.writes) == 8

    def test_a_refused_member_leaves_no_group(
        self, brightspace: Joined, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enrol(brightspace, *range(3163, 3171))
        self.make(brightspace)
        brightspace.simulator.faults.add("status", match="/enrollments/", status=400)
        before = brightspace.found("Group", f'courseId eq "{ONE}"')
        monkeypatch.setattr(brightspace["Group"]._people, "roles", lambda *_: {})  # type: ignore[attr-defined]
        with pytest.raises(ScimError) as refused:
            self.make(brightspace, 3163, 3164)
        assert refused.value.status == 400
        assert brightspace.found("Group", f'courseId eq "{ONE}"') == before

    def test_a_batch_that_fails_in_part_is_taken_back(self, brightspace: Joined) -> None:
        users = range(3163, 3171)
        enrol(brightspace, *users)
        made = self.make(brightspace)
        brightspace.site.settings.managed_roles = [109]
        for user in users[:3]:
            brightspace.site.enroll(int(ONE), user, 109)
        members = [{"value": str(user), "type": "User"} for user in users]
        with pytest.raises(ScimError) as refused:
            brightspace.change("Group", made, members=members)
        assert refused.value.status == 400
        assert "3166" in refused.value.detail
        assert (brightspace["Group"].get(made["id"]) or {})["members"] == []

    def test_a_refusal_after_new_members_is_looked_at(self, brightspace: Joined) -> None:
        enrol(brightspace, 3163)
        made = self.make(brightspace)
        members = [{"value": "3163", "type": "User"}]
        for values, unknown in (({}, False), ({"members": members}, True)):
            brightspace.simulator.faults.add("status", match='"Name":"Crew"', status=400)
            with pytest.raises(ScimError) as refused:
                brightspace.change("Group", made, displayName="Crew", **values)
            assert (refused.value.status, refused.value.unknown) == (400, unknown)

    def test_sets_hold_groups_and_no_members(self, brightspace: Joined) -> None:
        enrol(brightspace, 3163)
        made = self.make(brightspace, isGroupSet=True)
        course, number = made["id"].removeprefix("set-").split(".")
        assert course == ONE
        inner = self.make(brightspace, parentId=number)
        assert inner["id"].startswith(f"group-{ONE}.{number}.")
        for values in ({"members": [{"value": "3163"}]}, {"externalId": "x"}):
            with pytest.raises(ScimError) as refused:
                brightspace.change("Group", made, **values)
            assert refused.value.status == 400
        with pytest.raises(ScimError) as refused:
            self.make(brightspace, parentId="9999")
        assert refused.value.status == 400
        brightspace["Group"].delete(TICKET, made["id"])
        assert brightspace["Group"].get(inner["id"]) is None

    def test_people_change_sections_and_leave_them(self) -> None:
        brightspace = with_courses(more={"new_groups": "section"})
        enrol(brightspace, 3163)
        first, second = self.make(brightspace, 3163), self.make(brightspace, 3163)
        assert first[LMS_GROUP]["kind"] == "section"
        assert (brightspace["Group"].get(first["id"]) or {})["members"] == []
        brightspace.change("Group", second, members=[])
        assert (brightspace["Group"].get(second["id"]) or {})["members"] == []
        memberships = brightspace.found("Membership", 'userId eq "3163"')
        assert [m["courseId"] for m in memberships] == [ONE]

    def test_names_of_members_take_a_call_each(self, brightspace: Joined) -> None:
        enrol(brightspace, 3163, 3164)
        made = [self.make(brightspace, 3163), self.make(brightspace, 3163, 3164)]
        brightspace.forget()
        brightspace["Group"].complete(made, frozenset({"members"}))
        assert brightspace.calls == []
        brightspace["Group"].complete(made, frozenset({"members.display"}))
        assert len(brightspace.calls) == 2
        assert all(member["display"] for group in made for member in group["members"])

    def test_a_course_that_is_none_has_no_groups(self, brightspace: Joined) -> None:
        assert brightspace.found("Group", 'courseId eq "999"') == []
        with pytest.raises(ScimError) as refused:
            create(brightspace, "Group", displayName="T", **{LMS_GROUP: {"courseId": "999"}})
        assert refused.value.status == 400

    @pytest.mark.parametrize(
        "more", [{"group_course": "ONE"}, {"new_groups": "cohort"}, {"default_course_role": "L"}]
    )
    def test_a_wrong_configuration_is_refused_at_start(self, more: dict[str, str]) -> None:
        with pytest.raises(ValueError, match=next(iter(more))):
            joined(more=more)

    def test_a_course_can_be_configured_for_groups_that_name_none(self) -> None:
        brightspace = with_courses(more={"group_course": TWO})
        made = create(brightspace, "Group", displayName="Staff")
        assert made[LMS_GROUP]["courseId"] == TWO

    def test_a_group_is_found_again_without_its_course(self, brightspace: Joined) -> None:
        made = self.make(brightspace)
        found_again = brightspace["Group"].find_again({"displayName": "Team"})
        assert found_again is not None
        assert found_again["id"] == made["id"]
        assert brightspace["Group"].find_again({"displayName": "Other"}) is None


class TestRoles:
    def test_the_list_is_one_call_and_a_role_another(self, brightspace: Joined) -> None:
        roles = brightspace.found("Role", None)
        assert {role["name"] for role in roles} >= {"Learner", "Instructor"}
        assert brightspace.found("Role", 'roleId eq "110"')[0]["name"] == "Learner"
        assert brightspace.calls == ["GET lp/roles/", "GET lp/roles/110"]

    def test_roles_are_made_in_brightspace_itself(self, brightspace: Joined) -> None:
        with pytest.raises(ScimError) as refused:
            brightspace["Role"].create(TICKET, {})
        assert refused.value.status == 501


def test_what_is_configured_holds_where_the_attribute_is_not_served() -> None:
    """A target's `include` may leave out what has a default; Brightspace demands it even so."""
    brightspace = with_courses(more={"group_course": ONE})
    for name, kept in (("Course", "name"), ("Membership", "userName"), ("Group", "members")):
        brightspace[name].mapping = limited(brightspace[name].mapping, [kept])
    course = create(brightspace, "Course", courseId="THREE", name="Three")
    assert brightspace.site.units[int(course["id"])].parents == [6660]
    create(brightspace, "Membership", userId="3163", courseId=ONE)
    row = brightspace.site.enrollments.find(int(ONE), 3163)
    assert row is not None and row.role_id == 110
    group = create(brightspace, "Group", displayName="Team", members=[{"value": "3163"}])
    assert group == brightspace["Group"].find_again({"displayName": "Team"})


def test_a_person_who_is_not_there_is_named(brightspace: Joined) -> None:
    with pytest.raises(ScimError) as refused:
        create(brightspace, "Membership", userId="7777", courseId=ONE)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
    assert "7777" in refused.value.detail


def ids(text: str) -> Iterator[str]:
    yield from text.split()


@pytest.mark.parametrize(
    "id",
    [*ids("group-1 group-1.2 set-1.2.3 section-1.2.3 group-1.2.3.4 Group-1.2.3 group-01.2.3")],
)
def test_ids_of_another_shape_are_nobodys(brightspace: Joined, id: str) -> None:
    assert brightspace["Group"].get(id) is None
    with pytest.raises(ScimError) as refused:
        brightspace["Group"].delete(TICKET, id)
    assert refused.value.status == 404
    assert brightspace.calls == []
