"""Who and what simulated sites begin with: names of people and courses, and times."""

from __future__ import annotations

_GIVEN_NAMES = (
    "Ariel", "Bo", "Chidi", "Dana", "Ewa", "Farid", "Görkem", "Hana", "Ivo", "Jürgen", "Kenji",
    "Lucía", "Μαρία", "Noor", "Olu", "Priya", "Quinn", "Rosa", "Søren",
)  # fmt: skip
_FAMILY_NAMES = (
    "Vega", "Novak", "Okafor", "O'Neill", "Nowak", "Haddad", "Yılmaz", "Sato", "Weiß", "de Vries",
    "McDonald", "Παππά", "Smith", "Adeyemi", "Patel", "Ruiz-Gil", "Lindqvist",
)  # fmt: skip
_SUBJECTS = ("History", "Chemistry", "Law", "Algebra", "Choir")

OPENED = 1_724_076_000
"""When the sites opened, in unix seconds."""
MINUTE = 60
DAY = 86_400


def given_name(number: int) -> str:
    """Return the given name of the person of a number."""
    return _GIVEN_NAMES[number % len(_GIVEN_NAMES)]


def family_name(number: int) -> str:
    """Return the family name of the person of a number."""
    return _FAMILY_NAMES[number % len(_FAMILY_NAMES)]


def course_name(number: int) -> str:
    """Return the name of the course of a number."""
    return f"{_SUBJECTS[number % len(_SUBJECTS)]} {number}"
