"""What is particular to Canvas's memberships."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.canvas.simulator.enrollments import enroll
from connectors.canvas.simulator.records import Course, Enrollment, Role, Section
from connectors.mapping import Resource
from connectors.overrides import limited
from schemas.errors import ScimError
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.operations import TICKET

ANN = {"userId": "1001", "courseId": "301"}
OF_ANN = "courses/301/enrollments"


@pytest.fixture
def canvas() -> Joined:
    """A site with four people and two courses that nobody is in."""
    made = joined(users=4)
    for code in ("ONE", "TWO"):
        made.create("Course", {"courseId": code, "name": code, "available": "Yes"})
    made.forget()
    return made


def rows(canvas: Joined) -> dict[str, str]:
    """Return state by role of all enrolments."""
    roles = canvas.site.roles
    return {roles[row.role_id].name: row.state for row in canvas.site.enrollments.values()}


def course(canvas: Joined) -> Course:
    return canvas.site.courses[301]


def add(canvas: Joined, role: int, state: str = "active", section: Section | None = None) -> Any:
    """Enrol Ann past the connector."""
    site = canvas.site
    section = section or first_section(canvas)
    return enroll(site, site.users[1001], section, site.roles[role], state)


def first_section(canvas: Joined) -> Section:
    found = canvas.site.sections.find("course_id", 301)
    return found[0] if found else second_section(canvas)


def second_section(canvas: Joined) -> Section:
    site = canvas.site
    return site.sections.put(Section(site.sections.take_id(), 301, "Another", 0))


def refused(canvas: Joined, **values: Any) -> str:
    with pytest.raises(ScimError) as error:
        canvas.create("Membership", {**ANN, **values})
    assert (error.value.status, error.value.scim_type) == (400, "invalidValue")
    assert canvas.writes == []
    return error.value.detail


class TestCreating:
    def test_three_reads_and_a_write(self, canvas: Joined) -> None:
        made = canvas.create("Membership", ANN)
        assert canvas.calls == [
            "GET courses/301",
            "GET accounts/self/roles",
            f"GET {OF_ANN}",
            f"POST {OF_ANN}",
        ]
        canvas.forget()
        canvas.create("Membership", {**ANN, "userId": "1002"})
        assert canvas.calls == ["GET courses/301", f"GET {OF_ANN}", f"POST {OF_ANN}"]
        assert (made["id"], made["available"], made["completed"]) == ("301.1001", "Yes", False)

    @pytest.mark.parametrize("name", [*(f"{kind}Enrollment" for kind in (
        "Student", "Teacher", "Ta", "Designer", "Observer")), "Lab Assistant"])  # fmt: skip
    def test_each_role(self, canvas: Joined, name: str) -> None:
        assert canvas.create("Membership", {**ANN, "courseRoleId": name})["courseRoleId"] == name
        assert rows(canvas) == {name: "active"}

    @pytest.mark.parametrize(
        ("available", "state"), [("Yes", "active"), ("No", "inactive"), ("Disabled", "completed")]
    )
    def test_each_availability(self, canvas: Joined, available: str, state: str) -> None:
        made = canvas.create("Membership", {**ANN, "available": available})
        assert made["available"] == available
        assert rows(canvas) == {"StudentEnrollment": state}
        read = canvas.read("Membership", "301.1001")
        assert {name: read[name] for name in made if name != "meta"} == {
            name: made[name] for name in made if name != "meta"
        }

    def test_a_role_of_the_courses_account(self, canvas: Joined) -> None:
        canvas.site.roles.put(Role(41, "Tutor", "Tutor", "TaEnrollment", 1, 0, 0))
        assert canvas.create("Membership", {**ANN, "courseRoleId": "Tutor"})

    @pytest.mark.parametrize("name", ["King", "AccountAdmin", "studentenrollment", "3"])
    def test_an_unknown_role_is_refused(self, canvas: Joined, name: str) -> None:
        assert name in refused(canvas, courseRoleId=name)

    @pytest.mark.parametrize("state", ["active", "invited", "inactive", "completed"])
    def test_who_is_there_in_any_state_is_a_member_already(
        self, canvas: Joined, state: str
    ) -> None:
        add(canvas, 4, state)
        with pytest.raises(ScimError) as error:
            canvas.create("Membership", ANN)
        assert (error.value.status, error.value.scim_type) == (409, "uniqueness")
        assert canvas.writes == []

    def test_who_was_deleted_comes_back(self, canvas: Joined) -> None:
        add(canvas, 3, "deleted")
        assert canvas.create("Membership", ANN)
        assert rows(canvas) == {"StudentEnrollment": "active"}

    def test_the_default_role_is_configured(self) -> None:
        canvas = joined(users=1, courses=1, more={"default_course_role": "ObserverEnrollment"})
        canvas.site.enrollments[7001].state = "deleted"
        assert canvas.create("Membership", ANN)["courseRoleId"] == "ObserverEnrollment"


class TestRefusals:
    @pytest.mark.parametrize("kind", ["blueprint", "template"])
    @pytest.mark.parametrize("role", ["StudentEnrollment", "ObserverEnrollment"])
    def test_a_blueprint_takes_no_students_and_says_so(
        self, canvas: Joined, kind: str, role: str
    ) -> None:
        setattr(course(canvas), kind, True)
        detail = refused(canvas, courseRoleId=role)
        assert kind in detail and role in detail

    @pytest.mark.parametrize("role", ["TeacherEnrollment", "DesignerEnrollment", "Lab Assistant"])
    def test_a_blueprint_takes_staff(self, canvas: Joined, role: str) -> None:
        course(canvas).blueprint = True
        assert canvas.create("Membership", {**ANN, "courseRoleId": role})

    def test_a_role_made_of_students_counts_as_one(self, canvas: Joined) -> None:
        canvas.site.roles.put(Role(41, "Guest", "Guest", "StudentEnrollment", 1, 0, 0))
        course(canvas).blueprint = True
        assert "blueprint" in refused(canvas, courseRoleId="Guest")

    def test_staff_of_a_blueprint_become_no_students(self, canvas: Joined) -> None:
        course(canvas).blueprint = True
        made = canvas.create("Membership", {**ANN, "courseRoleId": "TeacherEnrollment"})
        canvas.forget()
        with pytest.raises(ScimError) as error:
            canvas.change("Membership", made, courseRoleId="StudentEnrollment")
        assert error.value.status == 400 and "blueprint" in error.value.detail
        assert canvas.writes == []

    def test_a_concluded_course_takes_nobody_and_says_so(self, canvas: Joined) -> None:
        made = canvas.create("Membership", {**ANN, "userId": "1002"})
        course(canvas).state = "completed"
        canvas.forget()
        assert "concluded" in refused(canvas)
        with pytest.raises(ScimError) as error:
            canvas.change("Membership", made, courseRoleId="TeacherEnrollment")
        assert error.value.status == 400 and "concluded" in error.value.detail
        assert canvas.writes == []
        assert canvas.change("Membership", made, available="No")["available"] == "No"

    def test_unknown_people_and_courses_are_named(self, canvas: Joined) -> None:
        assert "user 999" in refused(canvas, userId="999")
        assert "course 999" in refused(canvas, courseId="999")
        canvas["Course"].delete(TICKET, "301")
        canvas.forget()
        assert "course 301" in refused(canvas)

    def test_who_is_no_user_of_the_account_is_refused(self, canvas: Joined) -> None:
        for login in canvas.site.logins_of(1001):
            login.state = "deleted"
        with pytest.raises(ScimError) as error:
            canvas.create("Membership", ANN)
        assert error.value.status == 400


class TestAvailability:
    def change(self, canvas: Joined, before: Resource, available: str) -> list[str]:
        canvas.forget()
        changed = canvas.change("Membership", before, available=available)
        assert changed["available"] == available
        assert changed["userName"] == "user1"
        calls = canvas.calls
        read = canvas.read("Membership", "301.1001")
        changing = ("meta", "lastAccessed")
        assert {k: v for k, v in read.items() if k not in changing} == {
            k: v for k, v in changed.items() if k not in changing
        }
        return calls

    def test_one_read_and_one_write_each_way_but_back_from_the_end(self, canvas: Joined) -> None:
        canvas.create("Membership", ANN)
        one, read = f"{OF_ANN}/7001", f"GET {OF_ANN}"
        anew = [read, "GET courses/301", f"POST {OF_ANN}"]
        for available, calls, state in (
            ("No", [read, f"DELETE {one}"], "inactive"),
            ("Yes", [read, f"PUT {one}/reactivate"], "active"),
            ("Disabled", [read, f"DELETE {one}"], "completed"),
            ("No", [read, f"DELETE {one}"], "inactive"),
            ("Disabled", [read, f"DELETE {one}"], "completed"),
            ("Yes", anew, "active"),
        ):
            before = canvas.read("Membership", "301.1001")
            assert self.change(canvas, before, available) == calls
            assert rows(canvas) == {"StudentEnrollment": state}
        assert len(canvas.site.enrollments) == 1

    def test_an_invited_person_can_use_the_course(self, canvas: Joined) -> None:
        add(canvas, 3, "invited")
        held = canvas.read("Membership", "301.1001")
        assert held["available"] == "Yes"
        self.change(canvas, held, "No")
        assert rows(canvas) == {"StudentEnrollment": "inactive"}


class TestRoleChange:
    def test_the_new_role_is_given_before_the_old_is_taken(self, canvas: Joined) -> None:
        made = canvas.create("Membership", ANN)
        canvas.forget()
        changed = canvas.change("Membership", made, courseRoleId="TeacherEnrollment")
        assert changed["courseRoleId"] == "TeacherEnrollment"
        assert canvas.writes == [f"POST {OF_ANN}", f"DELETE {OF_ANN}/7001"]
        assert len(canvas.calls) == 4
        assert rows(canvas) == {"StudentEnrollment": "deleted", "TeacherEnrollment": "active"}

    def test_section_dates_and_availability_stay(self, canvas: Joined) -> None:
        section = second_section(canvas)
        second = second_section(canvas)
        row: Enrollment = add(canvas, 3, "inactive", second)
        row.start_at, row.limit_privileges = 0, True
        held = canvas.read("Membership", "301.1001")
        changed = canvas.change("Membership", held, courseRoleId="Lab Assistant")
        made = canvas.site.enrollments[7002]
        assert (made.section_id, made.state, made.start_at) == (second.id, "inactive", 0)
        assert made.limit_privileges and made.section_id != section.id
        assert (changed["available"], changed["start"]) == ("No", held["start"])

    def test_dates_are_sent_anew_and_cleared(self, canvas: Joined) -> None:
        made = canvas.create("Membership", {**ANN, "end": "2027-01-31T00:00:00Z"})
        made = canvas.change("Membership", made, start="2026-09-01T02:00:00+02:00")
        assert (made["start"], made["end"]) == ("2026-09-01T00:00:00Z", "2027-01-31T00:00:00Z")
        made = canvas.change("Membership", made, end=None)
        assert "end" not in made and made["start"] == "2026-09-01T00:00:00Z"
        assert len(canvas.site.enrollments) == 1

    def test_dates_of_a_concluded_one_leave_it_concluded(self, canvas: Joined) -> None:
        made = canvas.create("Membership", {**ANN, "available": "Disabled"})
        made = canvas.change("Membership", made, start="2026-09-01T00:00:00Z")
        assert made["available"] == "Disabled"
        assert rows(canvas) == {"StudentEnrollment": "completed"}


class TestSeveralEnrolments:
    @pytest.mark.parametrize(
        ("states", "shown"),
        [
            (("active", "active"), ("StudentEnrollment", "Yes")),
            (("inactive", "active"), ("TeacherEnrollment", "Yes")),
            (("completed", "inactive"), ("TeacherEnrollment", "No")),
            (("completed", "completed"), ("StudentEnrollment", "Disabled")),
            (("invited", "active"), ("TeacherEnrollment", "Yes")),
            (("deleted", "completed"), ("TeacherEnrollment", "Disabled")),
        ],
    )
    def test_one_is_shown(
        self, canvas: Joined, states: tuple[str, str], shown: tuple[str, str]
    ) -> None:
        for role, state in zip((3, 4), states, strict=True):
            add(canvas, role, state)
        every = [
            canvas.read("Membership", "301.1001"),
            *canvas.found("Membership", 'courseId eq "301"'),
            *canvas.found("Membership", 'userId eq "1001"'),
            *canvas.found("Membership"),
        ]
        assert len(every) == 4
        assert {(m["courseRoleId"], m["available"]) for m in every} == {shown}

    @pytest.mark.parametrize("wanted", ["Yes", "No", "Disabled"])
    @pytest.mark.parametrize("states", [
        ("active", "active"), ("inactive", "active"), ("completed", "active"),
        ("completed", "inactive"), ("inactive", "inactive"), ("completed", "completed"),
    ])  # fmt: skip
    def test_what_is_written_is_what_is_read(
        self, canvas: Joined, states: tuple[str, str], wanted: str
    ) -> None:
        for role, state in zip((3, 4), states, strict=True):
            add(canvas, role, state)
        held = canvas.read("Membership", "301.1001")
        changed = canvas.change("Membership", held, available=wanted)
        read = canvas.read("Membership", "301.1001")
        assert (changed["available"], read["available"]) == (wanted, wanted)
        assert changed["courseRoleId"] == read["courseRoleId"]
        changed = canvas.change("Membership", read, courseRoleId="ObserverEnrollment")
        read = canvas.read("Membership", "301.1001")
        assert read["courseRoleId"] == changed["courseRoleId"] == "ObserverEnrollment"
        assert read["available"] == wanted

    def test_a_role_changes_in_every_section(self, canvas: Joined) -> None:
        sections = [second_section(canvas), second_section(canvas)]
        for section in sections:
            add(canvas, 3, "active", section)
        add(canvas, 5, "completed")
        held = canvas.read("Membership", "301.1001")
        canvas.change("Membership", held, courseRoleId="TeacherEnrollment")
        live = [row for row in canvas.site.enrollments.values() if row.state == "active"]
        assert sorted(row.section_id for row in live) == [section.id for section in sections]
        assert {row.role_id for row in live} == {4}
        assert rows(canvas)["TaEnrollment"] == "completed"

    def test_all_go_with_the_membership(self, canvas: Joined) -> None:
        for role, state in ((3, "active"), (4, "inactive"), (5, "completed")):
            add(canvas, role, state)
        canvas["Membership"].delete(TICKET, "301.1001")
        assert set(rows(canvas).values()) == {"deleted"}
        assert canvas["Membership"].get("301.1001") is None


class TestReading:
    def test_one_call_by_course_by_person_and_by_both(self, canvas: Joined) -> None:
        canvas.create("Membership", ANN)
        for text, path in (
            ('courseId eq "301"', "courses/301/enrollments"),
            ('userId eq "1001"', "users/1001/enrollments"),
            ('userName eq "user1"', "users/sis_login_id:user1/enrollments"),
            ('userId eq "1001" and courseId eq "301"', "courses/301/enrollments"),
            ('userName eq "User1" and courseId eq "301"', "courses/301/enrollments"),
            ('id eq "301.1001"', "courses/301/enrollments"),
        ):
            canvas.forget()
            (found,) = canvas.found("Membership", text)
            assert (found["id"], found["userName"]) == ("301.1001", "user1"), text
            assert canvas.calls == [f"GET {path}"]
        for text in ('courseId eq "999"', 'userId eq "999"', 'userName eq "x"', 'id eq "301.999"'):
            assert canvas.found("Membership", text) == []

    def test_the_login_of_a_new_one_takes_a_call(self, canvas: Joined) -> None:
        made = canvas.create("Membership", ANN)
        canvas.forget()
        canvas["Membership"].complete([made], frozenset({"userName"}))
        canvas["Membership"].complete([made], frozenset({"userName"}))
        assert made["userName"] == "user1"
        assert canvas.calls == ["GET users/1001"]

    def test_scores_are_of_a_hundred(self, canvas: Joined) -> None:
        row = add(canvas, 3)
        assert "score" not in canvas.read("Membership", "301.1001")
        assert "scoreMaximum" not in canvas.read("Membership", "301.1001")
        row.grades = {"current_score": 90.0, "final_score": 45.5}
        row.last_activity_at = 86_400
        held = canvas.read("Membership", "301.1001")
        assert (held["score"], held["scoreMaximum"]) == (45.5, 100)
        assert held["lastAccessed"] == "1970-01-02T00:00:00Z"
        assert held["completed"] is False

    def test_without_a_course_each_is_visited(self) -> None:
        canvas = joined(users=5, courses=3)
        assert len(canvas.found("Membership")) == 10
        assert canvas.calls == [
            "GET accounts/self/courses",
            *(f"GET courses/{number}/enrollments" for number in (301, 302, 303)),
        ]

    def test_a_walk_over_too_many_courses_is_refused(self) -> None:
        canvas = joined(users=1, courses=5, kinds=("cohort", "section"), more={"walk_courses": 4})
        for name, before in (("Membership", 0), ("Group", 1)):
            canvas.forget()
            with pytest.raises(ScimError) as error:
                canvas.found(name)
            assert (error.value.status, error.value.scim_type) == (400, "tooMany")
            assert "courseId" in error.value.detail
            assert len(canvas.calls) == before + 1

    def test_enrolments_of_a_pair_on_different_pages_are_one(self) -> None:
        canvas = joined(users=150, enrollment_pages="bookmark")
        canvas.create("Course", {"courseId": "ONE", "name": "One"})
        section = first_section(canvas)
        for role in (4, 3):
            for user in range(1001, 1151):
                site = canvas.site
                enroll(site, site.users[user], section, site.roles[role], "active")
        canvas.forget()
        found = canvas.found("Membership", 'courseId eq "301"')
        assert len(found) == 150
        assert {m["courseRoleId"] for m in found} == {"TeacherEnrollment"}
        assert len(canvas.calls) == 3


def test_what_a_target_does_not_declare_stays_as_it_is(canvas: Joined) -> None:
    memberships = canvas["Membership"]
    row = add(canvas, 4, "inactive")
    row.end_at = 86_400
    memberships.mapping = limited(memberships.mapping, ["start"])
    canvas.change("Membership", canvas.read("Membership", "301.1001"), start="2026-09-01T00:00:00Z")
    assert (row.state, row.end_at, row.role_id) == ("inactive", 86_400, 4)
    assert row.start_at
