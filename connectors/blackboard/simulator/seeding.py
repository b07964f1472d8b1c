"""People, courses, enrolments and groups to start with: the same ones for the same numbers."""

from __future__ import annotations

from typing import Any

from connectors.blackboard.simulator.children import link
from connectors.blackboard.simulator.courses import add_course, new_body
from connectors.blackboard.simulator.groups import add_group
from connectors.blackboard.simulator.memberships import enrol
from connectors.blackboard.simulator.records import Course, User
from connectors.blackboard.simulator.shapes import merge
from connectors.blackboard.simulator.site import Site
from connectors.blackboard.simulator.users import add_user
from connectors.simulation.clock import write_date
from connectors.simulation.names import DAY, MINUTE, OPENED, course_name, family_name, given_name

DEPARTMENTS = ("Library", "Registrar", "Chemistry", "History", "Law School")
CITIES = (("Springfield", "IL", "US"), ("Lyon", "", "FR"), ("Kraków", "", "PL"))


def seed(site: Site, users: int, courses: int) -> None:
    """Add accounts `user1`, ... and courses `CRS-0001`, ... with members, groups and children."""
    people = [_add_person(site, number) for number in range(1, users + 1)]
    for number, person in enumerate(people, 1):
        if number % 25 == 0:
            people[number - 2].observers.append(person.id)
    rows = [_add_course(site, number) for number in range(1, courses + 1)]
    for number, person in enumerate(people, 1):
        if number % 25:
            _enrol(site, person, number, rows)
    for number, course in enumerate(rows, 1):
        if number % 2:
            _add_groups(site, course)
        if number % 6 == 0:
            link(site, rows[number - 2], course)


def _add_person(site: Site, number: int) -> User:
    user = add_user(site, _person(number))
    created = OPENED + number * MINUTE
    user.body["created"] = write_date(created)
    user.body["modified"] = write_date(created + number % 7 * DAY)
    if number % 3:
        user.body["lastLogin"] = write_date(created + 30 * DAY)
    return user


def _person(number: int) -> dict[str, Any]:
    observer = number % 25 == 0
    staff = number % 5 == 0 and not observer
    key = f"s{1_000_000 + number}"
    person: dict[str, Any] = {
        "userName": f"user{number}",
        "externalId": key.upper() if number % 7 == 0 else key,
        "studentId": str(1_000_000 + number),
        "dataSourceId": "_7_1" if number % 2 else "_2_1",
        "systemRoleIds": ["Observer"] if observer else ["User"],
        "institutionRoleIds": ["STUDENT"],
        "availability": {"available": _state(number)},
        "name": {
            "given": given_name(number),
            "family": family_name(number),
        },
        "contact": {"email": f"user{number}@{'staff' if staff else 'students'}.example.edu"},
    }
    if observer:
        person["institutionRoleIds"] = ["OBSERVER"]
    if staff:
        person["institutionRoleIds"] = ["FACULTY", "LIBRARIAN", "STAFF"]
        person["job"] = {
            "title": "Lecturer" if number % 2 else "Librarian",
            "department": DEPARTMENTS[number // 5 % len(DEPARTMENTS)],
            "company": "Example University",
        }
        person["contact"]["businessPhone"] = f"555-{number:04}"
    if number % 4 == 1:
        city, state, country = CITIES[number % len(CITIES)]
        address = {"street1": f"{number} College Way", "city": city, "country": country}
        person["address"] = {**address, "state": state} if state else address
        person["birthDate"] = f"{1970 + number % 35}-04-17T00:00:00.000Z"
        person["locale"] = {"id": "en_US", "calendar": "Gregorian"}
    if number % 11 == 0:
        merge(person, {"name": {"middle": "J", "title": "Dr"}, "gender": "Female"})
    return person


def _state(number: int) -> str:
    return {3: "No", 13: "Disabled"}.get(number % 20, "Yes")


def _add_course(site: Site, number: int) -> Course:
    given: dict[str, Any] = {
        "courseId": f"CRS-{number:04}",
        "externalId": f"sis-course-{number}" if number % 3 else f"SIS-COURSE-{number}",
        "name": course_name(number),
        "description": f"Course number {number}",
        "dataSourceId": "_7_1" if number % 2 else "_2_1",
        "organization": number % 5 == 0,
        "ultraStatus": "Ultra" if number % 4 == 0 else "Classic",
    }
    if number % 3 == 1:
        given["termId"] = next(iter(site.terms))
        given["availability"] = {"available": "Term", "duration": {"type": "Term"}}
    elif number % 3 == 2:
        given["availability"] = {"available": "Yes", "duration": {"type": "DateRange"}}
        merge(
            given["availability"]["duration"],
            {"start": write_date(OPENED), "end": write_date(OPENED + 120 * DAY)},
        )
    if number % 5 == 0:
        given["enrollment"] = {"type": "SelfEnrollment", "accessCode": "rook"}
    body = new_body(site, given)
    body["created"] = write_date(OPENED - number * DAY)
    body["modified"] = write_date(OPENED + number * MINUTE)
    return add_course(site, site.courses.take_id(), body)


def _enrol(site: Site, person: User, number: int, courses: list[Course]) -> None:
    for place, step in enumerate((0, 1, 7)):
        if step >= len(courses):
            continue
        course = courses[(number + step) % len(courses)]
        if site.memberships.find(course.id, person.id) is not None:
            continue
        role = "Student"
        if number % 5 == 0:
            role = ("Instructor", "TeachingAssistant", "Auditor")[place]
        given = {"courseRoleId": role, "dataSourceId": person.body["dataSourceId"]}
        membership = enrol(site, course.id, person.id, given)
        stamp = write_date(OPENED + number * MINUTE)
        membership.body |= {"created": stamp, "modified": stamp}
        if number % 3:
            membership.body["lastAccessed"] = write_date(OPENED + 20 * DAY)


def _add_groups(site: Site, course: Course) -> None:
    members = [row.user_id for row in site.memberships.of_course(course.id)]
    teams = add_group(site, course, {"name": "Project teams"}, None, True)
    for number in (1, 2):
        team = add_group(site, course, {"name": f"Team {number}"}, teams.id, False)
        team.members.extend(members[number - 1 : 8 : 2])
    sheet = {"name": "Lab sign-up", "showMembers": True}
    enrollment = {"type": "SelfEnrollment", "limit": 12, "signupSheet": sheet}
    lab = add_group(site, course, {"name": "Lab A", "enrollment": enrollment}, None, False)
    lab.members.extend(members[:3])
