"""The forms in which dates travel to and from a simulated site."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connectors.simulation.clock import read_date


def write_time(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC with whole seconds."""
    if seconds is None:
        return None
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def write_local(seconds: float, zone: str) -> str:
    """Return a time as ISO 8601 with the offset of a zone."""
    return datetime.fromtimestamp(int(seconds), ZoneInfo(zone)).isoformat()


def read_time(text: str | None) -> float | None:
    """Return the unix seconds of an ISO 8601 date, None for one that cannot be read."""
    if not text:
        return None
    try:
        return read_date(text)
    except ValueError:
        return None
