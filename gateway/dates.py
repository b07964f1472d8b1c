"""Dates as files write them: a pattern, and the zone whose clock it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.filters import instant
from schemas.paths import shown_text

_DAY = frozenset("YymdjbBaA")
_TIME = frozenset("HIpMSf")
_KNOWN = _DAY | _TIME | {"z", "%"}
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_PLAIN_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_UTC = ZoneInfo("UTC")
_TWO_DIGITS = range(1969, 2069)
"""The years that two digits stand for (POSIX strptime)."""


@dataclass(frozen=True, slots=True)
class DateFormat:
    """How one attribute's dates are written and read: SCIM's dateTime on the one side.

    `pattern` is made of the directives of Python's strftime: %Y %y %m %b %B %d %j %a %A for the
    day, %H or %I with %p, %M %S %f for the time, %z for the offset from UTC, %% for a percent sign.
    Names of days and months are English. `zone` is that of the clock.

        DateFormat.parse("%d.%m.%Y %I:%M %p@Europe/Berlin").written("2026-07-01T12:05:00Z")
        '01.07.2026 02:05 PM'
    """

    pattern: str
    zone: ZoneInfo = _UTC

    def __post_init__(self) -> None:
        used = self._directives
        if unknown := used - _KNOWN:
            named = ", ".join(f"%{letter}" for letter in sorted(unknown))
            raise ValueError(f"{self.pattern!r} has what no date is written with: {named}")
        if not used & (_DAY | _TIME):
            raise ValueError(f"{self.pattern!r} shows no part of a date, such as %Y-%m-%d")
        if ("I" in used) != ("p" in used):
            raise ValueError(f"{self.pattern!r}: %I and %p tell the hour only together")

    @classmethod
    def parse(cls, text: str) -> DateFormat:
        """Return the format of `PATTERN` (in UTC) or `PATTERN@ZONE`, an IANA zone.

        Raises ValueError for an unknown directive or zone.
        """
        pattern, at, zone = text.rpartition("@")
        if not at or "%" in zone:
            return cls(text)
        try:
            clock = ZoneInfo(zone)
        except (OSError, LookupError, ValueError):
            raise ValueError(f"{zone!r} is no zone of the IANA database") from None
        return cls(pattern, clock)

    def __str__(self) -> str:
        """Return the text that `parse` takes."""
        return f"{self.pattern}@{self.zone}"

    def written(self, value: str) -> str:
        """Return a dateTime, or a day as YYYY-MM-DD, in this format.

        A day has no zone: it stays the day that it is, with midnight as its time. Raises ValueError
        for what is no date, and for one that the format cannot show.
        """
        moment = instant(value)
        if moment is None:
            raise ValueError(f"{shown_text(value)} is no date of the years 1 to 9999")
        if _PLAIN_DAY.fullmatch(value):
            moment = moment.replace(tzinfo=self.zone)
        else:
            try:
                moment = moment.astimezone(self.zone)
            except OverflowError:
                raise self._beyond(value) from None
        if "y" in self._directives and moment.year not in _TWO_DIGITS:
            raise ValueError(f"two digits do not tell the year {moment.year:04}")
        return _DIRECTIVE.sub(lambda found: _part(moment, found[0]), self.pattern)

    def read(self, text: str) -> str:
        """Return the dateTime in UTC that a text in this format means.

        Of an hour that a clock shows twice the first one is meant. A pattern without a time means
        the beginning of the day. Raises ValueError for another form, for a day or a time that does
        not exist (also one that the clock leaps over), and for moments beyond the years 1 to 9999.
        """
        local = self._local(text)
        moment = local if local.tzinfo else local.replace(tzinfo=self.zone)
        try:
            meant = moment.astimezone(UTC)
            shown = meant.astimezone(moment.tzinfo)
        except OverflowError:
            raise self._beyond(text) from None
        is_leapt = shown.replace(tzinfo=None) != moment.replace(tzinfo=None)
        if is_leapt and self._directives & _TIME:
            raise ValueError(f"{shown_text(text)} does not exist: clocks in {self.zone} leap over")
        return meant.isoformat().replace("+00:00", "Z")

    def read_day(self, text: str) -> str:
        """Return the day that a text in this format means, as YYYY-MM-DD and in no zone.

        Raises ValueError for another form and for a day that does not exist.
        """
        return self._local(text).date().isoformat()

    @property
    def _directives(self) -> frozenset[str]:
        return frozenset(_DIRECTIVE.findall(self.pattern))

    def _local(self, text: str) -> datetime:
        used = self._directives
        if not (used & {"Y", "y"} and ("j" in used or ("d" in used and used & {"m", "b", "B"}))):
            raise ValueError(f"{self.pattern!r} tells no whole day, so it cannot be read")
        try:
            return datetime.strptime(text.strip(), self.pattern)
        except ValueError:
            raise ValueError(f"{shown_text(text)} is no date as {self.pattern}") from None

    def _beyond(self, text: str) -> ValueError:
        return ValueError(f"{shown_text(text)} is beyond the years 1 to 9999 in {self.zone}")


def _part(moment: datetime, directive: str) -> str:
    # Not every C library fills years before 1000 up to four digits.
    return f"{moment.year:04}" if directive == "%Y" else moment.strftime(directive)
