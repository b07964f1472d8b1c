"""People, courses and groups to start with: the same for the same numbers, uuids apart."""

from __future__ import annotations

from connectors.canvas.simulator.enrollments import enroll
from connectors.canvas.simulator.names import guess_sortable
from connectors.canvas.simulator.records import (
    Account,
    Category,
    Channel,
    Course,
    Group,
    Login,
    Membership,
    User,
)
from connectors.canvas.simulator.sections import default_section
from connectors.canvas.simulator.site import ROOT, Site, new_lti_id, new_uuid
from connectors.simulation.names import DAY, MINUTE, OPENED, course_name, family_name, given_name


def seed(site: Site, users: int, courses: int) -> None:
    """Add people `user1`, ... and courses `CRS-0001`, ... with members and groups.

    Every tenth person is suspended, every fifth teaches, every 25th observes his predecessor,
    every ninth has a second login.
    """
    people = [_add_person(site, number) for number in range(1, users + 1)]
    rows = [_add_course(site, number) for number in range(1, courses + 1)]
    for number, person in enumerate(people, 1):
        _enroll(site, person, number, rows)
        if number % 25 == 0:
            person.observees.append(people[number - 2].id)
    if people:
        _add_group(site, "Library Staff", people[4::5])


def _add_person(site: Site, number: int) -> User:
    given = given_name(number)
    family = family_name(number)
    name, made = f"{given} {family}", OPENED + number * MINUTE
    user = User(
        site.users.take_id(),
        name,
        guess_sortable(name) if " " not in family else f"{family}, {given}",
        given if number % 3 == 0 else name,
        made,
        new_uuid(),
        new_lti_id(),
    )
    if number % 4 == 1:
        user.time_zone, user.locale = "Europe/Berlin", "de"
    if number % 3:
        user.last_login = made + 30 * DAY
    site.users.put(user)
    login = Login(site.logins.take_id(), user.id, f"user{number}", made, f"s{1_000_000 + number}")
    login.state = "suspended" if number % 10 == 0 else "active"
    login.declared_user_type = "teacher" if number % 5 == 0 else "student"
    if number % 6 == 0:
        login.integration_id = f"int-{number}"
    site.logins.put(login)
    if number % 9 == 0:
        second = Login(site.logins.take_id(), user.id, f"zz-user{number}@sso.example.edu", made)
        second.provider_id, second.state = 7, login.state
        site.logins.put(second)
    _add_address(site, user, f"user{number}@example.edu", 1, "active")
    if number % 8 == 0:
        _add_address(site, user, f"home{number}@mail.example", 2, "unconfirmed")
    return user


def _add_address(site: Site, user: User, address: str, position: int, state: str) -> None:
    number = site.channels.take_id()
    made = Channel(number, user.id, address, "email", position, user.created_at, state)
    site.channels.put(made)


def _add_course(site: Site, number: int) -> Course:
    if len(site.accounts) == 1:
        below = Account(12, "Faculty of Science", new_uuid(), ROOT, "SCI")
        site.accounts.put(below)
    course = Course(
        site.courses.take_id(),
        12 if number % 2 else ROOT,
        next(iter(site.terms)),
        course_name(number),
        f"CRS-{number:04}",
        new_uuid(),
        OPENED - number * DAY,
        f"sis-course-{number}",
        state="claimed" if number % 4 == 0 else "available",
    )
    site.courses.put(course)
    default_section(site, course).created_at = course.created_at
    return course


def _enroll(site: Site, person: User, number: int, courses: list[Course]) -> None:
    role_id = 4 if number % 5 == 0 else 3
    if number % 25 == 0:
        role_id = 7
    for step in (0, 1, 7)[: len(courses)]:
        section = default_section(site, courses[(number + step) % len(courses)])
        row = enroll(site, person, section, site.roles[role_id], "active")
        row.created_at = row.updated_at = OPENED + number * MINUTE
        if role_id == 3 and number % 3 == 0:
            row.grades = {"current_score": 87.5, "final_score": 80.0}


def _add_group(site: Site, name: str, people: list[User]) -> None:
    category = Category(site.categories.take_id(), name, OPENED, ROOT)
    site.categories.put(category)
    group = site.groups.put(Group(site.groups.take_id(), name, category.id, OPENED))
    for person in people:
        row = Membership(site.memberships.take_id(), group.id, person.id, OPENED)
        site.memberships.put(row)
