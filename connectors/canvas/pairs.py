"""A person in a course: one membership, however many enrolments Canvas keeps of the pair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.canvas.enrolling import STATES
from connectors.canvas.fields import ID
from connectors.canvas.listed import Row
from connectors.pairs import Pairs

STANDINGS = ("Yes", "No", "Disabled")
"""How available a membership is; of several enrolments the one that comes first here counts."""
_AVAILABLE = {"inactive": "No", "completed": "Disabled"}

PAIRS = Pairs(ID)
"""The ids: of the course and the person."""


def pairs_of(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """Return enrolments by course and person."""
    pairs: dict[tuple[Any, Any], list[Row]] = {}
    for row in rows:
        pairs.setdefault((row["course_id"], row["user_id"]), []).append(row)
    return pairs.values()


def shown_of(rows: Iterable[Row]) -> Row:
    """Return the enrolment that stands for all of a pair: by its state, then the oldest."""
    return min(rows, key=lambda row: (STATES.index(row["enrollment_state"]), row["id"]))


def available_of(row: Row) -> str:
    """Return the availability of an enrolment; whoever is only invited can use the course."""
    return _AVAILABLE.get(row["enrollment_state"], "Yes")


def standing_of(row: Row) -> int:
    """Return the place of an enrolment's availability among the standings."""
    return STANDINGS.index(available_of(row))
