"""What is particular to Blackboard's courses, memberships and groups."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.mapping import Resource
from connectors.overrides import limited
from connectors.planning import plan
from schemas.errors import ScimError
from schemas.filters import parse_filter
from schemas.group import LMS_GROUP
from tests.connectors.blackboard.joined import Joined, joined
from tests.connectors.operations import TICKET


@pytest.fixture
def blackboard() -> Joined:
    made = joined(users=8)
    for code in ("ONE", "TWO"):
        made["Course"].create(TICKET, {"courseId": code, "name": code})
    made.forget()
    return made


ONE, TWO = "_5001_1", "_5002_1"


class TestConditions:
    """Attributes that go only with another one's value."""

    @pytest.mark.parametrize(
        "values",
        [
            {"accessCode": "open"},
            {"accessCode": "open", "enrollmentType": "InstructorLed"},
            {"enrollmentStart": "2026-01-01T00:00:00Z", "enrollmentType": "EmailEnrollment"},
            {"enrollmentEnd": "2026-01-01T00:00:00Z"},
            {"daysOfUse": 5},
            {"daysOfUse": 5, "durationType": "DateRange"},
            {"start": "2026-01-01T00:00:00Z", "durationType": "Continuous"},
            {"end": "2026-01-01T00:00:00Z", "durationType": "FixedNumDays"},
            {"available": "Term"},
        ],
    )
    def test_a_bad_combination_is_refused_before_any_write(
        self, blackboard: Joined, values: dict[str, Any]
    ) -> None:
        with pytest.raises(ScimError) as refused:
            blackboard["Course"].create(TICKET, {"courseId": "NEW", "name": "New", **values})
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        assert blackboard.calls == []
        before = blackboard["Course"].get(ONE)
        assert before is not None
        with pytest.raises(ScimError) as refused:
            blackboard.change("Course", before, **values)
        assert refused.value.status == 400
        assert blackboard.writes == []

    def test_bounds_go_when_the_type_changes(self, blackboard: Joined) -> None:
        courses = blackboard["Course"]
        made = courses.create(
            TICKET,
            {
                "courseId": "NEW",
                "name": "New",
                "durationType": "DateRange",
                "start": "2026-01-01T00:00:00Z",
            },
        )
        changed = blackboard.change("Course", made, durationType="Continuous")
        assert "start" not in changed
        assert courses.get(made["id"]) == changed


class TestClosed:
    def test_a_closed_course_is_changed_only_by_opening_it(self, blackboard: Joined) -> None:
        before = blackboard["Course"].get(ONE)
        assert before is not None
        closed = blackboard.change("Course", before, closedComplete=True)
        blackboard.forget()
        with pytest.raises(ScimError) as refused:
            blackboard.change("Course", closed, name="Other")
        assert refused.value.status == 409
        assert "closed" in refused.value.detail
        assert blackboard.writes == []
        opened = blackboard.change("Course", closed, closedComplete=False, name="Other")
        assert (opened["closedComplete"], opened["name"]) == (False, "Other")


class TestDeletion:
    def test_a_deletion_is_queued(self) -> None:
        blackboard = joined(task_seconds=60)
        made = blackboard["Course"].create(TICKET, {"courseId": "NEW", "name": "New"})
        blackboard["Course"].delete(TICKET, made["id"])
        assert blackboard["Course"].get(made["id"]) is not None
        assert blackboard["Course"].deletes_later
        blackboard.site.clock.advance(61)
        assert blackboard["Course"].get(made["id"]) is None


