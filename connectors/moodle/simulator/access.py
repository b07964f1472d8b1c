"""Who may enter a course, and with which error a function refuses who may not."""

from __future__ import annotations

from connectors.moodle.simulator.errors import (
    MoodleError,
    context_error,
    invalid_parameter,
    login_required,
    missing_record,
    missing_user,
    plain_error,
)
from connectors.moodle.simulator.records import Course, User
from connectors.moodle.simulator.site import GUEST_ID, Caller, Site
from connectors.moodle.simulator.tables import EDITING_TEACHER, SITE_COURSE_ID

_SEE_HIDDEN = frozenset({1, 2, 3, 4})


def may_enter(site: Site, caller: Caller, course: Course) -> bool:
    """Tell whether the caller may enter a course: by right, or as an active participant."""
    if course.id == SITE_COURSE_ID or caller.is_admin:
        return True
    if not course.visible and not caller.has("moodle/course:viewhiddencourses"):
        return False
    return caller.has("moodle/course:view") or is_active(site, course, caller.user.id)


def enter(site: Site, caller: Caller, course: Course) -> None:
    """Raise `requireloginerror` unless the caller may enter the course."""
    if not may_enter(site, caller, course):
        raise login_required()


def enter_context(site: Site, caller: Caller, course_id: int) -> Course:
    """Return a course that the caller may enter, or raise `errorcoursecontextnotvalid`."""
    reason: MoodleError
    course = site.courses.get(course_id)
    if course is None:
        reason = invalid_parameter("Context does not exist")
    elif not may_enter(site, caller, course):
        reason = login_required()
    else:
        return course
    raise context_error("course", course_id, reason)


def existing_course(site: Site, course_id: int) -> Course:
    """Return a course, or raise `invalidrecord`."""
    course = site.courses.get(course_id)
    if course is None:
        raise missing_record("course")
    return course


def existing_user(site: Site, user_id: int) -> User:
    """Return an account that exists, is not deleted, confirmed and no guest."""
    user = site.users.get(user_id)
    if user is None:
        raise missing_user(user_id)
    if user.deleted:
        raise plain_error("userdeleted")
    if not user.confirmed:
        raise plain_error("usernotconfirmed", f"{user.username} is not confirmed")
    if user.id == GUEST_ID:
        raise plain_error("guestsarenotallowed")
    return user


def is_active(site: Site, course: Course, user_id: int) -> bool:
    """Tell whether an account takes part in a course now."""
    enrolment = course.enrolments.get(user_id)
    return enrolment is not None and enrolment.is_active(site.now())


def active_courses(site: Site, user_id: int) -> list[Course]:
    """Return the courses in which an account takes part and which it may see itself."""
    return [
        course
        for course in site.courses_of(user_id)
        if is_active(site, course, user_id)
        and (course.visible or _sees_hidden(site, course, user_id))
    ]


def contacts_of(site: Site, course: Course) -> list[User]:
    """Return the accounts that a course shows as its contacts: its editing teachers, by id."""
    return [
        site.users[user_id]
        for user_id, roles in sorted(site.course_context(course.id).roles.items())
        if EDITING_TEACHER in roles and is_active(site, course, user_id)
    ]


def _sees_hidden(site: Site, course: Course, user_id: int) -> bool:
    return user_id in site.admins or not _SEE_HIDDEN.isdisjoint(
        site.roles_of(user_id, course.id) | site.roles_of(user_id)
    )
