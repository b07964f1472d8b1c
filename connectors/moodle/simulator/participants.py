"""Who is in a course: core_enrol_get_enrolled_users, core_user_get_course_user_profiles."""

from __future__ import annotations

import re
from typing import Any

from connectors.moodle.simulator.access import (
    active_courses,
    enter,
    enter_context,
    existing_course,
    is_active,
)
from connectors.moodle.simulator.database import comparable
from connectors.moodle.simulator.errors import coding_error, invalid_parameter, plain_error
from connectors.moodle.simulator.groups import by_name
from connectors.moodle.simulator.profiles import Viewer
from connectors.moodle.simulator.records import Course, Group, User
from connectors.moodle.simulator.replies import format_html, format_line
from connectors.moodle.simulator.site import GUEST_ID, Caller, Site
from connectors.moodle.simulator.tables import ROLES, SITE_COURSE_ID

Reply = dict[str, Any]

_FIELDS = (
    "id",
    "username",
    "firstname",
    "lastname",
    "fullname",
    "email",
    "address",
    "phone1",
    "phone2",
    "department",
    "institution",
    "idnumber",
    "interests",
    "firstaccess",
    "lastaccess",
    "lastcourseaccess",
    "description",
    "descriptionformat",
    "city",
    "country",
    "profileimageurlsmall",
    "profileimageurl",
    "customfields",
    "groups",
    "roles",
    "preferences",
    "enrolledcourses",
)
"""What get_enrolled_users returns, in its order."""
_SELECTABLE = frozenset(_FIELDS) | {
    "auth",
    "confirmed",
    "suspended",
    "lang",
    "theme",
    "timezone",
    "mailformat",
    "trackforums",
}
_SORTS = ("id", "firstname", "lastname", "siteorder")
_HOLDERS = {
    "moodle/course:update": {1, 3},
    "moodle/course:managegroups": {1, 3},
    "moodle/course:manageactivities": {1, 3},
    "moodle/course:viewhiddencourses": {1, 3, 4},
    "moodle/course:viewparticipants": {1, 3, 4, 5},
    "moodle/grade:viewall": {1, 3, 4},
    "moodle/grade:view": {5},
    "moodle/course:isincompletionreports": {5},
    "mod/assign:submit": {5},
    "mod/assign:grade": {1, 3, 4},
    "enrol/manual:enrol": {1, 3},
}
"""The roles that hold a capability, for the few that a client would ask for."""


