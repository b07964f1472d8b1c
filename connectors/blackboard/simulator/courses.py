"""Courses and organizations in the three versions of their resource."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.durations import DURATION_BOUNDS, duration, keep_bounds
from connectors.blackboard.simulator.entitlements import VIEW_COURSES, WRITE_COURSES
from connectors.blackboard.simulator.errors import RestError, bad_request, conflict, not_found
from connectors.blackboard.simulator.filters import (
    Filter,
    contains,
    data_source,
    date,
    is_flag,
    matching,
    one_of,
    term,
)
from connectors.blackboard.simulator.ids import find_course, resolve
from connectors.blackboard.simulator.listing import COURSES, answer_page, choose_fields, in_order
from connectors.blackboard.simulator.records import Course
from connectors.blackboard.simulator.shapes import Property, choice, merge, parts, read_body, text
from connectors.blackboard.simulator.site import Site, stable_hex
from connectors.blackboard.simulator.tasks import queue_deletion

STATES = ("Yes", "No", "Disabled", "Term")
VIEWS = ("Undecided", "Classic", "Ultra", "UltraPreview")

_SHAPE = {
    "externalId": text(256),
    "dataSourceId": text(),
    "courseId": Property(longest=100, required=True, create_only=True),
    "name": Property(longest=333, required=True),
    "description": text(),
    "organization": Property("flag", create_only=True),
    "ultraStatus": choice(*VIEWS, create_only=True),
    "allowGuests": Property("flag"),
    "termId": text(),
    "availability": parts(
        available=choice(*STATES),
        duration=duration("Continuous", "DateRange", "FixedNumDays", "Term"),
    ),
    "enrollment": parts(
        type=choice("InstructorLed", "SelfEnrollment", "EmailEnrollment"),
        start=Property("date"),
        end=Property("date"),
        accessCode=text(50),
    ),
    "locale": parts(id=text(20), force=Property("flag")),
}
SHAPES = {
    1: {**_SHAPE, "readOnly": Property("flag")},
    2: {
        **_SHAPE,
        "allowObservers": Property("flag", since=(3900, 31)),
        "closedComplete": Property("flag"),
    },
}
SHAPES[3] = SHAPES[2]

_ENROLLMENT_BOUNDS = dict.fromkeys(("start", "end", "accessCode"), "SelfEnrollment")

_FILTERS = (
    Filter("courseId", contains),
    Filter("name", contains),
    Filter("description", contains),
    Filter("externalId", contains),
    Filter("created", date),
    Filter("allowGuests", is_flag),
    Filter("availability.available", one_of(*STATES)),
    Filter("dataSourceId", data_source),
    Filter("termId", term),
    Filter("organization", is_flag),
)
_MODIFIED = Filter("modified", date)
_SORTABLE = ("courseId", "name", "externalId", "created")

_ORDER = (
    *("id", "uuid", "externalId", "dataSourceId", "courseId", "name", "description", "created"),
    *("modified", "organization", "ultraStatus", "allowGuests", "allowObservers", "readOnly"),
    *("closedComplete", "termId", "availability", "enrollment", "locale", "hasChildren"),
    *("parentId", "externalAccessUrl", "guestAccessUrl"),
)
_SEEN_BY_ALL = (
    *("id", "courseId", "name", "description", "organization", "closedComplete", "readOnly"),
    *("termId", "availability"),
)
_HIDDEN_FROM_MEMBERS = ("uuid", "externalId", "dataSourceId", "created", "allowGuests")


def list_courses(call: Call) -> Answer:
    """Answer `GET courses`."""
    newer = call.release > 1
    filters = (*_FILTERS, _MODIFIED) if newer else _FILTERS
    sortable = (*_SORTABLE, "modified") if newer else _SORTABLE
    seen = [course for course in call.site.courses.values() if _is_seen(call, course)]
    found = matching(call, seen, filters)
    if call.site.settings.parents_with_children:
        wanted = {course.id for course in found} | {course.parent_id for course in found}
        found = [course for course in seen if course.id in wanted]
    return answer_page(
        call, in_order(call, found, sortable), COURSES, lambda course: show_course(call, course)
    )


def get_course(call: Call, wanted: str) -> Answer:
    """Answer `GET courses/{id}`."""
    course = find_course(call, wanted)
    if not _is_seen(call, course):
        raise not_found(wanted)
    return Answer(200, show_course(call, course))


def create_course(call: Call) -> Answer:
    """Answer `POST courses`."""
    call.require(WRITE_COURSES)
    site = call.site
    given = read_body(SHAPES[call.release], call.read(), site.settings, creating=True)
    if given.get("externalId") is None:
        given["externalId"] = given["courseId"]
    _settle(call, given)
    _refuse_duplicate(site, given, None)
    body = new_body(site, given)
    _check(given, body)
    course = add_course(site, site.courses.take_id(), body)
    return created(call.release, f"courses/{course.id}", show_course(call, course))


def update_course(call: Call, wanted: str) -> Answer:
    """Answer `PATCH courses/{id}`; a closed course takes nothing unless the body reopens it."""
    call.require(WRITE_COURSES)
    site = call.site
    course = find_course(call, wanted)
    given = read_body(SHAPES[call.release], call.read(), site.settings, creating=False)
    _settle(call, given)
    if course.body["closedComplete"] and given.get("closedComplete") is not False:
        raise RestError(403, "The course is closed")
    _refuse_duplicate(site, given, course)
    if course.is_ultra:
        given.pop("allowGuests", None)
    body = deepcopy(course.body)
    merge(body, given)
    _check(given, body)
    body["modified"] = site.clock.stamp()
    course.body = body
    site.courses.renew(course)
    return Answer(200, show_course(call, course))


def delete_course(call: Call, wanted: str) -> Answer:
    """Answer `DELETE courses/{id}`: at once in the first two versions, queued in the third."""
    call.require(WRITE_COURSES)
    course = find_course(call, wanted)
    call.flag("removeFiles")
    if call.release < 3:
        call.site.remove_course(course)
        return Answer(204)
    return Answer(202, location=queue_deletion(call.site, course))


def show_course(call: Call, course: Course, release: int | None = None) -> dict[str, Any]:
    """Return what the own user may see of a course, in the shape of a version."""
    body = {**course.body, **_computed(call.site, course)}
    if (release or call.release) == 1:
        body["readOnly"] = body.pop("closedComplete")
        del body["modified"], body["allowObservers"]
    shown = {name: body[name] for name in _ORDER if name in body}
    if call.has(VIEW_COURSES):
        return shown
    if not _is_member(call, course):
        return choose_fields(shown, ",".join(_SEEN_BY_ALL))
    for name in _HIDDEN_FROM_MEMBERS:
        shown.pop(name, None)
    shown["enrollment"] = {
        name: value for name, value in shown["enrollment"].items() if name != "accessCode"
    }
    return shown


def new_body(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a new course: the given ones, and the defaults of all others."""
    stamp = site.clock.stamp()
    view = given.get("ultraStatus", site.settings.course_view)
    body: dict[str, Any] = {
        "dataSourceId": "_2_1",
        "created": stamp,
        "modified": stamp,
        "organization": False,
        "ultraStatus": view,
        "allowGuests": view != "Ultra",
        "allowObservers": False,
        "closedComplete": False,
        "availability": {"available": "Yes", "duration": {"type": "Continuous"}},
        "enrollment": {"type": "InstructorLed"},
        "locale": {"force": False},
    }
    merge(body, given)
    if view == "Ultra":
        body["allowGuests"] = False
    return body