class TestMemberships:
    def test_one_call_by_course_by_person_and_by_both(self, blackboard: Joined) -> None:
        memberships = blackboard["Membership"]
        memberships.create(TICKET, {"userId": "_101_1", "courseId": ONE})
        for text, path in (
            (f'courseId eq "{ONE}"', f"v1/courses/{ONE}/users"),
            ('userId eq "_101_1"', "v1/users/_101_1/courses"),
            ('userName eq "user1"', "v1/users/userName:user1/courses"),
            (f'userId eq "_101_1" and courseId eq "{ONE}"', f"v1/courses/{ONE}/users/_101_1"),
            (f'userName eq "user1" and courseId eq "{ONE}"', f"courses/{ONE}/users/userName:user1"),
            (f'courseId eq "{ONE}" and courseRoleId eq "Student"', f"v1/courses/{ONE}/users"),
        ):
            blackboard.forget()
            planned = plan(parse_filter(text, memberships.mapping.full), memberships.mapping)
            found = [m for batch in memberships.search(planned) for m in batch]
            assert [m["id"] for m in found] == [f"{ONE}._101_1"], text
            (call,) = blackboard.calls
            assert call.endswith(path)

    def test_the_login_comes_with_the_courses_list_and_else_in_one_call(
        self, blackboard: Joined
    ) -> None:
        memberships = blackboard["Membership"]
        for course in (ONE, TWO):
            memberships.create(TICKET, {"userId": "_101_1", "courseId": course})
        for text, more in ((f'courseId eq "{ONE}"', 0), ('userId eq "_101_1"', 1)):
            planned = plan(parse_filter(text, memberships.mapping.full), memberships.mapping)
            found = [m for batch in memberships.search(planned) for m in batch]
            blackboard.forget()
            memberships.complete(found, frozenset({"userName"}))
            assert {m["userName"] for m in found} == {"user1"}
            assert len(blackboard.calls) == more

    @pytest.mark.parametrize(
        ("type_", "resource", "named"),
        [
            ("Membership", {"userId": "userName:user1", "courseId": ONE}, "userId"),
            ("Membership", {"userId": "_101_1", "courseId": "ONE"}, "courseId"),
            ("Group", {"displayName": "Team", LMS_GROUP: {"courseId": "ONE"}}, "courseId"),
        ],
    )
    def test_what_is_no_id_is_refused_before_any_call(
        self, blackboard: Joined, type_: str, resource: Resource, named: str
    ) -> None:
        with pytest.raises(ScimError) as refused:
            blackboard[type_].create(TICKET, resource)
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        assert f"{named}: " in refused.value.detail
        assert "such as _123_1" in refused.value.detail
        assert blackboard.calls == []

    def test_a_walk_over_too_many_courses_is_refused(self) -> None:
        blackboard = joined(users=1, courses=5, more={"walk_courses": 4})
        for name in ("Membership", "Group"):
            blackboard.forget()
            planned = plan(None, blackboard[name].mapping)
            with pytest.raises(ScimError) as refused:
                list(blackboard[name].search(planned))
            assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")
            assert "courseId" in refused.value.detail
            assert len(blackboard.calls) == 1

    @pytest.mark.parametrize(
        "role", ["Instructor", "BbFacilitator", "TeachingAssistant", "CourseBuilder", "Grader",
                 "Student", "Guest", "Auditor"],
    )  # fmt: skip
    def test_each_role(self, blackboard: Joined, role: str) -> None:
        made = blackboard["Membership"].create(
            TICKET, {"userId": "_101_1", "courseId": ONE, "courseRoleId": role}
        )
        assert made["courseRoleId"] == role

    def test_an_unknown_role_is_refused(self, blackboard: Joined) -> None:
        memberships = blackboard["Membership"]
        with pytest.raises(ScimError) as refused:
            memberships.create(
                TICKET, {"userId": "_101_1", "courseId": ONE, "courseRoleId": "King"}
            )
        assert refused.value.status == 400
        made = memberships.create(TICKET, {"userId": "_101_1", "courseId": ONE})
        with pytest.raises(ScimError) as refused:
            blackboard.change("Membership", made, courseRoleId="King")
        assert refused.value.status == 400

    def test_the_default_role_is_configured(self) -> None:
        blackboard = joined(users=1, courses=2, more={"default_course_role": "Guest"})
        mapping = blackboard["Membership"].mapping
        made = mapping.with_defaults({"userId": "_101_1", "courseId": TWO})
        assert made["courseRoleId"] == "Guest"


