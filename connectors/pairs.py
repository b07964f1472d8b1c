"""Ids made of two: that of a course, and that of who or what is in it, as in `6671.3163`."""

from __future__ import annotations

from dataclasses import dataclass
from re import Pattern
from typing import Any

from connectors.fields import Impossible


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of ids in one LMS; `part` matches an id of that LMS."""

    part: Pattern[str]

    def of(self, id: str) -> tuple[str, str] | None:
        """Return the id of the course and the other one, None for what is no such pair."""
        course, _, other = id.partition(".")
        is_pair = self.part.fullmatch(course) and self.part.fullmatch(other)
        return (course, other) if is_pair else None

    def key(self, value: Any) -> str:
        """Return the pair that a filter names, if it is one."""
        if self.of(value) is None:
            raise Impossible
        return str(value)
