"""Schedules: when a job is due, as cron writes it, by somebody's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


@dataclass(frozen=True, slots=True)
class Schedule:
    """Moments by the five fields of cron (`30 2 * * 1-5`) and an IANA zone.

    As cron does it where clocks are changed: what falls into the hour that is left out is due once
    behind it, and what falls into the hour that comes twice is due once.
    """

    cron: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Raise ValueError for what is never due, for no schedule, and for an unknown zone."""
        try:
            ZoneInfo(self.zone)
        except (OSError, LookupError, ValueError):
            raise ValueError(f"{self.zone!r} is no zone of the IANA database") from None
        try:
            self.next(datetime.now(UTC))
        except (CronSimError, StopIteration):
            raise ValueError(f"{self.cron!r} is never due: write it as in 30 2 * * 1-5") from None

    def __str__(self) -> str:
        """Return schedule and zone."""
        return f"{self.cron} {self.zone}"

    def next(self, after: datetime) -> datetime:
        """Return the first moment after that one, in UTC."""
        return next(CronSim(self.cron, after.astimezone(ZoneInfo(self.zone)))).astimezone(UTC)
