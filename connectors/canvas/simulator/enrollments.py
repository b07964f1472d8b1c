"""Enrollments: lists, creation, and the ways in which they end and come back."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call
from connectors.canvas.simulator.clock import read_time
from connectors.canvas.simulator.errors import CanvasError, denied, message, not_found
from connectors.canvas.simulator.ids import (
    find_account,
    find_course,
    find_enrollment,
    find_section,
    find_user,
    read_number,
)
from connectors.canvas.simulator.listing import answer_bookmarked, answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Course, Enrollment, Role, Section, User
from connectors.canvas.simulator.rolls import show_enrollment
from connectors.canvas.simulator.sections import default_section
from connectors.canvas.simulator.site import Site

TYPES = (
    "StudentEnrollment",
    "TeacherEnrollment",
    "TaEnrollment",
    "ObserverEnrollment",
    "DesignerEnrollment",
)
_STATES = ("active", "invited", "inactive")
_CURRENT = ("active", "invited")
_SETS = {
    "current_and_invited": {"active", "invited"},
    "current_and_future": {"active", "invited", "creation_pending"},
    "current_and_concluded": {"active", "completed"},
}
_TASKS = {
    "conclude": "completed",
    "delete": "deleted",
    "inactivate": "inactive",
    "deactivate": "inactive",
}


def list_of_course(call: Call, slot: str) -> Answer:
    """Return the enrollments of a course, inactive ones among them."""
    course = find_course(call, slot)
    call.require(permissions.READ_ROSTER)
    rows = call.site.enrollments.find("course_id", course.id)
    return _answer(call, rows, {*_CURRENT, "inactive"})


def list_of_section(call: Call, slot: str) -> Answer:
    """Return the enrollments of a section, inactive ones among them."""
    section = find_section(call, slot)
    call.require(permissions.READ_ROSTER)
    rows = call.site.enrollments.find("section_id", section.id)
    return _answer(call, rows, {*_CURRENT, "inactive"})


def list_of_user(call: Call, slot: str) -> Answer:
    """Return the enrollments of a user."""
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.READ_ROSTER)
    return _answer(call, call.site.enrollments.find("user_id", user.id), set(_CURRENT))


def _answer(call: Call, rows: Iterable[Enrollment], default: set[str]) -> Answer:
    site = call.site
    states: set[str] = set()
    for name in call.params.many("state"):
        states |= _SETS.get(name, {name})
    if slot := call.params.filled("user_id"):
        # Somebody who does not exist is not found, in an empty list as well.
        find_user(call, slot)
    wanted = [row for row in rows if row.state in (states or default) and _is_wanted(call, row)]

    if site.settings.enrollment_pages == "bookmark":
        return answer_bookmarked(call, wanted, lambda row: show_enrollment(call, row, True))
    wanted.sort(key=lambda row: (_base(site, row), _sortable(site, row), row.id))
    return answer_page(call, wanted, lambda row: show_enrollment(call, row, True))


def _base(site: Site, row: Enrollment) -> str:
    return site.roles[row.role_id].base


def _sortable(site: Site, row: Enrollment) -> str:
    return site.users[row.user_id].sortable_name.lower()


def _is_wanted(call: Call, row: Enrollment) -> bool:
    site, given = call.site, call.params
    role = site.roles[row.role_id]
    types, roles = given.many("type"), given.many("role")
    if (types and role.base not in types) or (roles and role.name not in roles):
        return False
    user_id = given.filled("user_id")
    if user_id is not None and find_user(call, user_id).id != row.user_id:
        return False
    login = site.shown_login(row.user_id)
    course = site.courses[row.course_id]
    term = given.filled("enrollment_term_id")
    found = {
        "sis_user_id": login.sis_user_id if login else None,
        "sis_course_id": course.sis_course_id,
        "sis_section_id": site.sections[row.section_id].sis_section_id,
        "sis_account_id": site.accounts[course.account_id].sis_account_id,
    }
    if term is not None and read_number(term) != course.term_id:
        return False
    return all(not given.many(name) or value in given.many(name) for name, value in found.items())


def get_enrollment(call: Call, account_slot: str, slot: str) -> Answer:
    """Return one enrollment."""
    find_account(call, account_slot)
    call.require(permissions.READ_ROSTER)
    return Answer(show_enrollment(call, find_enrollment(call, slot)))


def create_in_course(call: Call, slot: str) -> Answer:
    """Enroll a user in a section of a course, its first one unless the call names another."""
    course = find_course(call, slot)
    given = call.params.sub("enrollment")
    wanted = given.filled("course_section_id")
    if wanted is None:
        return _create(call, course, None, given)
    section = find_section(call, wanted)
    if section.course_id != course.id:
        raise not_found()
    return _create(call, course, section, given)


def create_in_section(call: Call, slot: str) -> Answer:
    """Enroll a user in a section."""
    section = find_section(call, slot)
    course = call.site.courses[section.course_id]
    return _create(call, course, section, call.params.sub("enrollment"))


def _create(call: Call, course: Course, section: Section | None, given: Params) -> Answer:
    call.require(permissions.MANAGE_STUDENTS)
    site = call.site
    role = _check(call, course, given)
    slot = given.filled("user_id") or ""
    user = find_user(call, slot)
    if not site.is_member(user, site.root.id):
        raise not_found()
    _check_blueprint(call, course, role)
    state = given.filled("enrollment_state") or "invited"
    row = enroll(site, user, section or default_section(site, course), role, state)
    associated = given.filled("associated_user_id")
    if associated is not None:
        row.associated_user_id = find_user(call, associated).id
    row.limit_privileges = given.flag("limit_privileges_to_course_section", row.limit_privileges)
    for name in ("start_at", "end_at"):
        if name in given:
            setattr(row, name, read_time(given.text(name)))
    return Answer(show_enrollment(call, row))


def enroll(site: Site, user: User, section: Section, role: Role, state: str) -> Enrollment:
    """Enroll a user; the row that he had with the same role in the section is taken up again."""
    now = site.clock.now()
    for row in site.enrollments.find("user_id", user.id):
        if row.section_id == section.id and row.role_id == role.id:
            if not (row.state == "active" and state == "invited"):
                row.state = state
            row.updated_at = now
            return row
    made = Enrollment(
        site.enrollments.take_id(),
        user.id,
        section.course_id,
        section.id,
        role.id,
        now,
        now,
        state,
    )
    return site.enrollments.put(made)


def _check(call: Call, course: Course, given: Params) -> Role:
    """Return the role that is asked for; all that is wrong is said at once."""
    wrong: list[str] = []
    kind, role = given.filled("type"), None
    if given.filled("user_id") is None:
        wrong.append("Can't create an enrollment without a user")
    if course.state in ("completed", "deleted"):
        wrong.append("Can't add an enrollment to a concluded course.")
    if kind is not None and kind not in TYPES:
        wrong.append("Invalid type")
    elif "role_id" in given:
        role = call.site.roles.get(read_number(given.text("role_id") or "") or 0)
        if role is None or role.base not in TYPES:
            wrong.append("Invalid role")
        elif role.state == "inactive":
            wrong.append("Cannot create an enrollment with this role because it is inactive.")
        elif kind is not None and kind != role.base:
            wrong.append("The specified type must match the base type for the role")
    else:
        wanted = kind or TYPES[0]
        built_in = (row for row in call.site.roles.values() if row.state == "built_in")
        role = next(row for row in built_in if row.base == wanted)
    if given.filled("enrollment_state") not in (None, *_STATES):
        wrong.append("Invalid enrollment state")
    if wrong or role is None:
        raise message(", ".join(wrong), call.site.settings.enrollment_error_status)
    return role


def _check_blueprint(call: Call, course: Course, role: Role) -> None:
    refused = {"StudentEnrollment"}
    if call.site.settings.blueprint_refuses_observers:
        refused.add("ObserverEnrollment")
    if (course.blueprint or course.template) and role.base in refused:
        raise denied(call.site.settings.denied_status)


def end_enrollment(call: Call, course_slot: str, slot: str) -> Answer:
    """Conclude an enrollment unless the task says otherwise; a deleted one is not found."""
    row = _find_in(call, course_slot, slot)
    call.require(permissions.MANAGE_STUDENTS)
    task = call.params.filled("task") or "conclude"
    if task not in _TASKS:
        raise message(f"unknown task {task}")
    row.state, row.updated_at = _TASKS[task], call.now
    return Answer(show_enrollment(call, row))


def reactivate(call: Call, course_slot: str, slot: str) -> Answer:
    """Make an inactive enrollment active."""
    row = _find_in(call, course_slot, slot)
    call.require(permissions.MANAGE_STUDENTS)
    if row.state != "inactive":
        raise CanvasError(400, {"error": "enrollment not inactive"})
    row.state, row.updated_at = "active", call.now
    return Answer(show_enrollment(call, row))


def accept(call: Call, course_slot: str, slot: str) -> Answer:
    """Accept an invitation, as the invited user."""
    return _reply(call, course_slot, slot, "active")


def reject(call: Call, course_slot: str, slot: str) -> Answer:
    """Reject an invitation, as the invited user."""
    return _reply(call, course_slot, slot, "rejected")


def _reply(call: Call, course_slot: str, slot: str, state: str) -> Answer:
    row = _find_in(call, course_slot, slot)
    if row.user_id != call.caller.id:
        raise denied(call.site.settings.denied_status)
    if row.state != "invited":
        raise CanvasError(400, {"error": "no current invitation"})
    row.state, row.updated_at = state, call.now
    return Answer({"success": True})


def _find_in(call: Call, course_slot: str, slot: str) -> Enrollment:
    course, row = find_course(call, course_slot), find_enrollment(call, slot)
    if row.course_id != course.id or row.state == "deleted":
        raise not_found()
    return row
