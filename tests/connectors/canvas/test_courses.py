"""What is particular to Canvas's courses."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.canvas.simulator.records import Term
from schemas.errors import ScimError
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.canvas.site import Client
from tests.connectors.operations import TICKET


@pytest.fixture
def canvas() -> Joined:
    made = joined(courses=4)
    made.site.terms.put(Term(2, "Spring", 0, "2026S"))
    return made


def refused(canvas: Joined, status: int, **values: Any) -> str:
    canvas.forget()
    with pytest.raises(ScimError) as error:
        canvas.create("Course", {"courseId": "NEW", "name": "New", **values})
    assert error.value.status == status
    assert canvas.writes == []
    return error.value.detail


class TestStates:
    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ({}, ("claimed", "No", False)),
            ({"available": "No"}, ("claimed", "No", False)),
            ({"available": "Yes"}, ("available", "Yes", False)),
            ({"closedComplete": True}, ("completed", "No", True)),
            ({"available": "Yes", "closedComplete": True}, ("completed", "No", True)),
        ],
    )
    def test_a_course_is_made_in_any_state(
        self, canvas: Joined, values: dict[str, Any], shown: tuple[Any, ...]
    ) -> None:
        made = canvas.create("Course", {"courseId": "NEW", "name": "New", **values})
        state = canvas.site.courses[int(made["id"])].state
        assert (state, made["available"], made["closedComplete"]) == shown
        assert canvas["Course"].get(made["id"]) == made
        assert len(canvas.writes) == 1 + made["closedComplete"]

    def test_a_course_goes_from_each_state_to_each_by_one_call(self, canvas: Joined) -> None:
        states = {"claimed": ("No", False), "available": ("Yes", False), "completed": ("No", True)}
        held = canvas.read("Course", "301")
        for state in (*("claimed", "completed", "available", "completed", "claimed"), "available"):
            available, closed = states[state]
            canvas.forget()
            held = canvas.change("Course", held, available=available, closedComplete=closed)
            assert canvas.site.courses[301].state == state
            assert (held["available"], held["closedComplete"]) == states[state]
            assert canvas.calls == ["PUT courses/301"]

    def test_a_concluded_course_stays_so_whatever_else_is_sent(self, canvas: Joined) -> None:
        held = canvas.change("Course", canvas.read("Course", "301"), closedComplete=True)
        canvas.forget()
        assert canvas.change("Course", held, available="Yes") == held
        assert canvas.calls == []
        assert canvas.change("Course", held, name="Other")["closedComplete"] is True
        assert canvas.site.courses[301].state == "completed"

    def test_the_states_are_asked_for_exactly(self, canvas: Joined) -> None:
        canvas.change("Course", canvas.read("Course", "301"), closedComplete=True)
        for text, ids in (
            ('available eq "yes"', ["302", "303"]),
            ('available eq "No"', ["301", "304"]),
            ("closedComplete eq true", ["301"]),
            ("closedComplete eq false", ["302", "303", "304"]),
            ('available eq "Term"', []),
        ):
            assert [course["id"] for course in canvas.found("Course", text)] == ids, text


class TestCodes:
    def test_a_code_is_one_courses_in_each_term(self, canvas: Joined) -> None:
        detail = refused(canvas, 409, courseId="crs-0001")
        assert "301" in detail
        assert canvas.calls == ["GET accounts/self/courses"]
        refused(canvas, 409, courseId="CRS-0001", termId="1")
        assert canvas.create("Course", {"courseId": "CRS-0001", "name": "x", "termId": "2"})
        refused(canvas, 409, courseId="CRS-0001", termId="2")

    def test_a_short_code_is_looked_for_in_the_whole_term(self, canvas: Joined) -> None:
        canvas.create("Course", {"courseId": "A1", "name": "Short"})
        canvas.forget()
        refused(canvas, 409, courseId="a1")
        assert "search_term" not in canvas.site.queries[0]
        assert "enrollment_term_id=default" in canvas.site.queries[0]

    def test_a_change_of_code_or_term_is_checked(self, canvas: Joined) -> None:
        held = canvas.read("Course", "302")
        for values in ({"courseId": "CRS-0001"}, {"courseId": "Crs-0001", "name": "x"}):
            with pytest.raises(ScimError) as error:
                canvas.change("Course", held, **values)
            assert (error.value.status, error.value.scim_type) == (409, "uniqueness")
        assert canvas.writes == []
        made = canvas.create("Course", {"courseId": "CRS-0001", "name": "x", "termId": "2"})
        with pytest.raises(ScimError) as error:
            canvas.change("Course", made, termId="1")
        assert error.value.status == 409
        assert canvas.change("Course", held, courseId="crs-0002")["courseId"] == "crs-0002"


class TestSisIds:
    def test_a_course_is_found_by_its_sis_id_in_one_call(self, canvas: Joined) -> None:
        (found,) = canvas.found("Course", 'externalId eq "sis-course-1"')
        assert found["id"] == "301"
        assert canvas.calls == ["GET courses/sis_course_id:sis-course-1"]

    def test_a_taken_one_is_refused(self, canvas: Joined) -> None:
        with pytest.raises(ScimError) as error:
            canvas.create(
                "Course", {"courseId": "NEW", "name": "New", "externalId": "sis-course-1"}
            )
        assert (error.value.status, error.value.scim_type) == (409, "uniqueness")
        assert "externalId" in error.value.detail

    def test_a_deleted_course_comes_back_with_it(self, canvas: Joined) -> None:
        canvas["Course"].delete(TICKET, "301")
        assert canvas["Course"].get("301") is None
        made = canvas.create(
            "Course", {"courseId": "NEW", "name": "New", "externalId": "sis-course-1"}
        )
        assert (made["id"], made["name"]) == ("301", "New")


class TestTerms:
    def test_a_term_is_named_by_its_id_or_its_sis_id(self, canvas: Joined) -> None:
        course = {"courseId": "NEW", "name": "New", "termId": "sis_term_id:2026S"}
        assert canvas.create("Course", course)["termId"] == "2"
        assert canvas.calls[0] == "GET accounts/self/terms/sis_term_id:2026S"
        canvas.forget()
        canvas.create("Course", {**course, "courseId": "NEWER"})
        assert len(canvas.calls) == 2, canvas.calls

    @pytest.mark.parametrize("term", ["99", "sis_term_id:none", "Spring", "default"])
    def test_an_unknown_one_is_refused(self, canvas: Joined, term: str) -> None:
        assert "erm" in refused(canvas, 400, termId=term)
        with pytest.raises(ScimError) as error:
            canvas.change("Course", canvas.read("Course", "301"), termId=term)
        assert error.value.status == 400

    def test_a_filter_on_one_is_one_exact_call(self, canvas: Joined) -> None:
        made = canvas.create("Course", {"courseId": "NEW", "name": "New", "termId": "2"})
        canvas.forget()
        assert canvas.found("Course", 'termId eq "2"') == [made]
        assert canvas.found("Course", 'termId eq "99"') == []
        assert len(canvas.calls) == 2
        both = 'termId eq "99" or externalId eq "sis-course-1"'
        assert [course["id"] for course in canvas.found("Course", both)] == ["301"]


class TestAccounts:
    def test_a_course_is_made_in_an_account_and_moved(self, canvas: Joined) -> None:
        made = canvas.create("Course", {"courseId": "NEW", "name": "New", "categoryId": "12"})
        assert made["categoryId"] == "12"
        assert canvas.writes == ["POST accounts/12/courses"]
        assert canvas.change("Course", made, categoryId="1")["categoryId"] == "1"

    def test_an_unknown_one_is_refused(self, canvas: Joined) -> None:
        with pytest.raises(ScimError) as error:
            canvas.create("Course", {"courseId": "NEW", "name": "New", "categoryId": "99"})
        assert error.value.status == 400


def test_the_calls_of_each_operation(canvas: Joined) -> None:
    made = canvas.create("Course", {"courseId": "NEW", "name": "New", "available": "Yes"})
    assert canvas.calls == ["GET accounts/self/courses", "POST accounts/self/courses"]
    canvas.forget()
    held = canvas.read("Course", made["id"])
    canvas.change("Course", held, name="Newer", start="2026-09-01T00:00:00+02:00")
    canvas["Course"].delete(TICKET, made["id"])
    path = f"courses/{made['id']}"
    assert canvas.calls == [f"GET {path}", f"PUT {path}", f"DELETE {path}"]
    canvas.forget()
    assert len(canvas.found("Course")) == 4
    assert canvas.calls == ["GET accounts/self/courses"]


def test_a_course_that_is_gone_is_not_found(canvas: Joined) -> None:
    held = canvas.read("Course", "301")
    canvas["Course"].delete(TICKET, "301")
    for call in (
        lambda: canvas.change("Course", held, name="Other"),
        lambda: canvas["Course"].delete(TICKET, "301"),
    ):
        with pytest.raises(ScimError) as error:
            call()
        assert error.value.status == 404


def test_many_courses_come_page_by_page() -> None:
    canvas = joined(courses=200)
    assert len(canvas.found("Course")) == 200
    # A full page leads to another, which is empty.
    assert len(canvas.calls) == 3


class TestSimulator:
    """What the simulator does of courses that the connector depends on."""

    def test_enrolments_of_nobody_are_not_found(self) -> None:
        canvas = Client(users=1, courses=1)
        canvas.delete("courses/301/enrollments/7001", {"task": "delete"})
        assert canvas.get("courses/301/enrollments?user_id=1001") == []
        canvas.get("courses/301/enrollments?user_id=999", 404)

    def test_a_course_moves_to_another_account(self) -> None:
        canvas = Client(courses=1)
        body = canvas.put("courses/301", {"course": {"account_id": 1}})
        assert body["account_id"] == 1
        canvas.put("courses/301", {"course": {"account_id": 99}}, 404)
