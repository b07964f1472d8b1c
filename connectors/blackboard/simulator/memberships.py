"""Enrolments, listed from the side of a course and from the side of a person."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.courses import show_course
from connectors.blackboard.simulator.entitlements import VIEW_MEMBERSHIPS, WRITE_MEMBERSHIPS
from connectors.blackboard.simulator.errors import (
    RestError,
    bad_request,
    conflict,
    forbidden,
    not_found,
)
from connectors.blackboard.simulator.filters import (
    Filter,
    Test,
    data_source,
    date,
    equals,
    matching,
    one_of,
)
from connectors.blackboard.simulator.ids import (
    find_course,
    find_user,
    is_primary,
    resolve,
    visible_user,
)
from connectors.blackboard.simulator.listing import (
    COURSE_MEMBERSHIPS,
    OTHERS,
    Bounds,
    answer_page,
    in_order,
)
from connectors.blackboard.simulator.records import Course, Membership, User
from connectors.blackboard.simulator.shapes import Property, choice, merge, parts, read_body, text
from connectors.blackboard.simulator.site import Site
from connectors.blackboard.simulator.users import show_user

STATES = ("Yes", "No", "Disabled")
UNORDERED_ROLES = ("Student", "Guest")
"""Roles whose holders a course lists in no order of its own."""

_SHAPE = {
    "childCourseId": text(since=(3000, 11)),
    "dataSourceId": text(),
    "availability": parts(available=choice(*STATES)),
    "courseRoleId": text(),
    "displayOrder": Property("number"),
}


def _role(call: Call, name: str, wanted: str) -> Test:
    return equals(call, name, _role_key(call.site, wanted) or wanted)


_FILTERS = (
    Filter("role", _role, (3500, 5), "courseRoleId"),
    Filter("created", date),
    Filter("modified", date, (3800, 9)),
    Filter("lastAccessed", date, (3300, 9)),
    Filter("dataSourceId", data_source),
    Filter("availability.available", one_of(*STATES)),
)
_SORTABLE = ("created", "lastAccessed")


def list_members(call: Call, wanted: str) -> Answer:
    """Answer `GET courses/{id}/users`."""
    call.require(VIEW_MEMBERSHIPS)
    course = find_course(call, wanted)
    return _answer(call, call.site.memberships.of_course(course.id), COURSE_MEMBERSHIPS, "user")


def list_courses_of_user(call: Call, wanted: str) -> Answer:
    """Answer `GET users/{id}/courses`."""
    call.require(VIEW_MEMBERSHIPS)
    user = visible_user(call, wanted)
    return _answer(call, call.site.memberships.of_user(user.id), OTHERS, "course")


def get_membership(call: Call, wanted: str, user_wanted: str) -> Answer:
    """Answer `GET courses/{id}/users/{userId}`."""
    call.require(VIEW_MEMBERSHIPS)
    return Answer(200, _show(call, _find(call, wanted, user_wanted), "user"))


def add_membership(call: Call, wanted: str, user_wanted: str) -> Answer:
    """Answer `PUT courses/{id}/users/{userId}`, which never changes an enrolment that is there."""
    call.require(WRITE_MEMBERSHIPS)
    site = call.site
    course = _find_target(call, wanted)
    user = find_user(call, user_wanted)
    sent = call.read() if call.payload else {}
    given = read_body(_SHAPE, sent, site.settings, creating=True)
    _settle(call, course, given)
    _refuse_person(site, user)
    if site.memberships.find(course.id, user.id) is not None:
        raise conflict("User already enrolled")
    membership = enrol(site, course.id, user.id, given)
    shown = _show(call, membership) if call.has(VIEW_MEMBERSHIPS) else {}
    return created(1, f"courses/{course.id}/users/{user.id}", shown)


def update_membership(call: Call, wanted: str, user_wanted: str) -> Answer:
    """Answer `PATCH courses/{id}/users/{userId}`."""
    call.require(WRITE_MEMBERSHIPS)
    site = call.site
    membership = _find(call, wanted, user_wanted)
    given = read_body(_SHAPE, call.read(), site.settings, creating=False)
    _settle(call, site.courses[membership.course_id], given)
    merge(membership.body, given)
    _drop_order(membership.body)
    membership.body["modified"] = site.clock.stamp()
    return Answer(200, _show(call, membership) if call.has(VIEW_MEMBERSHIPS) else {})


def remove_membership(call: Call, wanted: str, user_wanted: str) -> Answer:
    """Answer `DELETE courses/{id}/users/{userId}`."""
    call.require(WRITE_MEMBERSHIPS)
    membership = _find(call, wanted, user_wanted)
    call.site.unenrol(membership.course_id, membership.user_id)
    return Answer(204)


def enrol(site: Site, course_id: str, user_id: str, given: dict[str, Any]) -> Membership:
    """Add an enrolment with checked properties and the defaults of all others."""
    taken = site.memberships.take_id()
    stamp = site.clock.stamp()
    body: dict[str, Any] = {
        "id": taken,
        "userId": user_id,
        "courseId": course_id,
        "dataSourceId": "_2_1",
        "created": stamp,
        "modified": stamp,
        "availability": {"available": "Yes"},
        "courseRoleId": "Student",
    }
    merge(body, deepcopy(given))
    _drop_order(body)
    return site.memberships.add(Membership(taken, body, course_id, user_id))


def _find_target(call: Call, wanted: str) -> Course:
    """Return the course of a new enrolment; one that does not exist is a bad request here."""
    try:
        return find_course(call, wanted)
    except RestError as error:
        raise bad_request(error.message) from None


def _find(call: Call, wanted: str, user_wanted: str) -> Membership:
    course = find_course(call, wanted)
    user = visible_user(call, user_wanted)
    membership = call.site.memberships.find(course.id, user.id)
    if membership is None:
        raise not_found(user_wanted)
    return membership


def _refuse_person(site: Site, user: User) -> None:
    if not site.sees(user):
        raise forbidden()
    if "Observer" in user.system_roles:
        raise bad_request("An observer can not be enrolled")
    if "Guest" in user.system_roles:
        raise bad_request("A system guest can not be enrolled")


def _settle(call: Call, course: Course, given: dict[str, Any]) -> None:
    site = call.site
    if "dataSourceId" in given:
        wanted = given["dataSourceId"]
        given["dataSourceId"] = resolve(site.data_sources, wanted or "_2_1", "dataSourceId")
    if "courseRoleId" in given:
        wanted = given["courseRoleId"] or "Student"
        key = _role_key(site, wanted)
        if key is None:
            raise not_found(wanted)
        given["courseRoleId"] = key
    if given.get("childCourseId") is not None:
        child = _find_target(call, given["childCourseId"])
        if child.parent_id != course.id:
            raise bad_request(f"Invalid value for childCourseId: {given['childCourseId']}")
        given["childCourseId"] = child.id


def _role_key(site: Site, wanted: str) -> str | None:
    """Return the key of a course role that is named by its key or its primary id."""
    table = site.course_roles
    role = table.get(wanted) if is_primary(wanted) else table.find("roleId", wanted)
    return role.key if role is not None else None


def _drop_order(body: dict[str, Any]) -> None:
    if body["courseRoleId"] in UNORDERED_ROLES:
        body.pop("displayOrder", None)


def _answer(call: Call, rows: Iterable[Membership], bounds: Bounds, side: str) -> Answer:
    found = in_order(call, matching(call, rows, _FILTERS), _SORTABLE)
    return answer_page(call, found, bounds, lambda row: _show(call, row, side))


def _show(call: Call, membership: Membership, side: str = "") -> dict[str, Any]:
    """Return an enrolment with the object on the other side of it, if that is asked for."""
    body = dict(membership.body)
    if side == "course" and call.expands("course"):
        body["course"] = show_course(call, call.site.courses[membership.course_id], release=1)
    if side == "user" and call.expands("user"):
        user = call.site.users[membership.user_id]
        if call.site.sees(user):
            body["user"] = show_user(call, user)
    return body
