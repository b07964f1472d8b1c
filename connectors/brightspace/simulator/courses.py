"""Course offerings and course templates."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.errors import not_found, refused
from connectors.brightspace.simulator.records import (
    DEPARTMENT,
    OFFERING,
    SEMESTER,
    TEMPLATE,
    Course,
    OrgUnit,
)
from connectors.brightspace.simulator.shapes import (
    ARRAY,
    FLAG,
    NUMBER,
    NUMBER_OR_NULL,
    OBJECT,
    TEXT,
    TEXT_OR_NULL,
    check,
    check_time,
    read_rich,
)
from connectors.brightspace.simulator.site import Site
from connectors.brightspace.simulator.units import check_names

LOCALE_SINCE = (1, 54)

_LOCALE = {"LocaleId": NUMBER_OR_NULL, "ForceLocale": FLAG, "ShowAddressBook": FLAG}
_DETAILS = {
    "Name": TEXT,
    "Code": TEXT,
    "StartDate": TEXT_OR_NULL,
    "EndDate": TEXT_OR_NULL,
    "Description": OBJECT,
    "CanSelfRegister": FLAG,
}
_CREATED = {
    **_DETAILS,
    **_LOCALE,
    "Path": TEXT,
    "CourseTemplateId": NUMBER,
    "SemesterId": NUMBER_OR_NULL,
}
_UPDATED = {**_DETAILS, "IsActive": FLAG}
_TEMPLATE = {"Name": TEXT, "Code": TEXT, "Path": TEXT, "ParentOrgUnitIds": ARRAY}


def create_course(call: Call) -> Answer:
    """Answer a new course offering below its template and semester."""
    body = check(call.read(), _CREATED)
    times = _check_details(body)
    template = _of_type(call, body["CourseTemplateId"], TEMPLATE)
    semester = None
    if body["SemesterId"] is not None:
        semester = _of_type(call, body["SemesterId"], SEMESTER)
    _check_path(call, body)
    description = read_rich(body["Description"])
    details = {**_pick(body, _LOCALE), "CanSelfRegister": body["CanSelfRegister"], **times}
    details["IsActive"] = call.site.settings.new_courses_active
    course = add_course(call.site, body["Name"], body["Code"], template, semester, details)
    course.description = description
    course.path = body["Path"] or course.path
    return Answer(_show(call.site, course))


def add_course(
    site: Site,
    name: str,
    code: str,
    template: OrgUnit,
    semester: OrgUnit | None,
    details: dict[str, Any],
) -> Course:
    """Keep a new course offering."""
    course = Course(site.take_unit_id(), OFFERING, name, code, parents=[template.id])
    course.path = f"/content/enforced/{course.id}-{code}/"
    course.template_id = template.id
    if semester is not None:
        course.semester_id = semester.id
        course.parents.append(semester.id)
    course.details = details
    site.units[course.id] = course
    return course


def _check_details(body: dict[str, Any]) -> dict[str, Any]:
    check_names(body)
    times = {name: check_time(name, body[name]) for name in ("StartDate", "EndDate")}
    if times["StartDate"] and times["EndDate"] and times["EndDate"] < times["StartDate"]:
        raise refused("The end date is before the start date.")
    return times


def _check_path(call: Call, body: dict[str, Any]) -> None:
    if call.site.settings.path_enforcement and body["Path"]:
        raise refused("The path is set by the system.")


def _of_type(call: Call, unit_id: int, type_id: int) -> OrgUnit:
    found = call.unit(unit_id)
    if found.type_id != type_id:
        raise not_found()
    return found


def _pick(body: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in names}


def get_course(call: Call, unit_id: int) -> Answer:
    """Answer one course offering."""
    return Answer(_show(call.site, call.course(unit_id)))


def update_course(call: Call, unit_id: int) -> Answer:
    """Replace a course offering; a null locale keeps the old one, 0 takes it away."""
    course = call.course(unit_id)
    body = check(call.read(), _UPDATED)
    changes = _check_details(body)
    description = read_rich(body["Description"])
    if call.version >= LOCALE_SINCE:
        locale = _pick(check(body, _LOCALE), _LOCALE)
        if locale["LocaleId"] is None:
            del locale["LocaleId"]
        elif locale["LocaleId"] == 0:
            locale["LocaleId"] = None
        changes |= locale
    changes |= {name: body[name] for name in ("IsActive", "CanSelfRegister")}
    course.name, course.code, course.description = body["Name"], body["Code"], description
    course.details |= changes
    return DONE


def delete_course(call: Call, unit_id: int) -> Answer:
    """Put a course offering into the recycle bin."""
    call.course(unit_id).recycled = True
    return DONE


def _show(site: Site, course: Course) -> dict[str, Any]:
    details = course.details
    template = site.units.get(course.template_id)
    above = [site.units[parent] for parent in template.parents] if template else []
    department = next((unit for unit in above if unit.type_id == DEPARTMENT), None)
    semester = None if course.semester_id is None else site.units.get(course.semester_id)
    return {
        "Identifier": str(course.id),
        "Name": course.name,
        "Code": course.code,
        "IsActive": details["IsActive"],
        "Path": course.path,
        "StartDate": details["StartDate"],
        "EndDate": details["EndDate"],
        "LocaleId": details["LocaleId"],
        "ForceLocale": details["ForceLocale"],
        "CourseTemplate": _show_basic(template),
        "Semester": _show_basic(semester),
        "Department": _show_basic(department),
        "Description": course.description,
        "CanSelfRegister": details["CanSelfRegister"],
        "ShowAddressBook": details["ShowAddressBook"],
    }


def _show_basic(unit: OrgUnit | None) -> dict[str, Any] | None:
    if unit is None or unit.recycled:
        return None
    return {"Identifier": str(unit.id), "Name": unit.name, "Code": unit.code}


def create_template(call: Call) -> Answer:
    """Answer a new course template below its departments."""
    body = check(call.read(), _TEMPLATE)
    check_names(body)
    _check_path(call, body)
    parents = [_of_type(call, parent, DEPARTMENT).id for parent in body["ParentOrgUnitIds"]]
    unit = OrgUnit(call.site.take_unit_id(), TEMPLATE, body["Name"], body["Code"], "", parents)
    unit.path = body["Path"] or f"/content/{unit.code}/"
    call.site.units[unit.id] = unit
    return Answer(_show_template(unit))


def get_template(call: Call, unit_id: int) -> Answer:
    """Answer one course template."""
    return Answer(_show_template(_of_type(call, unit_id, TEMPLATE)))


def update_template(call: Call, unit_id: int) -> Answer:
    """Change the name and the code of a course template."""
    unit = _of_type(call, unit_id, TEMPLATE)
    body = check(call.read(), {"Name": TEXT, "Code": TEXT})
    check_names(body)
    unit.name, unit.code = body["Name"], body["Code"]
    return DONE


def delete_template(call: Call, unit_id: int) -> Answer:
    """Put a course template into the recycle bin."""
    _of_type(call, unit_id, TEMPLATE).recycled = True
    return DONE


def _show_template(unit: OrgUnit) -> dict[str, Any]:
    return {
        "Identifier": str(unit.id),
        "Name": unit.name,
        "Code": unit.code,
        "Path": unit.path,
    }
