"""The form in which times travel to and from a simulated tenant."""

from __future__ import annotations

from connectors.simulation.clock import write_date


def write_time(seconds: float | None) -> str | None:
    """Return a time in UTC with three fraction digits; None stays None."""
    return None if seconds is None else write_date(seconds)
