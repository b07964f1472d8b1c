"""How long a course or a term is open: which bounds go with which type of duration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.blackboard.simulator.errors import bad_request
from connectors.blackboard.simulator.shapes import Property, choice, parts


def duration(*types: str) -> Property:
    """Return the property of a duration that may be of some types."""
    return parts(
        type=choice(*types),
        start=Property("date"),
        end=Property("date"),
        daysOfUse=Property("number"),
    )


def keep_bounds(
    given: Mapping[str, Any] | None, result: dict[str, Any], bounds: Mapping[str, str], path: str
) -> None:
    """Refuse bounds that do not go with the resulting type, and drop those that no longer do.

    `bounds` maps the name of each bound to the type that it goes with.
    """
    for name, kind in bounds.items():
        if result.get("type") == kind:
            continue
        if (given or {}).get(name) is not None:
            raise bad_request(f"{path}.{name} is only allowed with {path}.type {kind}")
        result.pop(name, None)


DURATION_BOUNDS = {"start": "DateRange", "end": "DateRange", "daysOfUse": "FixedNumDays"}
