"""Sections of courses."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import read_time, write_time
from connectors.canvas.simulator.errors import invalid
from connectors.canvas.simulator.ids import find_course, find_section
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Course, Section
from connectors.canvas.simulator.site import Site


def show_section(call: Call, section: Section) -> Json:
    """Return a section as answers show it."""
    body: Json = {
        "id": section.id,
        "course_id": section.course_id,
        "name": section.name,
        "start_at": write_time(section.start_at),
        "end_at": write_time(section.end_at),
        "created_at": write_time(section.created_at),
        "restrict_enrollments_to_section_dates": section.restrict,
        "nonxlist_course_id": None,
    }
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body |= {
            "sis_section_id": section.sis_section_id,
            "sis_course_id": call.site.courses[section.course_id].sis_course_id,
            "integration_id": section.integration_id,
            "sis_import_id": None,
        }
    if call.includes("total_students"):
        rows = call.site.enrollments.find("section_id", section.id)
        body["total_students"] = sum(
            row.state == "active" and call.site.roles[row.role_id].base == "StudentEnrollment"
            for row in rows
        )
    return body


def sections_of(site: Site, course: Course) -> list[Section]:
    """Return the sections of a course that are not deleted."""
    return [row for row in site.sections.find("course_id", course.id) if row.state != "deleted"]


def default_section(site: Site, course: Course) -> Section:
    """Return the first section of a course, making one with its name if there is none."""
    found = sections_of(site, course)
    if found:
        return found[0]
    made = Section(site.sections.take_id(), course.id, course.name, site.clock.now())
    return site.sections.put(made)


def list_sections(call: Call, course_slot: str) -> Answer:
    """Return the sections of a course."""
    course = find_course(call, course_slot)
    rows = sections_of(call.site, course)
    return answer_page(call, rows, lambda row: show_section(call, row))


def get_section(call: Call, slot: str) -> Answer:
    """Return one section."""
    return Answer(show_section(call, find_section(call, slot)))


def create_section(call: Call, course_slot: str) -> Answer:
    """Add a section to a course."""
    course = find_course(call, course_slot)
    call.require(permissions.MANAGE_COURSES)
    section = Section(call.site.sections.take_id(), course.id, course.name, call.now)
    _apply(call, section, call.params.sub("course_section"))
    return Answer(show_section(call, call.site.sections.put(section)))


def edit_section(call: Call, slot: str) -> Answer:
    """Change a section."""
    section = find_section(call, slot)
    call.require(permissions.MANAGE_COURSES)
    _apply(call, section, call.params.sub("course_section"))
    return Answer(show_section(call, call.site.sections.put(section)))


def _apply(call: Call, section: Section, given: Params) -> None:
    sis_id = given.filled("sis_section_id")
    taken = call.site.sections.find("sis_section_id", sis_id) if sis_id else []
    if any(row.id != section.id for row in taken):
        raise invalid("sis_source_id", "taken", f'SIS ID "{sis_id}" is already in use')
    section.name = given.filled("name") or section.name
    for name in ("sis_section_id", "integration_id"):
        if name in given:
            setattr(section, name, given.filled(name))
    for name in ("start_at", "end_at"):
        if name in given:
            setattr(section, name, read_time(given.text(name)))
    if "restrict_enrollments_to_section_dates" in given:
        section.restrict = given.flag("restrict_enrollments_to_section_dates")


def delete_section(call: Call, slot: str) -> Answer:
    """Delete a section that nobody is in."""
    section = find_section(call, slot)
    call.require(permissions.MANAGE_COURSES)
    rows = call.site.enrollments.find("section_id", section.id)
    if any(row.state not in ("deleted", "rejected") for row in rows):
        raise invalid("base", "invalid", "You can't delete a section that has enrollments")
    section.state = "deleted"
    return Answer(show_section(call, section))
