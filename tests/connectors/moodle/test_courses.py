"""Every trap of Moodle's course functions, by name."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.moodle import Moodle
from connectors.moodle.client import BAD_COURSE
from connectors.moodle.simulator import webservice
from connectors.moodle.simulator.errors import MoodleError, context_error, invalid_parameter
from schemas.changes import diff
from schemas.errors import ScimError
from tests.connectors import operations
from tests.connectors.law import everything
from tests.connectors.moodle.site import DATABASES, Joined, joined, options
from tests.connectors.operations import TICKET, matching, read

BY_FIELD = "core_course_get_courses_by_field"
LIST = "core_course_get_courses"
SEARCH = "core_course_search_courses"
CREATE = "core_course_create_courses"
UPDATE = "core_course_update_courses"
DELETE = "core_course_delete_courses"


@pytest.fixture(params=DATABASES)
def moodle(request: pytest.FixtureRequest) -> Joined:
    moodle = joined(database=request.param)
    moodle.site.add_course(shortname="Phys-1", idnumber="P1")
    moodle.site.add_course(shortname="Chem-1", idnumber="C1", category=2)
    return moodle


@pytest.fixture
def courses(moodle: Joined) -> Collection:
    return moodle["Course"]


def found(courses: Collection, text: str) -> list[str]:
    """Return the codes of the courses that fulfil a filter."""
    return [resource["courseId"] for resource in matching(courses, text)]


def change(collection: Collection, id: str, **values: Any) -> Resource:
    return operations.change(collection, read(collection, id), **values)


def test_a_course_shows_what_moodle_keeps_of_it(moodle: Joined, courses: Collection) -> None:
    course = moodle.site.courses[2]
    course.lang, course.startdate, course.visible = "de", 1790000000, 0
    course.timecreated = course.timemodified = 1767225600
    assert courses.get("2") == {
        "id": "2",
        "courseId": "Phys-1",
        "name": "Phys-1",
        "externalId": "P1",
        "categoryId": "1",
        "start": "2026-09-21T14:13:20Z",
        "available": "No",
        "locale": "de",
        "meta": {"created": "2026-01-01T00:00:00Z", "lastModified": "2026-01-01T00:00:00Z"},
    }


@pytest.mark.parametrize(
    ("filter", "call"),
    [
        ('id eq "2"', BY_FIELD),
        ('id eq "2" or id eq "999"', BY_FIELD),
        ('externalId eq "P1"', BY_FIELD),
        ('categoryId eq "1"', BY_FIELD),
        ('name eq "Phys-1"', LIST),
    ],
)
def test_a_look_up_is_one_call(moodle: Joined, courses: Collection, filter: str, call: str) -> None:
    assert found(courses, filter) == ["Phys-1"]
    assert moodle.calls == [call]


def test_reading_and_changing_take_one_call_each(moodle: Joined, courses: Collection) -> None:
    assert [course["id"] for course in courses.fetch(["3", "999", "2"])] == ["3", "2"]
    assert moodle.calls == [BY_FIELD]
    moodle.forget()
    after = change(courses, "2", name="Physics", available="No")
    assert moodle.calls == [BY_FIELD, UPDATE]
    assert "lastModified" not in after["meta"]
    moodle.forget()
    courses.create(TICKET, {"courseId": "New", "name": "New", "categoryId": "1"})
    assert moodle.calls == [CREATE, BY_FIELD]


def test_a_target_that_verifies_reads_the_change(moodle: Joined) -> None:
    courses = Moodle(options(moodle.simulator, verify=True)).collections["Course"]
    assert "lastModified" in change(courses, "2", name="Physics")["meta"]
    assert moodle.calls == [BY_FIELD, UPDATE, BY_FIELD]


@pytest.mark.parametrize("code", ["Phys-1", "PHYS-1", "phys-1"])
def test_a_code_is_looked_up_in_any_letter_case(
    moodle: Joined, courses: Collection, code: str
) -> None:
    assert found(courses, f'courseId eq "{code}"') == ["Phys-1"]
    first = list(moodle.calls)
    moodle.forget()
    assert found(courses, f'courseId eq "{code}"') == ["Phys-1"]
    assert found(courses, 'courseId eq "nothing"') == []
    if moodle.site.settings.database == "mariadb":
        assert (first, moodle.calls) == ([BY_FIELD], [BY_FIELD] * 2)
    else:
        assert first == [BY_FIELD, SEARCH, BY_FIELD]
        assert moodle.calls == [SEARCH, BY_FIELD, SEARCH]


def test_codes_that_differ_in_letter_case_are_all_found(moodle: Joined) -> None:
    moodle.site.add_course(shortname="PHYS-1")
    for code in ("phys-1", "PHYS-1", "pHYS-1"):
        assert found(moodle["Course"], f'courseId eq "{code}"') == ["Phys-1", "PHYS-1"]


def test_an_unknown_code_tells_nothing_of_the_database(moodle: Joined, courses: Collection) -> None:
    for _ in range(2):
        moodle.forget()
        assert found(courses, 'courseId eq "unknown"') == []
        assert moodle.calls == [BY_FIELD, SEARCH]


def test_a_code_without_letters_is_one_call(moodle: Joined, courses: Collection) -> None:
    moodle.site.add_course(shortname="12-3")
    for _ in range(2):
        moodle.forget()
        assert found(courses, 'courseId eq "12-3"') == ["12-3"]
        assert moodle.calls == [BY_FIELD]
        found(courses, 'courseId eq "CHEM-1"')


def test_the_site_is_no_course(moodle: Joined, courses: Collection) -> None:
    assert courses.get("1") is None
    assert courses.fetch(["1"]) == []
    assert [course["id"] for course in everything(courses)] == ["2", "3"]
    assert found(courses, 'courseId eq "moodle"') == []
    assert found(courses, 'id eq "1"') == []
    moodle.forget()
    with pytest.raises(ScimError) as refused:
        courses.delete(TICKET, "1")
    assert (refused.value.status, moodle.calls) == (404, [])


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"courseId": "Phys-1"}, 409, "courseId"),
        ({"externalId": "P1"}, 409, "externalId"),
        ({"categoryId": "99"}, 400, "categoryId"),
        ({"start": "2026-09-02T00:00:00Z", "end": "2026-09-01T00:00:00Z"}, 400, "end"),
    ],
)
def test_refusals_are_told_apart_on_create_and_on_change(
    courses: Collection, values: Resource, status: int, said: str
) -> None:
    with pytest.raises(ScimError, match=said) as refused:
        courses.create(TICKET, {"courseId": "X", "name": "X", "categoryId": "1", **values})
    assert refused.value.status == status
    before = read(courses, "3")
    with pytest.raises(ScimError, match=said) as refused:
        change(courses, "3", **values)
    assert refused.value.status == status
    assert refused.value.scim_type == ("uniqueness" if status == 409 else "invalidValue")
    assert read(courses, "3") == before


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"categoryId": "SCI"}, "not the id of a category"),
        ({"courseId": "x" * 256}, "longer than the 255"),
        ({"courseId": " "}, "only white space"),
        ({"courseId": "a<b"}, "tag"),
        ({"courseId": "0"}, 'does not keep the value "0"'),
        ({"name": "x" * 255}, "longer than the 254"),
        ({"externalId": "x" * 101}, "longer than the 100"),
        ({"start": "1969-12-31T00:00:00Z"}, "1970"),
    ],
)
def test_what_moodle_would_refuse_is_refused_with_a_reason(
    moodle: Joined, courses: Collection, values: Resource, said: str
) -> None:
    with pytest.raises(ScimError, match=said) as refused:
        courses.create(TICKET, {"courseId": "X", "name": "X", "categoryId": "1", **values})
    assert (refused.value.status, moodle.calls) == (400, [])


def test_an_end_needs_a_start(moodle: Joined, courses: Collection) -> None:
    with pytest.raises(ScimError, match="start") as refused:
        change(courses, "2", end="2099-01-01T00:00:00Z")
    assert refused.value.status == 400


def test_a_start_without_an_end_is_kept_so(moodle: Joined, courses: Collection) -> None:
    course = {"courseId": "X", "name": "X", "categoryId": "1", "start": "2095-01-01T00:00:00Z"}
    made = courses.create(TICKET, course)
    assert made["start"] == course["start"]
    assert "end" not in made


def test_a_course_begins_today_and_has_no_end_unless_one_is_named(courses: Collection) -> None:
    made = courses.create(TICKET, {"courseId": "X", "name": "X", "categoryId": "1"})
    assert made["start"].endswith("T00:00:00Z")
    assert "end" not in made


def test_a_course_that_is_gone_is_a_404(moodle: Joined, courses: Collection) -> None:
    before = read(courses, "2")
    del moodle.site.courses[2]
    for values in ({"name": "New"}, {"categoryId": "2"}):
        after = {**before, **values}
        changes = diff(courses.mapping.resource_type, before, after)
        with pytest.raises(ScimError) as refused:
            courses.update(TICKET, before, after, changes)
        assert refused.value.status == 404
    with pytest.raises(ScimError) as refused:
        courses.delete(TICKET, "2")
    assert refused.value.status == 404


def test_what_the_account_may_not_change_is_an_error(moodle: Joined, courses: Collection) -> None:
    moodle.site.gateway.capabilities.discard("moodle/course:visibility")
    with pytest.raises(ScimError, match="capability"):
        change(courses, "2", available="No")
    moodle.site.gateway.capabilities.discard("moodle/course:delete")
    with pytest.raises(ScimError) as refused:
        courses.delete(TICKET, "2")
    assert refused.value.status == 403


def test_new_courses_go_into_the_configured_category() -> None:
    courses = joined(more={"course_category": "2"})["Course"]
    resource = courses.mapping.with_defaults({"courseId": "X", "name": "X"})
    assert courses.create(TICKET, resource)["categoryId"] == "2"


@pytest.mark.parametrize("times", [1, 2])
def test_a_list_that_a_course_in_the_making_spoils_is_read_again_once(
    moodle: Joined, courses: Collection, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    left = [context_error("course", 9, invalid_parameter("Context does not exist"))] * times
    spoil(monkeypatch, LIST, left)
    if times == 1:
        assert len(everything(courses)) == 2
    else:
        with pytest.raises(ScimError, match=BAD_COURSE) as refused:
            everything(courses)
        assert refused.value.status == 502


def spoil(monkeypatch: pytest.MonkeyPatch, function: str, errors: list[MoodleError]) -> None:
    """Let a function of the simulator fail as often as there are errors."""
    run = webservice.FUNCTIONS[function]

    def spoilt(*given: Any) -> Any:
        if errors:
            raise errors.pop()
        return run(*given)

    monkeypatch.setitem(webservice.FUNCTIONS, function, spoilt)


def test_a_create_that_cannot_be_read_is_told_as_it_was_sent(
    moodle: Joined, courses: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = invalid_parameter("Context does not exist")
    spoil(monkeypatch, BY_FIELD, [error])
    made = courses.create(TICKET, {"courseId": "X", "name": "Y", "categoryId": "1"})
    assert (made["id"], made["name"]) == ("4", "Y")


def test_a_create_is_found_again_by_its_very_code(moodle: Joined, courses: Collection) -> None:
    assert courses.find_again({"courseId": "phys-1"}) is None
    again = courses.find_again({"courseId": "Phys-1"})
    assert again is not None
    assert again["id"] == "2"
