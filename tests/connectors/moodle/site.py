"""Moodle sites and connectors for tests: the simulator mounted in this process."""

from __future__ import annotations

from typing import Any

from connectors.base import Collection, Options
from connectors.moodle import Moodle
from connectors.moodle.simulator import Simulator, create_simulator
from connectors.moodle.simulator.site import Site
from tests.connectors import joining

DATABASES = ("mariadb", "postgresql")


class Joined(joining.Joined[Site]):
    """A connector and the simulated site behind it."""

    records = ("calls",)

    @property
    def users(self) -> Collection:
        return self["User"]

    @property
    def groups(self) -> Collection:
        return self["Group"]

    @property
    def calls(self) -> list[str]:
        """Return the functions called since the last `forget`."""
        return [function for function, _ in self.site.calls]


def options(simulator: Simulator, **given: Any) -> Options:
    """Return the options of a target that reaches the simulator in this process."""
    return joining.in_process("moodle", simulator, **{"token": simulator.site.token, **given})


def joined(
    users: int = 0,
    cohorts: int = 0,
    *,
    attributes: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    **settings: Any,
) -> Joined:
    """Return a connector on a new site; `settings` are the simulator's."""
    simulator = create_simulator(users=users, cohorts=cohorts, **settings)
    given = options(simulator, attributes=attributes or {}, more=more or {})
    return Joined(Moodle(given), simulator)


NAMES = (
    *("Ann", "ANN", "ann", "Weiß", "WEISS", "weiss", "Groẞ", "ΣΊΣΥΦΟΣ", "σίσυφος", "Σίσυφοσ"),
    *("İstanbul", "istanbul", "Istanbul", "ısparta", "oﬃce", "office", "ﬁsh", "fish", "ﬆone"),
    *("sﬆ", "Kelvin", "kelvin", "ſam", "Sam", "100%", "a_b", "axb", "a\\b", "a*b", "a < b", "0"),
    *("O'Brien", 'say "hi"', "  two  blanks ", "ŉame", "ẚx", "ǰ", "é", "e\u0301", "😀", "f", "st"),
)


def fill_with_odd_names(site: Site) -> None:
    """Add accounts and cohorts whose values differ only in what databases fold differently."""
    for number, name in enumerate(NAMES):
        other = NAMES[(number * 7 + 3) % len(NAMES)]
        mailbox = f"{('ss', 'Kas')[number % 2]}_{number}+x%y"
        site.add_user(
            username=f"{'Ada' if number % 3 else 'kas'}{number}".lower(),
            firstname=name,
            lastname=other,
            email=f"{mailbox}@{('b', 'Staff')[number % 2]}.example.org",
            idnumber=("", "Ref-é", "ref-E", "REF-É ", "0", f"id{number}", "x" * 255)[number % 7],
            department=other,
            city=name,
            country=("", "ES", "DE")[number % 3],
            suspended=number % 5 == 0,
            lastaccess=1_767_225_600 + number if number % 2 else 0,
            lang=("en", "de")[number % 2],
            timezone=("99", "Europe/Oslo")[number % 2],
        )
        if number % 2:
            site.add_cohort(
                name=name,
                idnumber=("", f"Coh-{number}", f"coh-{number - 2}", other)[number % 4],
                description=other,
                members={number + 4, number + 5} if number % 3 else set(),
                category=2 if number % 5 == 0 else None,
            )
    site.users[7].deleted = True
    site.users[7].email = "0" * 32


CODES = (
    *("PHYS-1", "phys-1", "Phys-1 ", "math", "MATH", "Strasse", "straße", "STRASSE", "100%", "a_b"),
    *("axb", "kelvin", "Kelvin", "12-3", "7", "oﬃce", "OFFICE", "ΣΊΣΥΦΟΣ", "σίσυφος", "a < b"),
    *("É-1", "e-1", "s", "K", "ſam", "sam", "+word", "-word", "two words", "x\\y"),
)


def fill_with_odd_courses(site: Site) -> None:
    """Add courses whose codes differ in letter case and little else, with people and groups."""
    for number, code in enumerate(CODES):
        course = site.add_course(
            shortname=code,
            fullname=CODES[(number * 7 + 3) % len(CODES)],
            idnumber=("", f"Crs-{number}", f"crs-{number - 2}", CODES[number - 1])[number % 4],
            summary=code.upper(),
            category=number % 3 + 1,
            startdate=1_767_225_600 + number if number % 2 else 0,
            enddate=1_893_456_000 if number % 4 == 1 else 0,
            visible=int(number % 5 != 0),
            lang=("", "de")[number % 2],
        )
        for place, user in enumerate(sorted(site.users)[3 + number % 3 : 12 : 2]):
            if not site.users[user].deleted:
                site.enrol(course.id, user, (5, 3, 4)[place % 3], suspended=place % 3 == 1)
        enrolled = sorted(course.enrolments)
        if number % 3 == 0:
            name = CODES[(number * 11 + 1) % len(CODES)].strip()
            site.add_group(
                courseid=course.id, name=name, idnumber=code.strip(), members=set(enrolled[:2])
            )
        if number % 4 == 0 and enrolled:
            site.set_grade(course.id, enrolled[0], 40 + number)
            site.set_completed(course.id, enrolled[0])
