"""What a site has before anyone uses it: data sources, terms, roles and the first accounts."""

from __future__ import annotations

from typing import Any

from connectors.blackboard.simulator.records import Record, Role
from connectors.blackboard.simulator.site import FIRST_USER, SYSTEM_ADMIN, Site
from connectors.blackboard.simulator.tables import Table
from connectors.blackboard.simulator.terms import add_term
from connectors.blackboard.simulator.users import add_user

FIRST_OWN_SOURCE = 7
FIRST_CUSTOM_INSTITUTION_ROLE = 21
FIRST_CUSTOM_SYSTEM_ROLE = 40
FIRST_CUSTOM_COURSE_ROLE = 60

_SOURCES = (("INTERNAL", "Internal data source"), ("SYSTEM", "System data source"))
_OWN_SOURCES = (("SIS", "Student information system"), ("HR", ""))

_INSTITUTION_ROLES = (
    ("STUDENT", "Student", "Student"),
    ("FACULTY", "Faculty", ""),
    ("STAFF", "Staff", ""),
    ("OBSERVER", "Observer", ""),
    ("ALUMNI", "Alumni", ""),
    ("PROSPECTIVE_STUDENT", "Prospective student", ""),
    ("GUEST", "Guest", ""),
    ("OTHER", "Other", ""),
)
_CUSTOM_INSTITUTION_ROLES = (
    ("LAW_SCHOOL", "Law school", "Members of the law school"),
    ("LIBRARIAN", "Librarian", "Staff of the libraries"),
)
_SYSTEM_ROLES = (
    (SYSTEM_ADMIN, "System Administrator", ""),
    ("SystemSupport", "System Support", ""),
    ("CourseCreator", "Course Creator", ""),
    ("CourseSupport", "Course Support", ""),
    ("AccountAdmin", "User Administrator", ""),
    ("Guest", "Guest", ""),
    ("User", "None", ""),
    ("Observer", "Observer", ""),
    ("Integration", "Integration", ""),
    ("Portal", "Community Administrator", ""),
)
_CUSTOM_SYSTEM_ROLES = (
    ("Help.Desk", "Help desk", "First-line support"),
    ("Portal", "Portal editors", "Has the key of a built-in role"),
)
_COURSE_ROLES = (
    ("Instructor", "Instructor", "Leader"),
    ("TeachingAssistant", "Teaching Assistant", "Assistant"),
    ("CourseBuilder", "Course Builder", "Organization Builder"),
    ("Grader", "Grader", "Grader"),
    ("Student", "Student", "Participant"),
    ("Guest", "Guest", "Guest"),
    ("BbFacilitator", "Facilitator", "Facilitator"),
)


def furnish(site: Site) -> None:
    """Add all that comes with a site, an administrator and the integration's own user."""
    _add_sources(site)
    _add_roles(site.institution_roles, _INSTITUTION_ROLES, False)
    site.institution_roles.start_at(FIRST_CUSTOM_INSTITUTION_ROLE)
    _add_roles(site.institution_roles, _CUSTOM_INSTITUTION_ROLES, True)
    _add_roles(site.system_roles, _SYSTEM_ROLES, False)
    site.system_roles.start_at(FIRST_CUSTOM_SYSTEM_ROLE)
    _add_roles(site.system_roles, _CUSTOM_SYSTEM_ROLES, True)
    _add_course_roles(site.course_roles)
    for season, first, last in (
        ("Spring", "01-13T06", "05-16T05"),
        ("Fall", "08-25T05", "12-19T06"),
    ):
        add_term(site, _term(season, first, last))
    _add_accounts(site)


def _add_sources(site: Site) -> None:
    for first, rows in ((1, _SOURCES), (FIRST_OWN_SOURCE, _OWN_SOURCES)):
        site.data_sources.start_at(first)
        for key, description in rows:
            taken = site.data_sources.take_id()
            body = {"id": taken, "externalId": key}
            if description:
                body["description"] = description
            site.data_sources.add(Record(taken, body))


def _add_roles(table: Table[Role], rows: tuple[tuple[str, str, str], ...], custom: bool) -> None:
    for key, name, description in rows:
        body: dict[str, Any] = {"id": table.take_id(), "roleId": key, "name": name}
        if description:
            body["description"] = description
        table.add(Role(body["id"], {**body, "custom": custom}))


def _add_course_roles(table: Table[Role]) -> None:
    rows = [
        (*row, "", False, row[0] == "Instructor", "CourseAndOrganization") for row in _COURSE_ROLES
    ]
    rows.append(("Auditor", "Auditor", "Observer member", "Reads only", True, False, "Course"))
    for key, name, name_in_organizations, description, custom, instructs, available in rows:
        if custom:
            table.start_at(FIRST_CUSTOM_COURSE_ROLE)
        body = {
            "id": table.take_id(),
            "roleId": key,
            "nameForCourses": name,
            "nameForOrganizations": name_in_organizations,
            "description": description,
            "custom": custom,
            "actAsInstructor": instructs,
            "availability": {"available": available},
        }
        table.add(Role(str(body["id"]), body))


def _term(season: str, first: str, last: str) -> dict[str, Any]:
    bounds = {"start": f"2025-{first}:00:00.000Z", "end": f"2025-{last}:59:59.000Z"}
    return {
        "externalId": f"2025{season[:2].upper()}",
        "name": f"{season} 2025",
        "description": f"<p>{season} term</p>",
        "availability": {"available": "Yes", "duration": {"type": "DateRange", **bounds}},
    }


def _add_accounts(site: Site) -> None:
    own_role = SYSTEM_ADMIN if site.settings.sees_system_admins else "Integration"
    accounts = (
        ("administrator", SYSTEM_ADMIN, "Root"),
        (site.settings.own_user, own_role, "Integration"),
    )
    for name, role, family in accounts:
        add_user(
            site,
            {
                "userName": name,
                "externalId": name,
                "institutionRoleIds": ["STAFF"],
                "systemRoleIds": [role],
                "name": {"given": "Site", "family": family},
            },
        )
    site.users.start_at(FIRST_USER)
