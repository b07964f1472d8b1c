"""Final grades, which are only read here."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.calls import Answer, Call
from connectors.brightspace.simulator.clock import write_time
from connectors.brightspace.simulator.errors import malformed, not_found
from connectors.brightspace.simulator.paging import answer_objects
from connectors.brightspace.simulator.people import is_searchable, show_composite
from connectors.brightspace.simulator.records import NO_TEXT
from connectors.brightspace.simulator.site import OWN_USER

LARGEST_PAGE = 200
FINAL_CALCULATED = 7


def get_final_grade(call: Call, unit_id: int, user_id: int) -> Answer:
    """Answer a person's final grade; there may be no value yet."""
    call.course(unit_id)
    found = _show(call, unit_id, user_id)
    if found is None:
        raise not_found()
    return Answer(found)


def list_final_grades(call: Call, unit_id: int) -> Answer:
    """Answer a page of the final grades of those whose role is shown in grades."""
    call.course(unit_id)
    graded = call.flag("isgraded")
    rows = []
    for user_id, row in call.site.enrollments.of_unit(unit_id).items():
        user = call.site.users[user_id]
        shown = call.site.roles[row.role_id].body["ShowInGrades"] and is_searchable(call, user)
        value = _show(call, unit_id, user_id)
        if shown and (graded is None or graded == (value is not None)):
            body = {"User": show_composite(call, user), "GradeValue": value}
            rows.append(((user.display_name, user.id), body))
    return answer_objects(call, rows, _page_size(call))


def _page_size(call: Call) -> int:
    given = call.args.get("pagesize")
    if not given:
        return call.site.settings.object_page_size
    if not (given.isascii() and given.isdigit() and int(given)):
        raise malformed("Invalid value for pageSize")
    return min(int(given), LARGEST_PAGE)


def _show(call: Call, unit_id: int, user_id: int) -> dict[str, Any] | None:
    grade = call.site.grades.get((unit_id, user_id))
    if grade is None or call.site.enrollments.find(unit_id, user_id) is None:
        return None
    points, out_of = grade["points"], grade["out_of"]
    return {
        "UserId": user_id,
        "OrgUnitId": unit_id,
        "DisplayedGrade": f"{100 * points / out_of:.0f} %",
        "GradeObjectIdentifier": str(unit_id * 10),
        "GradeObjectName": "Final Calculated Grade",
        "GradeObjectType": FINAL_CALCULATED,
        "GradeObjectTypeName": "Final Calculated",
        "Comments": dict(NO_TEXT),
        "PrivateComments": dict(NO_TEXT),
        "LastModified": write_time(grade["modified"]),
        "LastModifiedBy": OWN_USER,
        "ReleasedDate": None,
        "PointsNumerator": points,
        "PointsDenominator": out_of,
        "WeightedNumerator": None,
        "WeightedDenominator": None,
    }
