"""What every simulated tenant has: the organization, its roles and types, and the own user."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.records import (
    DEPARTMENT,
    GROUP,
    OFFERING,
    ORGANIZATION,
    SECTION,
    SEMESTER,
    TEMPLATE,
    OrgUnit,
    Role,
)
from connectors.brightspace.simulator.site import ORG_ID, OWN_USER, Site
from connectors.brightspace.simulator.users import add_user

END_USER, SUPER_ADMINISTRATOR, INSTRUCTOR, LEARNER, AUDITOR = 103, 105, 109, 110, 118
DEPARTMENT_ID, SEMESTER_ID, TEMPLATE_ID = 6650, 6655, 6660

_TYPES = (
    (ORGANIZATION, "Organization", 0, False),
    (TEMPLATE, "Course Template", 2, False),
    (OFFERING, "Course Offering", 3, False),
    (GROUP, "Group", 4, False),
    (SEMESTER, "Semester", 5, True),
    (SECTION, "Section", 6, False),
    (DEPARTMENT, "Department", 1, True),
)
_ROLES = (
    (END_USER, "End User", None, ""),
    (SUPER_ADMINISTRATOR, "Super Administrator", None, "Admin"),
    (INSTRUCTOR, "Instructor", "I", "Instructor"),
    (LEARNER, "Learner", "L", "Learner"),
    (AUDITOR, "Auditor", None, ""),
)


def furnish(site: Site) -> None:
    """Fill an empty tenant."""
    for number, name, order, editable in _TYPES:
        site.unit_types[number] = {
            "Id": number,
            "Code": name,
            "Name": name,
            "Description": "",
            "SortOrder": order,
            "Permissions": {"CanEdit": editable, "CanDelete": editable},
        }
    for number, name, code, alias in _ROLES:
        site.roles[number] = Role(number, _role(number, name, code, alias))
    for unit in (
        OrgUnit(ORG_ID, ORGANIZATION, site.settings.organization, "EXU", "/content/"),
        OrgUnit(DEPARTMENT_ID, DEPARTMENT, "Computer Science", "CS", "/content/CS/", [ORG_ID]),
        OrgUnit(SEMESTER_ID, SEMESTER, "Winter 2026", "2026W", "/content/2026W/", [ORG_ID]),
        OrgUnit(
            TEMPLATE_ID,
            TEMPLATE,
            "Introduction to Computing template",
            "CS-101",
            "/content/CS-101/",
            [DEPARTMENT_ID],
        ),
    ):
        site.units[unit.id] = unit
    site.attribute_schemas = [
        _schema("_companyname", "Company name", "string"),
        _schema("_manager", "Manager", "user"),
        _schema("_hireddate", "Hired date", "date"),
    ]
    own = {
        "OrgDefinedId": None,
        "FirstName": "Service",
        "MiddleName": None,
        "LastName": "Account",
        "ExternalEmail": None,
        "UserName": "svc.scim",
        "IsActive": True,
    }
    add_user(site, own, SUPER_ADMINISTRATOR, OWN_USER)


def _role(number: int, name: str, code: str | None, alias: str) -> dict[str, Any]:
    learner = number == LEARNER
    return {
        "Identifier": str(number),
        "DisplayName": name,
        "Code": code,
        "Description": "",
        "RoleAlias": alias,
        "IsCascading": number == SUPER_ADMINISTRATOR,
        "AccessFutureCourses": not learner,
        "AccessInactiveCourses": not learner,
        "AccessPastCourses": True,
        "ShowInGrades": learner,
        "ShowInUserProgress": learner,
        "InClassList": True,
    }


def _schema(identifier: str, name: str, kind: str) -> dict[str, Any]:
    return {"AttributeId": identifier, "Name": name, "Type": kind, "AllowMulti": False}
