"""The time of a simulated site, which a test may move, and how most LMSs write it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Runs with the machine's clock until it is set; from then on it moves only when told."""

    def __init__(self, start: float | None = None) -> None:
        self._standing = start
        self._ahead = 0.0

    def now(self) -> float:
        """Return the time in unix seconds."""
        return (time.time() if self._standing is None else self._standing) + self._ahead

    def set(self, seconds: float) -> None:
        """Stand still at a time in unix seconds."""
        self._standing = seconds
        self._ahead = 0.0

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self._ahead += seconds

    def stamp(self) -> str:
        """Return the time as ISO 8601 in UTC with milliseconds."""
        return write_date(self.now())


def write_date(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(round(seconds * 1000) / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def read_date(text: str) -> float:
    """Return the unix seconds of an ISO 8601 date; one without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