def add_course(site: Site, taken: str, body: dict[str, Any]) -> Course:
    """Add a course under an id."""
    identity = {"id": taken, "uuid": stable_hex("course", taken)}
    return site.courses.add(Course(taken, {**identity, **body}))


def refuse_taken_course_id(site: Site, course_id: str) -> None:
    """Refuse a course id that a course has."""
    if site.courses.find("courseId", course_id) is not None:
        raise conflict("A course with the same courseId or externalId already exists")


def _settle(call: Call, given: dict[str, Any]) -> None:
    """Replace ids by the forms in which they are kept, and the first version's name of a lock."""
    site = call.site
    if "dataSourceId" in given:
        wanted = given["dataSourceId"]
        given["dataSourceId"] = resolve(site.data_sources, wanted or "_2_1", "dataSourceId")
    if given.get("termId") is not None:
        given["termId"] = resolve(site.terms, given["termId"], "termId")
    if "readOnly" in given:
        given["closedComplete"] = given.pop("readOnly")


def _refuse_duplicate(site: Site, given: dict[str, Any], course: Course | None) -> None:
    if "courseId" in given:
        refuse_taken_course_id(site, given["courseId"])
    wanted = given.get("externalId")
    other = site.courses.find("externalId", wanted) if wanted else None
    if other is not None and other is not course:
        raise conflict("A course with the same courseId or externalId already exists")


def _check(given: dict[str, Any], body: dict[str, Any]) -> None:
    """Refuse properties that do not go together."""
    availability = body["availability"]
    path = "availability.duration"
    stretch = given.get("availability", {}).get("duration")
    keep_bounds(stretch, availability["duration"], DURATION_BOUNDS, path)
    keep_bounds(given.get("enrollment"), body["enrollment"], _ENROLLMENT_BOUNDS, "enrollment")
    if availability["available"] == "Term" and "termId" not in body:
        raise bad_request("availability.available Term needs a termId")


def _computed(site: Site, course: Course) -> dict[str, Any]:
    home = site.settings.site_url
    if course.is_ultra:
        address = guest_address = f"{home}/ultra/courses/{course.id}/cl/outline"
    else:
        address = f"{home}/webapps/blackboard/execute/courseMain?course_id={course.id}"
        guest_address = f"{address}&sc="
    computed = {
        "hasChildren": bool(site.children_of(course.id)),
        "externalAccessUrl": address,
        "guestAccessUrl": guest_address,
    }
    if course.parent_id:
        computed["parentId"] = course.parent_id
    return computed


def _is_member(call: Call, course: Course) -> bool:
    return call.site.memberships.find(course.id, call.site.own_user.id) is not None


def _is_seen(call: Call, course: Course) -> bool:
    if call.has(VIEW_COURSES) or course.body["availability"]["available"] in ("Yes", "Term"):
        return True
    return _is_member(call, course)
