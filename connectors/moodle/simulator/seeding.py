"""Accounts, cohorts and courses to start with: the same ones for the same numbers, whoever asks."""

from __future__ import annotations

from connectors.moodle.simulator.records import Cohort, User
from connectors.moodle.simulator.site import FIRST_USER_ID, Site
from connectors.moodle.simulator.tables import EDITING_TEACHER

FIRST_NAMES = (
    "Kaito", "Uma", "Rosa", "Sven", "Ben", "Elena", "Zoë", "Ana", "José", "Νίκος",
    "Çağla", "Grace", "Marta", "İrem", "Viktor", "Tala", "Jürgen", "Åsa", "Σοφία",
)  # fmt: skip
LAST_NAMES = (
    "Evans", "Brown", "Diaz", "Müller", "O'Brien", "Garcia", "Weiß", "Παπαδόπουλος", "Yılmaz",
    "Smith", "Chen", "van der Berg", "Groß", "Öztürk", "Xu", "Patel", "Þórsdóttir", "Σίσυφος",
    "Almeida-Costa", "D'Angelo", "Nguyễn", "İstanbullu", "Kowalski",
)  # fmt: skip
DEPARTMENTS = (
    "Registrar", "Chemistry", "Physics", "History", "Mathematics", "Computer Science", "",
)  # fmt: skip
CITIES = (("Madrid", "ES"), ("Lyon", "FR"), ("München", "DE"), ("Αθήνα", "GR"), ("İzmir", "TR"))

_FIRST_SEEN = 1_767_225_600
_HOUR = 3600
_DAY = 24 * _HOUR
_CLASS_SIZE = 20


def seed(site: Site, users: int, cohorts: int, courses: int = 0) -> None:
    """Add `users` accounts (`user0001`, ...), site-wide cohorts with members, and courses."""
    for number in range(1, users + 1):
        user = _account(number)
        site.users[user.id] = user
    site.next_user_id = FIRST_USER_ID + users
    for number in range(1, cohorts + 1):
        members = range(FIRST_USER_ID + number - 1, FIRST_USER_ID + users, max(cohorts, 1))
        site.cohorts[number] = Cohort(
            id=number,
            name=f"Cohort {number:02}",
            idnumber=f"COH-{number:02}",
            members=set(members),
        )
    site.next_cohort_id = cohorts + 1
    for number in range(1, courses + 1):
        _add_course(site, number, range(FIRST_USER_ID, FIRST_USER_ID + users))


def _add_course(site: Site, number: int, users: range) -> None:
    """Add a course with an editing teacher, about 20 students (at most a third), and groups."""
    start = _FIRST_SEEN + number % 30 * _DAY
    course = site.add_course(
        shortname=f"course{number}",
        fullname=f"Course {number:03}",
        idnumber=f"CRS-{number:04}",
        summary=f"What course {number} is about",
        startdate=start,
        enddate=start + 180 * _DAY,
        timecreated=_FIRST_SEEN,
    )
    names = ("Group A", "Group B")[: 2 - number % 2]
    groups = [
        site.add_group(courseid=course.id, name=name, idnumber=f"CRS-{number:04}-{name[-1]}")
        for name in names
    ]
    if not users:
        return
    teacher = users[number % len(users)]
    site.enrol(course.id, teacher, EDITING_TEACHER)
    step = max(len(users) // _CLASS_SIZE, 3)
    for place, user_id in enumerate(users[number % step :: step]):
        if user_id != teacher:
            site.enrol(course.id, user_id)
            groups[place % len(groups)].members.add(user_id)


def _account(number: int) -> User:
    staff = number % 5 == 0
    city, country = CITIES[number % len(CITIES)]
    seen = _FIRST_SEEN + number * _HOUR if number % 3 == 1 else 0
    return User(
        id=FIRST_USER_ID + number - 1,
        username=f"user{number:04}",
        firstname=FIRST_NAMES[number % len(FIRST_NAMES)],
        lastname=LAST_NAMES[number % len(LAST_NAMES)],
        email=f"user{number:04}@{'staff' if staff else 'students'}.example.edu",
        suspended=number % 40 == 3,
        idnumber=f"SIS-{number:06}",
        institution="Example University",
        department=DEPARTMENTS[number % len(DEPARTMENTS)],
        phone1=f"+34 600 {number:06}" if number % 3 == 0 else "",
        phone2=f"+34 900 {number:06}" if number % 9 == 0 else "",
        city=city,
        country=country,
        firstaccess=seen,
        lastaccess=seen + _HOUR if seen else 0,
        timecreated=_FIRST_SEEN,
        timemodified=_FIRST_SEEN,
        customfields={"employeetype": "staff" if staff else "student"},
    )
