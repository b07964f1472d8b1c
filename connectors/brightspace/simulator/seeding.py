"""People, courses, enrolments and groups to start with: the same ones for the same numbers."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.builtin import (
    AUDITOR,
    END_USER,
    INSTRUCTOR,
    LEARNER,
    SEMESTER_ID,
    TEMPLATE_ID,
)
from connectors.brightspace.simulator.clock import write_time
from connectors.brightspace.simulator.courses import add_course
from connectors.brightspace.simulator.groups import add_category, add_group
from connectors.brightspace.simulator.records import NO_TEXT, Course, User
from connectors.brightspace.simulator.sections import add_section
from connectors.brightspace.simulator.site import Site
from connectors.brightspace.simulator.users import add_user
from connectors.simulation.names import DAY, MINUTE, OPENED, course_name, family_name, given_name


def seed(site: Site, users: int, courses: int) -> None:
    """Add users `user1`, ... and courses `CRS-0001`, ... with members, groups and sections."""
    people = [_add_person(site, number) for number in range(1, users + 1)]
    for number, person in enumerate(people, 1):
        if number % 25 == 0:
            person.auditees.append(people[number - 2].id)
    rows = [_add_course(site, number) for number in range(1, courses + 1)]
    for number, person in enumerate(people, 1):
        if rows and number % 25:
            _enroll(site, person, number, rows)
    for number, course in enumerate(rows, 1):
        if number % 2:
            _add_groups(site, course)
        else:
            _add_sections(site, course)


def _add_person(site: Site, number: int) -> User:
    role = AUDITOR if number % 25 == 0 else INSTRUCTOR if number % 5 == 0 else END_USER
    domain = "staff" if role == INSTRUCTOR else "students"
    body = {
        "UserName": f"user{number}",
        "FirstName": given_name(number),
        "MiddleName": "J" if number % 11 == 0 else None,
        "LastName": family_name(number),
        "ExternalEmail": f"user{number}@{domain}.example.edu" if number % 13 else None,
        "OrgDefinedId": f"E{1_000_000 + number}" if number % 17 else None,
        "IsActive": number % 20 != 3,
        "Pronouns": "She/Her" if number % 6 == 0 else None,
    }
    user = add_user(site, body, role)
    if number % 3:
        user.first_login = OPENED + number * MINUTE
        user.last_accessed = OPENED + 30 * DAY + number * MINUTE
    if number % 19 == 0:
        user.preferred_first = "Sam"
    if number % 5 == 0:
        user.profile |= {"JobTitle": "Lecturer", "BusinessPhone": f"555-{number:04}"}
    return user


def _add_course(site: Site, number: int) -> Course:
    details: dict[str, Any] = {
        "IsActive": number % 7 != 0,
        "StartDate": write_time(OPENED) if number % 3 else None,
        "EndDate": write_time(OPENED + 120 * DAY) if number % 3 else None,
        "LocaleId": None,
        "ForceLocale": False,
        "ShowAddressBook": False,
        "CanSelfRegister": number % 5 == 0,
    }
    semester = site.units[SEMESTER_ID] if number % 2 else None
    name = course_name(number)
    template = site.units[TEMPLATE_ID]
    course = add_course(site, name, f"CRS-{number:04}", template, semester, details)
    course.description = {"Text": f"Course number {number}", "Html": ""}
    return course


def _enroll(site: Site, person: User, number: int, courses: list[Course]) -> None:
    role = INSTRUCTOR if number % 5 == 0 else LEARNER
    for step in (0, 1, 7):
        if step < len(courses):
            course = courses[(number + step) % len(courses)]
            site.enroll(course.id, person.id, role).since = OPENED + number * MINUTE
            if role == LEARNER and number % 3 == 0:
                site.grade(course.id, person.id, points=40 + number % 61)


def _add_groups(site: Site, course: Course) -> None:
    details: dict[str, Any] = {
        "Name": "Project teams",
        "Description": dict(NO_TEXT),
        "EnrollmentStyle": 0,
        "EnrollmentQuantity": None,
        "AutoEnroll": False,
        "RandomizeEnrollments": False,
        "MaxUsersPerGroup": None,
        "AllocateAfterExpiry": False,
        "SelfEnrollmentExpiryDate": None,
        "GroupPrefix": None,
        "RestrictedByOrgUnitId": None,
        "DescriptionsVisibleToEnrolees": False,
    }
    category = add_category(site, course, details)
    members = list(site.enrollments.of_unit(course.id).values())
    for number in (1, 2):
        team = add_group(site, category, f"Team {number}", f"TEAM-{number}")
        for row in members[number - 1 : 8 : 2]:
            site.enroll(team.id, row.user_id, row.role_id)


def _add_sections(site: Site, course: Course) -> None:
    course.sections = {
        "Name": "Sections",
        "Description": dict(NO_TEXT),
        "EnrollmentStyle": 1,
        "EnrollmentQuantity": 25,
        "AutoEnroll": False,
        "RandomizeEnrollments": False,
    }
    section = add_section(site, course, "Section 1", "SEC-1")
    for row in list(site.enrollments.of_unit(course.id).values())[:5]:
        site.enroll(section.id, row.user_id, row.role_id)
