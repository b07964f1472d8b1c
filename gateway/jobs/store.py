"""Where it is kept how far jobs are: which are paused, and each run of one with its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Select, Update, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from gateway.database import Database, added, now
from gateway.tables import jobs, runs
from schemas.errors import not_found_resource

KEPT = 50
"""How many runs of a job are remembered."""

ACTIVE = ("waiting", "running")
_INSERTS: dict[str, Any] = {"sqlite": insert_sqlite, "postgresql": insert_postgresql}


@dataclass(frozen=True, slots=True)
class Run:
    """One time that a job is done.

    `phase` is plan, apply or export: what it is about to do, or has done last. It is begun `due` at
    the earliest; `starts` counts how often it was begun or gone on with, `failures` how often it
    has failed. `totals` counts records or writes by kind; `events` is what the request ids of its
    audit events begin with.
    """

    id: int
    job: str
    target: str
    actor: str
    state: str
    phase: str
    requested: datetime
    due: datetime
    started: datetime | None = None
    ended: datetime | None = None
    starts: int = 0
    failures: int = 0
    totals: dict[str, int] | None = None
    detail: str = ""
    events: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A job as it is kept: paused since when, and up to when its schedule is dealt with."""

    paused: datetime | None
    planned: datetime


class Store:
    """The jobs and runs in the database, shared by all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, schedules: Mapping[str, str]) -> None:
        """Put up jobs by name; a schedule that is new, or another one, begins now."""
        rows = [
            {"name": name, "schedule": schedule, "planned": now()}
            for name, schedule in schedules.items()
        ]
        if not rows:
            return
        adding = _INSERTS[self._database.dialect](jobs)
        renewed = {name: adding.excluded[name] for name in ("schedule", "planned")}
        is_other = jobs.c.schedule != adding.excluded.schedule
        putting = adding.on_conflict_do_update(
            index_elements=["name"], set_=renewed, where=is_other
        )
        with self._database.write() as connection:
            connection.execute(putting, rows)

    def standing(self, name: str) -> Standing:
        """Return how a job stands."""
        with self._database.single() as connection:
            return Standing(*connection.execute(_standing_of(name)).one())

    def plan(self, name: str, moment: datetime) -> None:
        """Keep that a job's schedule is dealt with up to a moment."""
        with self._database.write() as connection:
            connection.execute(_stand(name, planned=moment))

    def run(self, id: int) -> Run:
        """Return a run. Raises 404 when there is none of that id."""
        found = self._runs(runs.c.run == id)
        if not found:
            raise not_found_resource("JobRun", str(id))
        return found[0]

    def newest(self, job: str, target: str) -> Run | None:
        """Return the newest run of a job on a target, None before the first."""
        with self._database.single() as connection:
            return _newest(connection, job, target)

    def runs(self, target: str | None = None, job: str | None = None) -> list[Run]:
        """Return the runs of a target, of a job, or all, the newest first."""
        wanted = [runs.c.target == target] if target is not None else []
        wanted += [runs.c.job == job] if job is not None else []
        return self._runs(*wanted)

    def active(self) -> list[Run]:
        """Return the runs that are to be begun, or that somebody is or was at work on."""
        return sorted(self._runs(runs.c.state.in_(ACTIVE)), key=lambda run: run.due)

    def change(self, id: int, **known: Any) -> None:
        """Keep what has become known of a run."""
        with self._database.write() as connection:
            connection.execute(_changing(id, known))

    def forget(self, job: str) -> list[int]:
        """Forget all but the newest runs of a job; return the ids of the others."""
        old = [run.id for run in self.runs(job=job)[KEPT:]]
        if old:
            with self._database.write() as connection:
                connection.execute(delete(runs).where(runs.c.run.in_(old)))
        return old

    def _runs(self, *wanted: Any) -> list[Run]:
        with self._database.single() as connection:
            return list(map(_run, connection.execute(_NEWEST_FIRST.where(*wanted))))


class Entry:
    """A job as it stands within a transaction, where nobody else decides about it meanwhile."""

    def __init__(self, connection: Connection, name: str, target: str) -> None:
        self._connection = connection
        self._name = name
        self._target = target
        locked = _standing_of(name).with_for_update()
        self.standing = Standing(*connection.execute(locked).one())
        self.newest = _newest(connection, name, target)

    def stand(self, **known: datetime | None) -> None:
        """Keep how the job stands."""
        self._connection.execute(_stand(self._name, **known))

    def begin(self, actor: str, phase: str, moment: datetime) -> int:
        """Keep a new run that waits to be carried out; return its id."""
        values = _values(
            job=self._name,
            target=self._target,
            actor=actor,
            state="waiting",
            phase=phase,
            requested=moment,
            due=moment,
            starts=0,
            failures=0,
            totals=None,
            detail="",
            events="",
        )
        return added(self._connection, insert(runs), values)

    def change(self, id: int, **known: Any) -> None:
        """Keep what has become known of a run."""
        self._connection.execute(_changing(id, known))


_NEWEST_FIRST = select(runs).order_by(runs.c.run.desc())


def _standing_of(name: str) -> Select[Any]:
    return select(jobs.c.paused, jobs.c.planned).where(jobs.c.name == name)


def _stand(name: str, **known: datetime | None) -> Update:
    return update(jobs).where(jobs.c.name == name).values(**known)


def _newest(connection: Connection, job: str, target: str) -> Run | None:
    query = _NEWEST_FIRST.where(runs.c.job == job, runs.c.target == target).limit(1)
    found = connection.execute(query).one_or_none()
    return None if found is None else _run(found)


def _changing(id: int, known: dict[str, Any]) -> Update:
    return update(runs).where(runs.c.run == id).values(**_values(**known))


def _values(**known: Any) -> dict[str, Any]:
    if "totals" in known:
        known["totals"] = orjson.dumps(known["totals"] or {}).decode()
    return known


def _run(row: Any) -> Run:
    held = dict(row._mapping)
    held["totals"] = orjson.loads(held["totals"])
    return Run(held.pop("run"), **held)
