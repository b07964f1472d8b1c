"""What is kept of jobs, on both databases: whoever asks at the same moment, one run is begun."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.base import Options
from gateway.database import Database, now
from gateway.intents import Intent
from gateway.jobs.configuration import parse_jobs
from gateway.jobs.desk import Desk
from gateway.jobs.store import Store
from gateway.settings import Settings, TargetSettings
from schemas.errors import ScimError
from tests.gateway.service import audit_log

THREADS = 8


def desk_of(database: Database) -> Desk:
    targets = {"memory": TargetSettings("memory", Options(name="memory"))}
    table = {"one": {"export": "memory", "out": "m.jsonl", "schedule": "0 3 * * *"}}
    settings = Settings("", targets, jobs=parse_jobs(table, Path("/nowhere"), targets))
    return Desk(settings, Store(database), audit_log(database))


def side_by_side(work: Callable[[Desk], object], database: Database) -> int:
    """Return how many of the threads, each with a desk of its own, were not refused."""

    def one(desk: Desk) -> bool:
        try:
            work(desk)
        except ScimError as error:
            assert error.status == 409
            return False
        return True

    desks = [desk_of(database) for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(one, desks))


def asked_by(name: str) -> Intent:
    return Intent("", "", "Job", actor=name)


def test_one_of_many_begins_a_run(database: Database) -> None:
    assert side_by_side(lambda desk: desk.run("one", asked_by("me")), database) == 1
    (run,) = Store(database).active()
    assert (run.job, run.actor, run.state, run.phase) == ("one", "me", "waiting", "export")
    assert side_by_side(lambda desk: desk.pause("one", asked_by("me")), database) == 1


def test_one_of_many_begins_what_is_due(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk_of(database)
    for module in ("desk", "store"):
        monkeypatch.setattr(f"gateway.jobs.{module}.now", lambda: now() + timedelta(days=1))
    side_by_side(lambda desk: desk.run_due(), database)
    (run,) = Store(database).active()
    assert (run.job, run.actor) == ("one", "schedule")
    assert len(list(audit_log(database).stream(None))) == 1


def test_what_is_known_of_a_run_is_kept(database: Database) -> None:
    desk, store = desk_of(database), Store(database)
    id = desk.run("one", asked_by("me")).id
    moment = now()
    store.change(id, state="failed", totals={"written": 3}, detail="No.", ended=moment, failures=2)
    run = store.run(id)
    assert (run.state, run.totals, run.detail, run.failures) == ("failed", {"written": 3}, "No.", 2)
    assert run.ended == moment
    assert (
        store.newest("one", "memory") == run == store.runs("memory")[0] == store.runs(job="one")[0]
    )
    assert store.runs("other") == store.active() == []
    with pytest.raises(ScimError):
        store.run(id + 1)
