"""What people have reached in courses: Moodle's course totals and completion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.mapping import Native, Resource
from connectors.moodle.client import MoodleClient, MoodleError

GRADES = "gradereport_user_get_grade_items"
COMPLETION = "core_completion_get_course_completion_status"

_NOT_FOLLOWED = ("nocriteriaset", "cannotviewreport")
"""The course has no criteria for completion, or does not follow it."""
_NO_STUDENT = ("usernotenroled", "notenroled")
"""The person, or the account itself, does not take part as a student now."""


def add_scores(client: MoodleClient, memberships: Sequence[Resource]) -> None:
    """Fill in the course totals, in one call a course; Moodle lists those of active students.

    Who has no score yet has no maximum either.
    """
    totals: dict[str, dict[str, Native]] = {}
    for course in dict.fromkeys(membership["courseId"] for membership in memberships):
        graded = client.look(GRADES, {"courseid": course, "userid": 0})["usergrades"]
        totals[course] = {str(one["userid"]): _total(one["gradeitems"]) for one in graded}
    for membership in memberships:
        total = totals[membership["courseId"]].get(membership["userId"], {})
        if total.get("graderaw") is not None:
            membership["score"] = total["graderaw"]
            membership["scoreMaximum"] = total["grademax"]


def add_completion(client: MoodleClient, memberships: Iterable[Resource]) -> None:
    """Fill in who has completed the course: a call each, where the course follows it at all."""
    passed_over: set[str] = set()
    for membership in memberships:
        course = membership["courseId"]
        if course in passed_over:
            continue
        pair = {"courseid": course, "userid": membership["userId"]}
        try:
            status: dict[str, Any] = client.look(COMPLETION, pair)["completionstatus"]
        except MoodleError as error:
            if error.code in _NOT_FOLLOWED:
                passed_over.add(course)
            elif error.code not in _NO_STUDENT:
                raise
            continue
        membership["completed"] = bool(status["completed"])


def _total(items: Iterable[Native]) -> Native:
    return next((item for item in items if item["itemtype"] == "course"), {})
