"""Courses: lists, one, creation, changes, deletion, and who is in them."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import read_time, write_time
from connectors.canvas.simulator.errors import invalid, message
from connectors.canvas.simulator.ids import find_account, find_course, find_term, read_number
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.people import show_with_includes
from connectors.canvas.simulator.records import Course, Enrollment, User
from connectors.canvas.simulator.rolls import show_enrollment
from connectors.canvas.simulator.search import in_order, matches, read_term, read_types
from connectors.canvas.simulator.site import Site, new_uuid
from connectors.canvas.simulator.terms import show_term

_SHOWN = {"created": "unpublished", "claimed": "unpublished"}
_EVENTS = {
    "claim": "claimed",
    "offer": "available",
    "conclude": "completed",
    "delete": "deleted",
    "undelete": "claimed",
}
_STUDENT = "StudentEnrollment"
_STAFF = ("TeacherEnrollment", "TaEnrollment")


def show_course(call: Call, course: Course) -> Json:
    """Return a course as answers show it."""
    site = call.site
    body: Json = {
        "id": course.id,
        "name": course.name,
        "account_id": course.account_id,
        "uuid": course.uuid,
        "start_at": write_time(course.start_at),
        "grading_standard_id": None,
        "is_public": course.is_public,
        "created_at": write_time(course.created_at),
        "course_code": course.code,
        "default_view": "modules",
        "root_account_id": site.root.id,
        "enrollment_term_id": course.term_id,
        "license": "private",
        "end_at": write_time(course.end_at),
        "public_syllabus": False,
        "storage_quota_mb": 500,
        "is_public_to_auth_users": False,
        "apply_assignment_group_weights": False,
        "time_zone": site.settings.time_zone,
        "blueprint": course.blueprint,
    }
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body |= {
            "sis_course_id": course.sis_course_id,
            "sis_import_id": course.sis_import_id,
            "integration_id": course.integration_id,
        }
    body |= {
        "hide_final_grades": False,
        "workflow_state": _SHOWN.get(course.state, course.state),
        "restrict_enrollments_to_course_dates": False,
    }
    if course.template:
        body["template"] = True
    if call.includes("term"):
        body["term"] = show_term(site.terms[course.term_id])
    if call.includes("account_name"):
        body["account_name"] = site.accounts[course.account_id].name
    if call.includes("concluded"):
        body["concluded"] = course.state == "completed"
    if call.includes("total_students"):
        students = [row for row in _active(site, course) if _base(site, row.role_id) == _STUDENT]
        body["total_students"] = len({row.user_id for row in students})
    if call.includes("teachers"):
        ids = [row.user_id for row in _active(site, course) if _base(site, row.role_id) in _STAFF]
        body["teachers"] = [
            {"id": user.id, "display_name": user.short_name}
            for user in map(site.users.__getitem__, dict.fromkeys(ids))
        ]
    return body


def _base(site: Site, role_id: int) -> str:
    return site.roles[role_id].base


def _active(site: Site, course: Course) -> list[Enrollment]:
    rows = site.enrollments.find("course_id", course.id)
    return [row for row in rows if row.state in ("active", "invited")]


def list_courses(call: Call, account_slot: str) -> Answer:
    """Return the courses of an account and of those below it."""
    account = find_account(call, account_slot)
    call.require(permissions.READ_ROSTER, permissions.MANAGE_COURSES)
    below = call.site.subtree(account.id)
    rows = [
        row
        for row in call.site.courses.values()
        if row.account_id in below and _is_wanted(call, row)
    ]
    keys = {
        "course_name": lambda row: row.name.lower(),
        "sis_course_id": lambda row: row.sis_course_id or "",
        "account_name": lambda row: call.site.accounts[row.account_id].name.lower(),
    }
    key = keys.get(call.params.text("sort") or "")
    if key is not None:
        rows.sort(key=key)
    if (call.params.text("order") or "").lower() == "desc":
        rows.reverse()
    counted = call.includes("ui_invoked")
    return answer_page(call, rows, lambda row: show_course(call, row), counted)


def _is_wanted(call: Call, course: Course) -> bool:
    given = call.params
    states = set(given.many("state")) or {"created", "claimed", "available", "completed"}
    if "all" not in states and course.state not in states:
        return False
    if course.state == "deleted" and not states & {"all", "deleted"}:
        return False
    term = read_term(call)
    texts = (course.name, course.code, course.sis_course_id or "")
    if term and term != str(course.id) and not any(term in text.lower() for text in texts):
        return False
    if "published" in given and given.flag("published") != (course.state == "available"):
        return False
    if "completed" in given and given.flag("completed") != (course.state == "completed"):
        return False
    if "blueprint" in given and given.flag("blueprint") != course.blueprint:
        return False
    if "public" in given and given.flag("public") != course.is_public:
        return False
    rows = _active(call.site, course)
    if "with_enrollments" in given and given.flag("with_enrollments") != bool(rows):
        return False
    types = read_types(call)
    if types and not any(_base(call.site, row.role_id) in types for row in rows):
        return False
    wanted = given.filled("enrollment_term_id")
    return wanted is None or find_term(call, wanted).id == course.term_id


def get_course(call: Call, slot: str) -> Answer:
    """Return one course."""
    return Answer(show_course(call, find_course(call, slot)))


def create_course(call: Call, account_slot: str) -> Answer:
    """Add a course; a deleted one with the same SIS id may be revived instead."""
    account = find_account(call, account_slot)
    call.require(permissions.MANAGE_COURSES)
    given = call.params.sub("course")
    sis_id = given.filled("sis_course_id")
    course = None
    if sis_id is not None and call.params.flag("enable_sis_reactivation"):
        old = call.site.courses.find("sis_course_id", sis_id)
        course = next((row for row in old if row.state == "deleted"), None)
    if course is None:
        course = Course(
            call.site.courses.take_id(),
            account.id,
            find_term(call, "default").id,
            "Unnamed Course",
            "Unnamed",
            new_uuid(),
            call.now,
        )
    _apply(call, course, given)
    course.state = "available" if call.params.flag("offer") else "claimed"
    return Answer(show_course(call, call.site.courses.put(course)))


def edit_course(call: Call, slot: str) -> Answer:
    """Change a course."""
    deleted = call.site.courses.get(read_number(slot) or 0)
    given = call.params.sub("course")
    event = given.filled("event")
    undeleted = deleted if event == "undelete" else None
    course = undeleted or find_course(call, slot)
    call.require(permissions.MANAGE_COURSES)
    if event is not None and event not in _EVENTS:
        raise message(f"unknown event {event}")
    _apply(call, course, given)
    if event is not None:
        _move(call, course, _EVENTS[event])
    elif call.params.flag("offer") or given.flag("offer"):
        _move(call, course, "available")
    return Answer(show_course(call, call.site.courses.put(course)))


def _apply(call: Call, course: Course, given: Params) -> None:
    if any(name in given for name in ("sis_course_id", "integration_id")):
        call.require(permissions.MANAGE_SIS)
    sis_id = given.filled("sis_course_id")
    taken = call.site.courses.find("sis_course_id", sis_id) if sis_id else []
    if any(row.id != course.id for row in taken):
        raise invalid("sis_source_id", "taken", f'SIS ID "{sis_id}" is already in use')
    account = given.filled("account_id")
    if account is not None:
        course.account_id = find_account(call, account).id
    blueprint = given.flag("blueprint", course.blueprint)
    students = [row for row in _active(call.site, course) if _is_student(call.site, row)]
    if blueprint and not course.blueprint and students:
        raise invalid("is_blueprint", "invalid", "Cannot have a blueprint course with students")
    term = given.filled("term_id") or given.filled("enrollment_term_id")
    if term is not None:
        course.term_id = find_term(call, term).id
    course.blueprint = blueprint
    course.is_public = given.flag("is_public", course.is_public)
    course.name = given.filled("name") or course.name
    course.code = given.filled("course_code") or (
        course.name if course.code == "Unnamed" else course.code
    )
    for name in ("sis_course_id", "integration_id"):
        if name in given:
            setattr(course, name, given.filled(name))
    for name in ("start_at", "end_at"):
        if name in given:
            setattr(course, name, read_time(given.text(name)))


def _is_student(site: Site, row: Enrollment) -> bool:
    return _base(site, row.role_id) == _STUDENT


def _move(call: Call, course: Course, state: str) -> None:
    course.state = state
    if state == "deleted":
        for row in call.site.enrollments.find("course_id", course.id):
            row.state, row.updated_at = "deleted", call.now


def delete_course(call: Call, slot: str) -> Answer:
    """Delete or conclude a course, as the event says."""
    course = find_course(call, slot)
    call.require(permissions.MANAGE_COURSES)
    event = call.params.text("event")
    if event not in ("delete", "conclude"):
        raise message("event is missing or invalid")
    _move(call, course, _EVENTS[event])
    return Answer({event: True})


def list_users(call: Call, slot: str) -> Answer:
    """Return the people of a course, with their enrollments if the call asks for them."""
    course = find_course(call, slot)
    call.require(permissions.READ_ROSTER)
    term, types = read_term(call), read_types(call)
    states = set(call.params.many("enrollment_state")) or {"active", "invited"}
    role_id = call.params.number("enrollment_role_id")
    only = {read_number(slot) for slot in call.params.many("user_ids")}
    found: dict[int, list[Enrollment]] = {}
    for row in call.site.enrollments.find("course_id", course.id):
        fits = not types or _base(call.site, row.role_id) in types
        if fits and row.state in states and (role_id is None or row.role_id == role_id):
            found.setdefault(row.user_id, []).append(row)
    users = [
        user
        for user in map(call.site.users.__getitem__, found)
        if (not only or user.id in only) and (term is None or matches(call, user, term))
    ]

    def show(user: User) -> Json:
        body = show_with_includes(call, user)
        if call.includes("enrollments"):
            body["enrollments"] = [show_enrollment(call, row) for row in found[user.id]]
        return body

    return answer_page(call, in_order(call, users), show)
