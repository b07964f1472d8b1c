"""Reading courses: core_course_get_courses, _get_courses_by_field, _search_courses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from connectors.moodle.simulator.access import contacts_of, enter_context, is_active, may_enter
from connectors.moodle.simulator.database import comparable, like, lower
from connectors.moodle.simulator.errors import invalid_parameter
from connectors.moodle.simulator.parameters import strip_tags
from connectors.moodle.simulator.profiles import full_name
from connectors.moodle.simulator.records import Course
from connectors.moodle.simulator.replies import format_html, format_line
from connectors.moodle.simulator.site import Caller, Site
from connectors.moodle.simulator.tables import SITE_COURSE_ID, context_id

Reply = dict[str, Any]

_SEE_HIDDEN = ("moodle/course:viewhiddencourses", "moodle/course:update")
_MANAGERS_FIELDS = frozenset(
    {"idnumber", "legacyfiles", "calendartype", "timecreated", "timemodified", "requested"}
    | {"cacherev"}
)
_FILTERS = (
    "displayh5p",
    "activitynames",
    "mathjaxloader",
    "emoticon",
    "urltolink",
    "mediaplugin",
)
_LEADING_INT = re.compile(r"\s*([+-]?\d+)")
_SECTION_OFFSET = 1


def get_courses(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_course_get_courses: no ids means all, the site's own too; unknown ones are missing.

    One course that the caller may not enter fails the call.
    """
    ids = arguments.get("options", {}).get("ids") or site.courses
    order = site.course_order()
    listed: list[Reply] = []
    for course_id in sorted(site.courses.keys() & set(ids)):
        course = enter_context(site, caller, course_id)
        if course.id != SITE_COURSE_ID:
            caller.require("moodle/course:view")
        listed.append(_describe(caller, course, order[course.id]))
    return listed


