"""Schedules: when a job is due, also in the nights in which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest

from gateway.jobs.schedule import Schedule


def following(schedule: Schedule, after: str, count: int = 3) -> list[str]:
    def moments(moment: datetime) -> object:
        while True:
            moment = schedule.next(moment)
            assert moment.tzinfo is UTC
            yield moment.strftime("%Y-%m-%d %H:%M")

    return list(islice(moments(datetime.fromisoformat(after + "Z")), count))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("30 2 * * *", "UTC", "2026-01-01T02:30", ["2026-01-02 02:30", "2026-01-03 02:30"]),
        ("*/20 * * * *", "UTC", "2026-01-01T00:59:59", ["2026-01-01 01:00", "2026-01-01 01:20"]),
        # Friday is followed by Monday.
        ("0 6 * * 1-5", "UTC", "2026-01-02T12:00", ["2026-01-05 06:00", "2026-01-06 06:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 4 * * *", "America/New_York", "2026-01-01T12:00", ["2026-01-02 09:00"]),
        # 02:30 is left out on the 29th of March: it is due at 03:00, once.
        (
            *("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00"),
            ["2026-03-29 01:00", "2026-03-30 00:30"],
        ),
        # 02:30 comes twice on the 25th of October: it is due once.
        (
            *("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00"),
            ["2026-10-25 00:30", "2026-10-26 01:30"],
        ),
    ],
)
def test_a_schedule_is_due(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert following(Schedule(cron, zone), after, len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("", "UTC", "never due"),
        ("every day", "UTC", "never due"),
        ("0 25 * * *", "UTC", "never due"),
        ("0 0 30 2 *", "UTC", "never due"),
        ("* * * * *", "Mars/Base", "no zone"),
        ("* * * * *", "../../etc/passwd", "no zone"),
    ],
)
def test_what_is_no_schedule_is_refused(cron: str, zone: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Schedule(cron, zone)
