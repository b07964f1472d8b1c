"""Completion: core_completion_get_course_completion_status, _get_activities_completion_status."""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.access import enter, existing_course, existing_user, is_active
from connectors.moodle.simulator.errors import plain_error
from connectors.moodle.simulator.site import Caller, Site
from connectors.moodle.simulator.tables import STUDENT

Reply = dict[str, Any]

_ALL_CRITERIA = 1
_SELF_COMPLETION = 1


def get_course_completion_status(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_completion_get_course_completion_status: of an active student, by one criterion."""
    course = existing_course(site, arguments["courseid"])
    user = existing_user(site, arguments["userid"])
    enter(site, caller, course)
    own = user.id == caller.user.id
    if not course.enablecompletion or not (own or caller.has("report/completion:view")):
        raise plain_error("cannotviewreport", "Can not view this report")
    if not (is_active(site, course, user.id) and STUDENT in site.roles_of(user.id, course.id)):
        raise plain_error("usernotenroled", "User is not enrolled in this course")
    if not course.criteria:
        raise plain_error("nocriteriaset", "No completion criteria set for this course")
    time = course.completions.get(user.id)
    completed = time is not None
    details = {
        "type": "Self completion",
        "criteria": "Self completion",
        "requirement": "Marking yourself as complete",
        "status": "",
    }
    criterion = {
        "type": _SELF_COMPLETION,
        "title": "Self completion",
        "status": "Yes" if completed else "No",
        "complete": completed,
        "timecompleted": time,
        "details": details,
    }
    status = {"completed": completed, "aggregation": _ALL_CRITERIA, "completions": [criterion]}
    return {"completionstatus": status, "warnings": []}


def get_activities_completion_status(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_completion_get_activities_completion_status: no activity here is tracked."""
    user = existing_user(site, arguments["userid"])
    course = existing_course(site, arguments["courseid"])
    enter(site, caller, course)
    if user.id != caller.user.id:
        caller.require("report/progress:view")
    return {"statuses": [], "warnings": []}