class TestGroups:
    def group(self, *members: str, **more: Any) -> Resource:
        held = [{"value": member, "type": "User"} for member in members]
        return {"displayName": "Team", "members": held, LMS_GROUP: {"courseId": ONE, **more}}

    def test_only_the_courses_people_are_members(self, blackboard: Joined) -> None:
        blackboard["Membership"].create(TICKET, {"userId": "_101_1", "courseId": ONE})
        made = blackboard["Group"].create(TICKET, self.group("_101_1"))
        blackboard.forget()
        for wrong in (self.group("_101_1", "_102_1"), self.group("_999_1")):
            with pytest.raises(ScimError) as refused:
                blackboard["Group"].create(TICKET, wrong)
            assert refused.value.status == 400
            assert "course" in refused.value.detail
        added = [*made["members"], {"value": "_102_1", "type": "User"}]
        with pytest.raises(ScimError):
            blackboard.change("Group", made, members=added, displayName="Other")
        assert blackboard.writes == []

    def test_many_members_are_checked_by_one_list(self, blackboard: Joined) -> None:
        users = [f"_{number}_1" for number in range(101, 109)]
        for user in users:
            blackboard["Membership"].create(TICKET, {"userId": user, "courseId": ONE})
        blackboard.forget()
        made = blackboard["Group"].create(TICKET, self.group(*users))
        assert len(made["members"]) == 8
        assert sum(call.startswith("GET") for call in blackboard.calls) == 1

    def test_a_full_group_takes_nobody_of_a_request(self, blackboard: Joined) -> None:
        for user in ("_101_1", "_102_1", "_103_1"):
            blackboard["Membership"].create(TICKET, {"userId": user, "courseId": ONE})
        groups = blackboard["Group"]
        made = groups.create(TICKET, self.group("_101_1", enrollmentLimit=2))
        added = [{"value": user, "type": "User"} for user in ("_101_1", "_102_1", "_103_1")]
        with pytest.raises(ScimError) as refused:
            blackboard.change("Group", made, members=added)
        assert refused.value.status == 409
        read = groups.get(made["id"])
        assert read is not None
        groups.complete([read], frozenset({"members"}))
        assert [m["value"] for m in read["members"]] == ["_101_1"]
        wrong = self.group("_101_1", "_102_1", enrollmentLimit=1)
        with pytest.raises(ScimError):
            groups.create(TICKET, {**wrong, "displayName": "Small"})
        planned = plan(parse_filter(f'courseId eq "{ONE}"', groups.mapping.full), groups.mapping)
        names = [group["displayName"] for batch in groups.search(planned) for group in batch]
        assert names == ["Team"]

    def test_sets_hold_groups_and_no_members(self, blackboard: Joined) -> None:
        groups = blackboard["Group"]
        made = groups.create(
            TICKET, {"displayName": "Teams", LMS_GROUP: {"courseId": ONE, "isGroupSet": True}}
        )
        inner = groups.create(TICKET, self.group(parentId=made["id"].partition(".")[2]))
        assert inner[LMS_GROUP]["parentId"] == made["id"].partition(".")[2]
        blackboard.forget()
        groups.complete([made], frozenset({"members"}))
        assert made["members"] == []
        assert blackboard.calls == []

    def test_a_course_can_be_configured_for_groups_that_name_none(self) -> None:
        blackboard = joined(courses=2, more={"group_course": TWO})
        mapping = blackboard["Group"].mapping
        made = blackboard["Group"].create(TICKET, mapping.with_defaults({"displayName": "Staff"}))
        assert made[LMS_GROUP]["courseId"] == TWO
        assert not next(r for r in mapping.rows if r.path.name == "courseId").field.required
        with pytest.raises(ValueError, match="group_course"):
            joined(more={"group_course": "STAFF"})


def test_the_configured_course_holds_where_the_attribute_is_not_served() -> None:
    blackboard = joined(users=2, courses=1, more={"group_course": "_5001_1"})
    groups = blackboard["Group"]
    groups.mapping = limited(groups.mapping, ["members"])
    made = groups.create(TICKET, {"displayName": "Team", "members": []})
    assert made["id"].startswith("_5001_1.")
    found = groups.find_again({"displayName": "Team"})
    assert found is not None and found["id"] == made["id"]
