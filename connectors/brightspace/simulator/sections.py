"""Sections of a course offering, which are set up before there may be any."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.enrollments import check_in_parent
from connectors.brightspace.simulator.errors import not_found, refused
from connectors.brightspace.simulator.groups import PART, read_style, show_group
from connectors.brightspace.simulator.records import NO_TEXT, SECTION, Course, OrgUnit
from connectors.brightspace.simulator.shapes import (
    FLAG,
    NUMBER,
    NUMBER_OR_TEXT,
    check,
    read_rich,
)
from connectors.brightspace.simulator.site import Site
from connectors.brightspace.simulator.units import check_names

_SETTINGS = {
    "EnrollmentStyle": NUMBER_OR_TEXT,
    "EnrollmentQuantity": NUMBER,
    "AutoEnroll": FLAG,
    "RandomizeEnrollments": FLAG,
}


def set_up(call: Call, unit_id: int) -> Answer:
    """Set the sections of a course up and answer their settings."""
    course = call.course(unit_id)
    body = check(call.read(), _SETTINGS)
    course.sections = {
        "Name": "Sections",
        "Description": dict(NO_TEXT),
        **{name: body[name] for name in _SETTINGS},
        "EnrollmentStyle": read_style(body["EnrollmentStyle"], 1, 2),
    }
    return Answer(course.sections)


def list_sections(call: Call, unit_id: int) -> Answer:
    """Answer the sections of a course with their members' ids."""
    course = call.course(unit_id)
    sections = call.site.parts_of(course.id, SECTION)
    return Answer([_show(call.site, section) for section in sections if not section.recycled])


def get_section(call: Call, unit_id: int, section_id: int) -> Answer:
    """Answer one section."""
    return Answer(_show(call.site, _section(call, unit_id, section_id)))


def create_section(call: Call, unit_id: int) -> Answer:
    """Answer a new section without members."""
    course = call.course(unit_id)
    body = check(call.read(), PART)
    check_names(body)
    description = read_rich(body["Description"])
    if course.sections is None:
        raise refused("The sections are not set up.")
    section = add_section(call.site, course, body["Name"], body["Code"])
    section.description = description
    return Answer(_show(call.site, section))


def add_section(site: Site, course: Course, name: str, code: str) -> OrgUnit:
    """Keep a new section."""
    section = OrgUnit(site.take_unit_id(), SECTION, name, code, parents=[course.id])
    site.units[section.id] = section
    return section


def update_section(call: Call, unit_id: int, section_id: int) -> Answer:
    """Replace name, code and description of a section; its members stay."""
    section = _section(call, unit_id, section_id)
    body = check(call.read(), PART)
    check_names(body)
    section.description = read_rich(body["Description"])
    section.name, section.code = body["Name"], body["Code"]
    return Answer(_show(call.site, section))


def delete_section(call: Call, unit_id: int, section_id: int) -> Answer:
    """Delete a section."""
    call.site.remove_unit(_section(call, unit_id, section_id))
    return DONE


def add_member(call: Call, unit_id: int, section_id: int) -> Answer:
    """Put a person who is enrolled in the course into a section, and out of its others."""
    section = _section(call, unit_id, section_id)
    user = call.user(check(call.read(), {"UserId": NUMBER})["UserId"])
    place = check_in_parent(call.site, section, user.id)
    for other in call.site.parts_of(unit_id, SECTION):
        found = call.site.enrollments.find(other.id, user.id)
        if found is not None:
            call.site.enrollments.remove(found)
    call.site.enroll(section.id, user.id, place.role_id)
    return DONE


def _section(call: Call, unit_id: int, section_id: int) -> OrgUnit:
    course, found = call.course(unit_id), call.unit(section_id)
    if found.type_id != SECTION or course.id not in found.parents:
        raise not_found()
    return found


def _show(site: Site, section: OrgUnit) -> dict[str, Any]:
    return show_group(site, section, "SectionId")
