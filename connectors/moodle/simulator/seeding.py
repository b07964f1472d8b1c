"""Accounts and cohorts to start with: the same ones for the same numbers, whoever asks."""

from __future__ import annotations

from connectors.moodle.simulator.records import Cohort, User
from connectors.moodle.simulator.site import FIRST_USER_ID, Site

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


def seed(site: Site, users: int, cohorts: int) -> None:
    """Add `users` accounts (`user0001`, ...) and `cohorts` site-wide cohorts with members."""
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
