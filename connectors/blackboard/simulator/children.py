"""Cross-listing: courses whose members take part in another course, their parent."""

from __future__ import annotations

from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.courses import show_course
from connectors.blackboard.simulator.entitlements import WRITE_COURSES
from connectors.blackboard.simulator.errors import bad_request, conflict, not_found
from connectors.blackboard.simulator.ids import find_course
from connectors.blackboard.simulator.listing import OTHERS, answer_page
from connectors.blackboard.simulator.memberships import enrol
from connectors.blackboard.simulator.records import Course
from connectors.blackboard.simulator.site import Site

STYLES = ("completeSeparation", "enrollmentsInBoth")


def list_children(call: Call, wanted: str) -> Answer:
    """Answer `GET courses/{id}/children`."""
    return _answer(call, find_course(call, wanted).id)


def list_set(call: Call, wanted: str) -> Answer:
    """Answer `GET courses/{id}/crossListSet`: all children of the course or of its parent."""
    course = find_course(call, wanted)
    return _answer(call, course.parent_id or course.id)


def get_child(call: Call, wanted: str, child_wanted: str) -> Answer:
    """Answer `GET courses/{id}/children/{childId}`."""
    return Answer(200, _show(call, _find(call, wanted, child_wanted)))


def add_child(call: Call, wanted: str, child_wanted: str) -> Answer:
    """Answer `PUT courses/{id}/children/{childId}`: the child's members become the parent's too."""
    call.require(WRITE_COURSES)
    call.flag("ignoreEnrollmentErrors")
    site = call.site
    parent = find_course(call, wanted)
    child = find_course(call, child_wanted)
    if child.parent_id:
        raise conflict("The course is already a child course")
    if parent is child or parent.parent_id or site.children_of(child.id):
        raise bad_request("A course can not be cross-listed with itself or over two levels")
    link(site, parent, child)
    return created(1, f"courses/{parent.id}/children/{child.id}", _show(call, child))


def remove_child(call: Call, wanted: str, child_wanted: str) -> Answer:
    """Answer `DELETE courses/{id}/children/{childId}`."""
    call.require(WRITE_COURSES)
    style = call.args.get("separationStyle", STYLES[0])
    if style not in STYLES:
        raise bad_request(f"Invalid value for separationStyle: {style}")
    child = _find(call, wanted, child_wanted)
    for membership in call.site.memberships.of_course(child.parent_id or ""):
        if membership.body.get("childCourseId") != child.id:
            continue
        if style == STYLES[0]:
            call.site.unenrol(membership.course_id, membership.user_id)
        else:
            del membership.body["childCourseId"]
    child.parent_id = child.linked = None
    return Answer(204)


def link(site: Site, parent: Course, child: Course) -> None:
    """Cross-list a course under another one."""
    child.parent_id = parent.id
    child.linked = site.clock.stamp()
    for membership in site.memberships.of_course(child.id):
        if site.memberships.find(parent.id, membership.user_id) is None:
            kept = ("courseRoleId", "availability", "dataSourceId")
            given = {name: membership.body[name] for name in kept}
            enrol(site, parent.id, membership.user_id, {**given, "childCourseId": child.id})


def _find(call: Call, wanted: str, child_wanted: str) -> Course:
    parent = find_course(call, wanted)
    child = find_course(call, child_wanted)
    if child.parent_id != parent.id:
        raise not_found(child_wanted)
    return child


def _answer(call: Call, parent_id: str) -> Answer:
    children = call.site.children_of(parent_id)
    return answer_page(call, children, OTHERS, lambda child: _show(call, child))


def _show(call: Call, child: Course) -> dict[str, Any]:
    body = {
        "id": child.id,
        "parentId": child.parent_id,
        "dataSourceId": child.body["dataSourceId"],
        "created": child.linked,
    }
    if call.expands("childCourse"):
        body["childCourse"] = show_course(call, child, release=1)
    return body
