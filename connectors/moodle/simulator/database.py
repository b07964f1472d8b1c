"""How the two databases under Moodle compare text, and what their columns hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from connectors.moodle.simulator.errors import write_refused

USER_COLUMNS = {
    "username": 100,
    "firstname": 100,
    "lastname": 100,
    "email": 100,
    "idnumber": 255,
    "institution": 255,
    "department": 255,
    "address": 255,
    "city": 120,
    "country": 2,
    "phone1": 20,
    "phone2": 20,
    "timezone": 100,
    "lang": 30,
    "auth": 20,
    "middlename": 255,
    "alternatename": 255,
    "firstnamephonetic": 255,
    "lastnamephonetic": 255,
}
COHORT_COLUMNS = {"name": 254, "idnumber": 100}
COURSE_COLUMNS = {"fullname": 254, "shortname": 255, "idnumber": 100}
CATEGORY_COLUMNS = {"name": 255, "idnumber": 100}
GROUP_COLUMNS = {"name": 254, "idnumber": 100}


@lru_cache(maxsize=1 << 17)
def _fold(text: str) -> str:
    """Return what MariaDB's `utf8mb4_unicode_ci` compares: no case, accents, trailing blanks."""
    decomposed = unicodedata.normalize("NFD", text)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return bare.casefold().rstrip(" ")


@lru_cache(maxsize=1 << 17)
def lower(text: str) -> str:
    """Lower each character on its own, as SQL `LOWER` does: no final sigma, `İ` becomes `i`."""
    return "".join(char.lower()[0] for char in text)


def comparable(text: str, database: str) -> str:
    """Return the key under which `=` compares text: exact on PostgreSQL, folded on MariaDB."""
    return text if database == "postgresql" else _fold(text)


@lru_cache(maxsize=1024)
def like(pattern: str) -> re.Pattern[str]:
    r"""Compile a case-insensitive, accent-sensitive SQL LIKE (`%`, `_`, escape `\`).

    Match it against `lower(text)`.
    """
    parts: list[str] = []
    escaped = False
    for char in lower(pattern):
        if escaped:
            parts.append(re.escape(char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
    return re.compile("".join(parts), re.DOTALL)


def check_lengths(columns: Mapping[str, int], values: Mapping[str, object]) -> None:
    """Refuse text longer than its column, as strict MariaDB and PostgreSQL do."""
    for column, length in columns.items():
        value = values.get(column)
        if isinstance(value, str) and len(value) > length:
            raise write_refused(f"Data too long for column '{column}'")
