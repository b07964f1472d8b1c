"""Writing courses: core_course_create_courses, _update_courses, _delete_courses."""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.access import enter
from connectors.moodle.simulator.database import COURSE_COLUMNS, check_lengths, comparable
from connectors.moodle.simulator.errors import (
    MoodleError,
    context_error,
    invalid_parameter,
    missing_record,
    plain_error,
)
from connectors.moodle.simulator.parameters import PHP_BLANKS
from connectors.moodle.simulator.records import Context, Course
from connectors.moodle.simulator.site import Caller, Site, Transaction
from connectors.moodle.simulator.tables import SITE_COURSE_ID, context_id

Reply = dict[str, Any]

_DAY = 86_400
_LENGTH = 365 * _DAY
_NOT_COLUMNS = ("id", "categoryid", "forcetheme", "courseformatoptions", "customfields")
_CHANGE_RIGHTS = {
    "categoryid": "changecategory",
    "fullname": "changefullname",
    "shortname": "changeshortname",
    "idnumber": "changeidnumber",
    "summary": "changesummary",
    "summaryformat": "changesummary",
    "visible": "visibility",
    "lang": "setforcedlanguage",
}


def create_courses(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_course_create_courses: one transaction."""
    created: list[Reply] = []
    with site.transaction() as changes:
        for values in arguments["courses"]:
            category = values["categoryid"]
            if category not in site.categories:
                reason = invalid_parameter("Context does not exist")
                raise context_error("category", category, reason)
            caller.require("moodle/course:create")
            _check_names(values)
            _check_language(site, values)
            today = site.now() // _DAY * _DAY
            columns = {"startdate": today, "enddate": today + _LENGTH, **_columns(values)}
            if not caller.has("moodle/course:visibility"):
                columns["visible"] = site.categories[category].visible
            if not caller.has("moodle/course:setforcedlanguage"):
                columns.pop("lang", None)
            _check_unique(site, columns)
            _check_dates(columns["startdate"], columns["enddate"])
            check_lengths(COURSE_COLUMNS, columns)
            now = site.now()
            course = Course(
                id=site.take_id("course"),
                category=category,
                rank=site.take_rank(),
                timecreated=now,
                timemodified=now,
                **columns,
            )
            changes.insert(site.courses, course)
            context = Context(context_id("course", course.id), "course", course.id)
            changes.insert(site.contexts, context)
            created.append({"id": course.id, "shortname": course.shortname})
    return created


def update_courses(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_course_update_courses: a transaction an element, failures as warnings."""
    warnings: list[Reply] = []
    for values in arguments["courses"]:
        try:
            with site.transaction() as changes:
                _update(site, caller, changes, values)
        except MoodleError as error:
            warnings.append(_warning(values["id"], error.errorcode, error.message))
    return {"warnings": warnings}


def delete_courses(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_course_delete_courses: what cannot be deleted becomes a warning."""
    warnings: list[Reply] = []
    for course_id in arguments["courseids"]:
        course = site.courses.get(course_id)
        if course is None:
            code, message = "unknowncourseidnumber", f"Unknown course ID {course_id}"
        elif course.id == SITE_COURSE_ID:
            code, message = "cannotdeletecategorycourse", "Course 1 failed to be deleted"
        else:
            enter(site, caller, course)
            if caller.has("moodle/course:delete"):
                _delete(site, course)
                continue
            code = "cannotdeletecourse"
            message = f"You do not have the permission to delete this course{course_id}"
        warnings.append(_warning(course_id, code, message))
    return {"warnings": warnings}


def _update(site: Site, caller: Caller, changes: Transaction, values: Reply) -> None:
    course = site.courses.get(values["id"])
    if course is None:
        raise missing_record("course")
    enter(site, caller, course)
    caller.require("moodle/course:update")
    for name, right in _CHANGE_RIGHTS.items():
        stored = course.category if name == "categoryid" else getattr(course, name)
        if name in values and values[name] != stored:
            caller.require(f"moodle/course:{right}")
    _check_names(values)
    _check_language(site, values)
    columns = _columns(values)
    _check_unique(site, columns, course)
    _check_dates(columns.get("startdate", course.startdate), columns.get("enddate", course.enddate))
    check_lengths(COURSE_COLUMNS, columns)
    category = values.get("categoryid", course.category)
    if category != course.category:
        if category not in site.categories:
            raise missing_record("course_categories")
        columns |= {"category": category, "rank": site.take_rank(first=False)}
    changes.change(course)
    for name, value in columns.items():
        setattr(course, name, value)
    course.timemodified = site.now()


def _delete(site: Site, course: Course) -> None:
    """Take a course away, with its groups and the roles given in it."""
    with site.transaction() as changes:
        for group in site.groups_of(course.id):
            changes.remove(site.groups, group)
        changes.remove(site.contexts, site.course_context(course.id))
        changes.remove(site.courses, course)


def _columns(values: Reply) -> Reply:
    columns = {name: value for name, value in values.items() if name not in _NOT_COLUMNS}
    if "visible" in columns:
        columns["visible"] = int(bool(columns["visible"]))
    return columns


def _check_names(values: Reply) -> None:
    for name in ("fullname", "shortname"):
        if name in values and not values[name].strip(PHP_BLANKS):
            raise _bad(name)


def _check_language(site: Site, values: Reply) -> None:
    if values.get("lang") and values["lang"] not in site.settings.languages:
        raise _bad("lang")


def _check_unique(site: Site, columns: Reply, course: Course | None = None) -> None:
    """Refuse a short name or a filled idnumber that another course holds."""
    database = site.settings.database
    for name, code, title in (
        ("shortname", "shortnametaken", "Short name"),
        ("idnumber", "courseidnumbertaken", "ID number"),
    ):
        value = columns.get(name, "")
        if value in ("", "0") or (course and value == getattr(course, name)):
            continue
        wanted = comparable(value, database)
        if any(
            comparable(getattr(other, name), database) == wanted
            for other in site.courses.values()
            if other is not course
        ):
            raise plain_error(code, f"{title} is already used for another course ({value})")


def _check_dates(start: int, end: int) -> None:
    if start and end and end < start:
        raise plain_error(
            "enddatebeforestartdate", "The course end date must be after the start date."
        )
    if end and not start:
        raise plain_error("nostartdate", "The course has an end date but no start date.")


def _bad(name: str) -> MoodleError:
    return plain_error("errorinvalidparam", f'The param "{name}" is invalid.')


def _warning(course_id: int, code: str, message: str) -> Reply:
    return {"item": "course", "itemid": course_id, "warningcode": code, "message": message}
