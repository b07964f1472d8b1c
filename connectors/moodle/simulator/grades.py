"""Grades: gradereport_user_get_grade_items and gradereport_overview_get_course_grades."""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.access import (
    enter,
    existing_course,
    existing_user,
    is_active,
)
from connectors.moodle.simulator.database import comparable
from connectors.moodle.simulator.errors import plain_error
from connectors.moodle.simulator.profiles import full_name
from connectors.moodle.simulator.records import Course, User
from connectors.moodle.simulator.site import Caller, Site
from connectors.moodle.simulator.tables import SITE_COURSE_ID, STUDENT

Reply = dict[str, Any]

VIEW_ALL = "moodle/grade:viewall"

_ACTIVITY_ITEMS = 1_000_000


def get_grade_items(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run gradereport_user_get_grade_items: one account's items, or those of every student.

    A course that has grades holds one graded activity, listed before the course total.
    """
    course = existing_course(site, arguments["courseid"])
    enter(site, caller, course)
    caller.require("gradereport/user:view")
    if arguments["userid"]:
        users = [existing_user(site, arguments["userid"])]
    else:
        caller.require(VIEW_ALL)
        users = _students(site, course, arguments["groupid"])
    own = arguments["userid"] == caller.user.id and course.showgrades
    if not (own or caller.has(VIEW_ALL)):
        raise plain_error("nopermissiontoviewgrades", "Cannot view grades.")
    graded = [
        {
            "courseid": course.id,
            "courseidnumber": course.idnumber,
            "userid": user.id,
            "userfullname": full_name(user),
            "useridnumber": user.idnumber,
            "maxdepth": 2,
            "gradeitems": _items(course, user),
        }
        for user in users
    ]
    return {"usergrades": graded, "warnings": []}


def get_course_grades(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run gradereport_overview_get_course_grades: the total of each course of one account."""
    user_id = arguments["userid"] or caller.user.id
    if user_id != caller.user.id:
        existing_user(site, user_id)
        caller.require(VIEW_ALL)
    totals: list[Reply] = []
    for course in site.courses_of(user_id):
        hidden = not (course.visible or caller.has("moodle/course:viewhiddencourses"))
        if hidden or not course.showgrades or course.id == SITE_COURSE_ID:
            continue
        grade = course.grades.get(user_id)
        totals.append(
            {
                "courseid": course.id,
                "grade": f"{grade.raw:.2f}" if grade else "-",
                "rawgrade": f"{grade.raw:.5f}" if grade else None,
            }
        )
    return {"grades": totals, "warnings": []}


def _students(site: Site, course: Course, group_id: int) -> list[User]:
    """Return who takes part as a student now, by name."""
    group = site.groups.get(group_id)
    users = [
        site.users[user_id]
        for user_id in course.enrolments
        if is_active(site, course, user_id)
        and STUDENT in site.roles_of(user_id, course.id)
        and (not group_id or (group is not None and user_id in group.members))
    ]
    database = site.settings.database

    def name(user: User) -> tuple[str, str, int]:
        return comparable(user.lastname, database), comparable(user.firstname, database), user.id

    return sorted(users, key=name)


def _items(course: Course, user: User) -> list[Reply]:
    total = _item(course, user)
    if not course.grades:
        return [total]
    number = _ACTIVITY_ITEMS + course.id
    activity = {"id": number, "itemname": "Assignment", "itemtype": "mod", "itemmodule": "assign"}
    return [total | activity | {"iteminstance": number, "itemnumber": 0}, total]


def _item(course: Course, user: User) -> Reply:
    """Return the course total; one without a grade shows dashes."""
    grade = course.grades.get(user.id)
    highest = _number(course.grademax)
    percentage = 100 * grade.raw / course.grademax if grade and course.grademax else 0
    return {
        "id": course.id,
        "itemname": None,
        "itemtype": "course",
        "itemmodule": None,
        "iteminstance": course.id,
        "itemnumber": None,
        "idnumber": None,
        "categoryid": None,
        "outcomeid": None,
        "scaleid": None,
        "locked": False,
        "graderaw": _number(grade.raw) if grade else None,
        "gradedatesubmitted": None,
        "gradedategraded": grade.timemodified if grade else None,
        "gradehiddenbydate": False,
        "gradeneedsupdate": False,
        "gradeishidden": False,
        "gradeislocked": False,
        "gradeisoverridden": False,
        "gradeformatted": f"{grade.raw:.2f}" if grade else "-",
        "grademin": 0,
        "grademax": highest,
        "rangeformatted": f"0&ndash;{highest}",
        "percentageformatted": f"{percentage:.2f} %" if grade else "-",
        "feedback": "",
        "feedbackformat": 0,
    }


def _number(value: float) -> int | float:
    """Write a whole number without a fraction, as PHP's JSON does."""
    return int(value) if float(value).is_integer() else value