def get_courses_by_field(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_course_get_courses_by_field: equality; no field means every course."""
    test = _field_test(site, arguments["field"], arguments["value"])
    order = site.course_order()
    listed: list[Reply] = []
    for _, course in sorted(site.courses.items()):
        if not test(course) or not (course.visible or caller.has(*_SEE_HIDDEN)):
            continue
        shown = describe_publicly(site, caller, course, order[course.id])
        if may_enter(site, caller, course):
            shown |= _more_fields(caller, course)
        listed.append(shown)
    return {"courses": listed, "warnings": []}


def search_courses(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_course_search_courses: every word somewhere in the names, idnumber or summary."""
    criterion = arguments["criterianame"]
    if criterion not in ("search", "modulelist", "blocklist", "tagid"):
        raise invalid_parameter(f"Invalid criteria name: {criterion}")
    if criterion in ("modulelist", "blocklist"):
        caller.require("moodle/site:config")
    words = arguments["criteriavalue"].split()
    order = site.course_order()
    found = [
        course
        for course in sorted(site.courses.values(), key=lambda course: order[course.id])
        if course.id != SITE_COURSE_ID
        and criterion == "search"
        and (course.visible or caller.has("moodle/course:viewhiddencourses"))
        and (course.enablecompletion or not arguments["onlywithcompletion"])
        and caller_has_all(caller, arguments.get("requiredcapabilities", ()))
        and _has_words(course, words)
    ]
    total = len(found)
    if size := arguments["perpage"]:
        start = arguments["page"] * size
        found = found[max(start, 0) : max(start + size, 0)]
    if arguments["limittoenrolled"]:
        shown = [course for course in found if is_active(site, course, caller.user.id)]
        total -= len(found) - len(shown)
        found = shown
    return {
        "total": total,
        "courses": [describe_publicly(site, caller, c, order[c.id]) for c in found],
        "warnings": [],
    }


def caller_has_all(caller: Caller, capabilities: Iterable[str]) -> bool:
    """Tell whether the caller has each of the capabilities."""
    return all(caller.has(capability) for capability in capabilities)


def course_image(site: Site, course: Course) -> str:
    """Return the address of the picture that Moodle draws for a course without one."""
    context = context_id("course", course.id)
    return f"{site.settings.site_url}/pluginfile.php/{context}/course/generated/course.svg"


def shows_conditions(course: Course) -> bool | None:
    """Return `showcompletionconditions`, which the site's own course has as null."""
    return None if course.format == "site" else True


def describe_publicly(site: Site, caller: Caller, course: Course, order: int) -> Reply:
    """Return what everybody sees of a course."""
    category = site.categories.get(course.category)
    fullname = format_line(course.fullname, caller.raw)
    return {
        "id": course.id,
        "fullname": fullname,
        "displayname": fullname,
        "shortname": format_line(course.shortname, caller.raw),
        "courseimage": course_image(site, course),
        "categoryid": course.category,
        "categoryname": format_line(category.name, caller.raw) if category else "",
        "sortorder": order,
        "summary": format_html(course.summary, caller.raw),
        "summaryformat": course.summaryformat,
        "summaryfiles": [],
        "overviewfiles": [],
        "showactivitydates": course.format != "site",
        "showcompletionconditions": shows_conditions(course),
        "contacts": [
            {"id": user.id, "fullname": full_name(user)} for user in contacts_of(site, course)
        ],
        "enrollmentmethods": ["manual"] if course.manual else [],
    }


def _field_test(site: Site, field: str, value: str) -> Callable[[Course], bool]:
    match field:
        case "":
            return lambda course: True
        case "id":
            wanted = _as_int(value)
            return lambda course: course.id == wanted
        case "ids":
            ids = {int(part) for part in re.sub(r"[^0-9,]", "", value).split(",") if part}
            return lambda course: course.id in ids
        case "category":
            wanted = _as_int(value)
            return lambda course: course.category == wanted
        case "sectionid":
            wanted = _as_int(value) + _SECTION_OFFSET
            return lambda course: course.id == wanted and course.id != SITE_COURSE_ID
        case "shortname" | "idnumber":
            database = site.settings.database
            text = comparable(strip_tags(value) if field == "shortname" else value, database)
            return lambda course: comparable(getattr(course, field), database) == text
        case _:
            raise invalid_parameter("Invalid field name")


def _as_int(value: str) -> int:
    number = _LEADING_INT.match(value)
    return int(number[1]) if number else 0


def _has_words(course: Course, words: Iterable[str]) -> bool:
    text = lower(f"{course.summary} {course.fullname} {course.idnumber} {course.shortname}")
    return all(like(f"%{word}%").fullmatch(text) for word in words)


def _format_options(course: Course, indentation: bool) -> list[Reply]:
    if course.format == "site":
        return [{"name": "numsections", "value": course.numsections}]
    options: list[Reply] = [
        {"name": "hiddensections", "value": course.hiddensections},
        {"name": "coursedisplay", "value": 0},
    ]
    return [*options, {"name": "indentation", "value": "1"}] if indentation else options


def _describe(caller: Caller, course: Course, order: int) -> Reply:
    """Return a course as get_courses shows it: less to who may not update it."""
    site_course = course.format == "site"
    updates = caller.has("moodle/course:update")
    fullname = format_line(course.fullname, caller.raw)
    shown: Reply = {
        "id": course.id,
        "shortname": format_line(course.shortname, caller.raw),
        "categoryid": course.category,
        "categorysortorder": order,
        "fullname": fullname,
        "displayname": fullname,
        "idnumber": course.idnumber,
        "summary": format_html(course.summary, caller.raw),
        "summaryformat": course.summaryformat,
        "format": course.format,
        "showgrades": course.showgrades,
        "newsitems": course.newsitems,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "numsections": course.numsections,
        "maxbytes": course.maxbytes,
        "showreports": course.showreports,
        "visible": course.visible,
        "hiddensections": course.hiddensections,
        "groupmode": course.groupmode,
        "groupmodeforce": course.groupmodeforce,
        "defaultgroupingid": course.defaultgroupingid,
        "timecreated": course.timecreated,
        "timemodified": course.timemodified,
        "enablecompletion": course.enablecompletion,
        "completionnotify": course.completionnotify,
        "lang": course.lang,
        "forcetheme": course.theme,
        "courseformatoptions": _format_options(course, indentation=False),
        "showactivitydates": not site_course,
        "showcompletionconditions": shows_conditions(course),
    }
    if site_course:
        del shown["hiddensections"]
    return shown if updates else {name: shown[name] for name in _PLAIN_FIELDS}


_PLAIN_FIELDS = (
    "id",
    "shortname",
    "categoryid",
    "fullname",
    "displayname",
    "summary",
    "summaryformat",
    "format",
    "startdate",
    "enddate",
    "showactivitydates",
    "showcompletionconditions",
)


def _more_fields(caller: Caller, course: Course) -> Reply:
    """Return what get_courses_by_field adds for who may enter the course."""
    fields: Reply = {
        "idnumber": course.idnumber,
        "format": course.format,
        "showgrades": course.showgrades,
        "newsitems": course.newsitems,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "maxbytes": course.maxbytes,
        "showreports": course.showreports,
        "visible": course.visible,
        "groupmode": course.groupmode,
        "groupmodeforce": course.groupmodeforce,
        "defaultgroupingid": course.defaultgroupingid,
        "enablecompletion": course.enablecompletion,
        "completionnotify": course.completionnotify,
        "lang": course.lang,
        "theme": course.theme,
        "marker": 0,
        "legacyfiles": 0,
        "calendartype": "",
        "timecreated": course.timecreated,
        "timemodified": course.timemodified,
        "requested": 0,
        "cacherev": course.timemodified,
        "filters": [{"filter": name, "localstate": 0, "inheritedstate": 1} for name in _FILTERS],
    }
    if course.format != "site":
        fields["courseformatoptions"] = _format_options(course, indentation=True)
    if caller.has("moodle/course:update"):
        return fields
    return {name: value for name, value in fields.items() if name not in _MANAGERS_FIELDS}
