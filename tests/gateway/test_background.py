"""Work in the background: one of all does it, failures do not end it, the next one takes over."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gateway.background import Background
from gateway.database import Database
from tests.campaign.processes import wait_until


def counting(done: list[str], name: str) -> Callable[[], bool]:
    def step() -> bool:
        done.append(name)
        return False

    return step


def test_one_at_a_time_and_then_the_other(database: Database) -> None:
    done: list[str] = []
    first, second = (
        Background("work", database, counting(done, name), 0.01) for name in ("first", "second")
    )
    first.start()
    wait_until(lambda: len(done) >= 3, "steps of the first")
    second.start()
    time.sleep(0.3)
    assert set(done) == {"first"}
    first.stop()
    wait_until(lambda: "second" in done, "steps of the second")
    before = done.count("first")
    second.stop()
    assert done.count("first") == before


def test_different_work_goes_side_by_side(sqlite: Database) -> None:
    done: list[str] = []
    works = [Background(name, sqlite, counting(done, name), 0.01) for name in ("seal", "send")]
    for work in works:
        work.start()
    wait_until(lambda: {"seal", "send"} == set(done), "both")
    for work in works:
        work.stop()


def test_a_failure_is_logged_and_tried_again(
    sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []

    def step() -> bool:
        done.append(len(done))
        if len(done) == 1:
            raise OSError("no room")
        return len(done) < 5

    work = Background("seal", sqlite, step, 0.01)
    work.start()
    wait_until(lambda: len(done) >= 5, "steps after the failure")
    work.stop()
    assert "seal failed" in caplog.text
