"""Manual enrolments: enrol_manual_enrol_users, enrol_manual_unenrol_users, and reading by user."""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.access import (
    active_courses,
    enter,
    existing_course,
    existing_user,
    is_active,
    may_enter,
)
from connectors.moodle.simulator.courselists import course_image, shows_conditions
from connectors.moodle.simulator.errors import invalid_parameter, missing_user, plain_error
from connectors.moodle.simulator.records import Course, Enrolment
from connectors.moodle.simulator.replies import format_html, format_line
from connectors.moodle.simulator.roles import assignable_roles
from connectors.moodle.simulator.site import Caller, Site, Transaction
from connectors.moodle.simulator.tables import STUDENT

Reply = dict[str, Any]


def enrol_users(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run enrol_manual_enrol_users: one transaction.

    A role is added to those held; a suspension and dates that are left out are taken back.
    """
    with site.transaction() as changes:
        for values in arguments["enrolments"]:
            role, user_id, course_id = values["roleid"], values["userid"], values["courseid"]
            course = site.courses.get(course_id)
            if course is None:
                raise invalid_parameter("Context does not exist")
            enter(site, caller, course)
            caller.require("enrol/manual:enrol")
            if role not in assignable_roles(caller, "course"):
                raise plain_error(
                    "wsusercannotassign",
                    f"You don't have the permission to assign this role ({role}) "
                    f"to this user ({user_id}) in this course ({course_id}).",
                )
            _require_manual(course)
            existing_user(site, user_id)
            context = site.course_context(course_id)
            changes.change(course)
            changes.change(context)
            course.enrolments[user_id] = Enrolment(
                suspended=bool(values.get("suspend")),
                timestart=values.get("timestart", 0),
                timeend=values.get("timeend", 0),
            )
            context.roles[user_id] = context.roles.get(user_id, frozenset()) | {role}


def unenrol_users(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run enrol_manual_unenrol_users: one transaction; a role given is not looked at."""
    with site.transaction() as changes:
        for values in arguments["enrolments"]:
            course = existing_course(site, values["courseid"])
            enter(site, caller, course)
            caller.require("enrol/manual:unenrol")
            _require_manual(course)
            user = site.users.get(values["userid"])
            if user is None or user.deleted:
                raise missing_user(values["userid"])
            if user.id in course.enrolments:
                leave_course(site, changes, course, user.id)


def leave_course(site: Site, changes: Transaction, course: Course, user_id: int) -> None:
    """End an enrolment, with the roles, group memberships and grade that the account had there."""
    changes.change(course)
    course.enrolments.pop(user_id, None)
    course.grades.pop(user_id, None)
    context = site.course_context(course.id)
    if user_id in context.roles:
        changes.change(context)
        del context.roles[user_id]
    for group in site.groups_of(course.id):
        if user_id in group.members:
            changes.change(group)
            group.members.discard(user_id)


def leave_everything(site: Site, changes: Transaction, user_id: int) -> None:
    """End all that a deleted account had in courses and its roles anywhere."""
    for course in site.courses.values():
        held = (course.enrolments, course.grades, course.completions)
        if any(user_id in table for table in held):
            leave_course(site, changes, course, user_id)
            course.completions.pop(user_id, None)
    for context in site.contexts.values():
        if user_id in context.roles:
            changes.change(context)
            del context.roles[user_id]


def get_users_courses(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_enrol_get_users_courses: active enrolments, in courses open to the caller."""
    user_id = arguments["userid"]
    own = user_id == caller.user.id
    return [
        _describe(site, caller, course, user_id, arguments["returnusercount"])
        for course in active_courses(site, user_id)
        if may_enter(site, caller, course) and (own or caller.has("moodle/course:viewparticipants"))
    ]


def get_course_enrolment_methods(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_enrol_get_course_enrolment_methods: those for joining by oneself, so none."""
    course = existing_course(site, arguments["courseid"])
    if not course.visible and not caller.has("moodle/course:viewhiddencourses"):
        raise plain_error("coursehidden", "Sorry, this course is currently not available")
    return []


def _require_manual(course: Course) -> None:
    if not course.manual:
        raise plain_error(
            "wsnoinstance",
            "Manual enrolment plugin instance doesn't exist or is disabled for the course "
            f"(id = {course.id})",
        )


def _describe(site: Site, caller: Caller, course: Course, user_id: int, with_count: bool) -> Reply:
    fullname = format_line(course.fullname, caller.raw)
    completion = bool(course.enablecompletion) and (
        user_id == caller.user.id or caller.has("report/completion:view")
    )
    student = STUDENT in site.roles_of(user_id, course.id)
    shown: Reply = {
        "id": course.id,
        "shortname": format_line(course.shortname, caller.raw),
        "fullname": fullname,
        "displayname": fullname,
        "enrolledusercount": len(course.enrolments),
        "idnumber": course.idnumber,
        "visible": course.visible,
        "summary": format_html(course.summary, caller.raw),
        "summaryformat": course.summaryformat,
        "format": course.format,
        "courseimage": course_image(site, course),
        "showgrades": bool(course.showgrades),
        "lang": course.lang,
        "enablecompletion": bool(course.enablecompletion),
        "completionhascriteria": completion and course.criteria,
        "completionusertracked": completion and student and is_active(site, course, user_id),
        "category": course.category,
        "progress": None,
        "completed": user_id in course.completions if completion else None,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "marker": 0,
        "lastaccess": None,
        "isfavourite": False,
        "hidden": False,
        "overviewfiles": [],
        "showactivitydates": course.format != "site",
        "showcompletionconditions": shows_conditions(course),
        "timemodified": course.timemodified,
    }
    if not with_count:
        del shown["enrolledusercount"]
    return shown