def get_enrolled_users(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_enrol_get_enrolled_users: unknown options are ignored, a page has no total."""
    options = {option["name"]: option["value"] for option in arguments.get("options", ())}
    sort, descending = _read_sort(options)
    course = existing_course(site, arguments["courseid"])
    enter_context(site, caller, course.id)
    at_site = course.id == SITE_COURSE_ID
    caller.require("moodle/site:viewparticipants" if at_site else "moodle/course:viewparticipants")
    active, suspended = (_given(options, name) for name in ("onlyactive", "onlysuspended"))
    capability, group_id = options.get("withcapability", ""), _as_int(options.get("groupid", "0"))
    if capability:
        caller.require("moodle/role:review")
    group = site.groups.get(group_id)
    if group_id and not (group and caller.user.id in group.members):
        caller.require("moodle/site:accessallgroups")
    if active or suspended:
        caller.require("moodle/course:enrolreview")
    if active and suspended:
        raise coding_error(
            "Both onlyactive and onlysuspended are set, this is probably not what you want!"
        )
    found = [
        user
        for user in _participants(site, course)
        if (not (active or suspended) or is_active(site, course, user.id) == active)
        and (not group_id or (group is not None and user.id in group.members))
        and (not capability or _holds(site, course, user.id, capability))
    ]
    found.sort(key=lambda user: _sort_key(site, user, sort), reverse=descending)
    start = max(_as_int(options.get("limitfrom", "0")), 0)
    size = _as_int(options.get("limitnumber", "0"))
    page = found[start : start + size if size > 0 else None]
    return _describe_page(site, caller, course, page, options.get("userfields", ""))


def get_course_user_profiles(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_user_get_course_user_profiles: profiles by id, each seen in its course."""
    wanted = {
        values["userid"]: existing_course(site, values["courseid"])
        for values in arguments["userlist"]
    }
    viewer = Viewer(site, caller)
    described: list[Reply] = []
    for user_id, course in sorted(wanted.items()):
        user = site.users.get(user_id)
        if user is None or user.deleted:
            continue
        enter(site, caller, course)
        if viewer.sees(user):
            described.append(
                viewer.describe(user)
                | _groups_in(site, caller, user, by_name(site, site.groups_of(course.id)))
                | {
                    "roles": _roles_in(site, course, user),
                    "enrolledcourses": _courses_of(site, caller, user),
                }
            )
    return described


def _describe_page(
    site: Site, caller: Caller, course: Course, page: list[User], chosen: str
) -> list[Reply]:
    fields = [re.sub(r"[^A-Za-z0-9_-]", "", name) for name in chosen.split(",")] if chosen else []
    wanted = {"id", "fullname", *(fields or _FIELDS)}
    groups = by_name(site, site.groups_of(course.id)) if "groups" in wanted else []
    viewer = Viewer(site, caller)
    described: list[Reply] = []
    for user in page:
        if not viewer.sees(user):
            continue
        for name in fields:
            if name not in _SELECTABLE:
                raise plain_error("invaliduserfield", f"Invalid user field: {name}")
        seen = viewer.describe(user) | {"lastcourseaccess": 0}
        for custom in seen.get("customfields", ()):
            del custom["displayvalue"]
        seen |= _groups_in(site, caller, user, groups)
        if "roles" in wanted:
            seen["roles"] = _roles_in(site, course, user)
        if "enrolledcourses" in wanted and (courses := _courses_of(site, caller, user)):
            seen["enrolledcourses"] = courses
        described.append({name: seen[name] for name in _FIELDS if name in wanted and name in seen})
    return described


def _participants(site: Site, course: Course) -> list[User]:
    if course.id == SITE_COURSE_ID:
        return [user for user in site.users.values() if not user.deleted and user.id != GUEST_ID]
    return [site.users[user_id] for user_id in course.enrolments]


def _given(options: dict[str, str], name: str) -> bool:
    return options.get(name, "") not in ("", "0")


def _as_int(value: str) -> int:
    number = re.match(r"\s*([+-]?\d+)", value)
    return int(number[1]) if number else 0


def _read_sort(options: dict[str, str]) -> tuple[str, bool]:
    sort, direction = options.get("sortby", "id"), options.get("sortdirection", "ASC").upper()
    if sort not in _SORTS:
        raise invalid_parameter(
            f"Invalid value for sortby parameter (value: {sort}), "
            f"allowed values are: {', '.join(_SORTS)}"
        )
    if direction not in ("ASC", "DESC"):
        raise invalid_parameter(
            f"Invalid value for sortdirection parameter (value: {direction}), "
            "allowed values are: ASC, DESC"
        )
    return sort, direction == "DESC"


def _sort_key(site: Site, user: User, sort: str) -> tuple[str | int, ...]:
    database = site.settings.database
    match sort:
        case "id":
            return (user.id,)
        case "siteorder":
            names = (comparable(user.lastname, database), comparable(user.firstname, database))
            return (*names, user.id)
        case _:
            return (comparable(getattr(user, sort), database), user.id)


def _holds(site: Site, course: Course, user_id: int, capability: str) -> bool:
    held = site.roles_of(user_id, course.id) | site.roles_of(user_id)
    return not held.isdisjoint(_HOLDERS.get(capability, ()))


def _groups_in(site: Site, caller: Caller, user: User, groups: list[Group]) -> Reply:
    """Return the `groups` of a profile; without any the field is missing."""
    if not caller.has("moodle/site:accessallgroups"):
        return {}
    shown = [
        {
            "id": group.id,
            "name": format_line(group.name, caller.raw),
            "description": format_html(group.description, caller.raw),
            "descriptionformat": group.descriptionformat,
        }
        for group in groups
        if user.id in group.members
    ]
    return {"groups": shown} if shown else {}


def _roles_in(site: Site, course: Course, user: User) -> list[Reply]:
    return [
        {"roleid": role, "name": "", "shortname": ROLES[role], "sortorder": 0}
        for role in sorted(site.roles_of(user.id, course.id))
    ]


def _courses_of(site: Site, caller: Caller, user: User) -> list[Reply]:
    return [
        {
            "id": course.id,
            "fullname": format_line(course.fullname, caller.raw),
            "shortname": format_line(course.shortname, caller.raw),
        }
        for course in active_courses(site, user.id)
    ]
