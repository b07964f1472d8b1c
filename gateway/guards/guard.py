"""The guard: counts what may do harm across all workers, and stops it at its limit.

What is let through is counted in the transaction that commits the intent, so that the limit is
exact: not one write above it, whoever else is at work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from connectors.planning import plan
from gateway.audit import AuditLog
from gateway.database import Database, now
from gateway.guards.configuration import Limit, Limits
from gateway.intents import Intent
from gateway.tables import admissions, guards, populations
from gateway.targets import Target
from schemas.errors import ScimError, not_found

Admission = Callable[[Connection], None]
"""Counts a write in the transaction of its intent, or raises what refuses it."""

_KEPT = timedelta(days=30)
"""How long what was let through is kept: longer than a window or a run."""
_FRESH = timedelta(days=1)
"""How long a population is good for."""

_ONE = (guards.c.target == bindparam("of"), guards.c.kind == bindparam("what"))
_STATE = select(guards.c.stopped, guards.c.released).where(*_ONE).with_for_update()
_SUM = select(func.coalesce(func.sum(admissions.c.count), 0)).where(
    admissions.c.target == bindparam("of"), admissions.c.kind == bindparam("what")
)
_SINCE = _SUM.where(admissions.c.time > bindparam("since"))
_OF_RUN = _SINCE.where(admissions.c.run == bindparam("part"))
_INSERT = insert(admissions)
_INSERTS: dict[str, Any] = {"sqlite": insert_sqlite, "postgresql": insert_postgresql}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Stopped(ScimError):
    """429: nothing more of a kind is done on a target until somebody releases it."""

    def __init__(self, target: str, kind: str, why: str, *, is_new: bool) -> None:
        super().__init__(
            429, f"{why} An operator can release it: matricula guard release {target} {kind}"
        )
        self.target = target
        self.kind = kind
        self.is_new = is_new


class _Already(Exception):
    """Somebody else has stopped it."""


class _TriedOut(Exception):
    """The transaction is to be rolled back."""


@dataclass(frozen=True, slots=True)
class State:
    """One guard: since when it has been stopped, or None; when it was last released."""

    target: str
    kind: str
    stopped: datetime | None
    released: datetime | None


class Guard:
    """The limits of all targets, kept by all workers together."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit
        self._known: set[tuple[str, str]] = set()
        self._measuring = threading.Lock()

    def admission(self, target: Target, kinds: Mapping[str, int], run: str) -> Admission | None:
        """Return what counts the writes of these kinds in a transaction; None for harmless ones.

        It raises Stopped beyond a limit; tell `stop` of it. `run` names the job that the write is
        part of, "" for a single request. A share of a population that nobody has counted lately
        is counted first, by reading the LMS.
        """
        settings = target.settings.guard
        limits = {kind: settings.limits.get(kind, Limits()) for kind in kinds}
        counts = {kind: kinds[kind] for kind, limit in limits.items() if limit.of(run)}
        if not counts:
            return None
        every = [limit for kind in counts for limit in limits[kind].of(run)]
        population = self._population_for(target, every)
        for kind in counts:
            self._ensure(target.name, kind)

        def admit(connection: Connection) -> None:
            # In one order, so that nobody waits for somebody who waits for him.
            for kind, number in sorted(counts.items()):
                self._admit(connection, target, kind, number, limits[kind], population, run)

        return admit

    def most(self, target: Target, kind: str, run: str) -> int | None:
        """Return how many writes of a kind its limits allow at all, None where none does."""
        limits = target.settings.guard.limits.get(kind, Limits()).of(run)
        population = self._population_for(target, limits)
        allowed = (limit.allowed(population) for limit in limits)
        return min((number for number in allowed if number is not None), default=None)

    def try_out(self, admission: Admission) -> None:
        """Raise 429 when an admission would be refused; nothing is counted."""
        try:
            with self._database.write() as connection:
                admission(connection)
                raise _TriedOut
        except _TriedOut:
            pass
        except Stopped as stopped:
            raise ScimError(stopped.status, stopped.detail) from None

    def stop(self, refusal: Stopped) -> None:
        """Let nothing more of the kind be done; the first refusal is an event of its own."""
        if not refusal.is_new:
            return

        def close(connection: Connection) -> None:
            going_on = update(guards).where(*_ONE, guards.c.stopped.is_(None))
            one = {"of": refusal.target, "what": refusal.kind}
            if not connection.execute(going_on.values(stopped=now()), one).rowcount:
                raise _Already

        intent = Intent(refusal.target, "stop", "Guard", refusal.kind)
        with suppress(_Already):
            self._audit.record(intent, "success", close, detail=refusal.detail)

    def release(self, target: str, kind: str, by: Intent) -> None:
        """Let a kind of write be done again, counted anew; `by` says who does it.

        Raises 404 when it is not stopped.
        """

        def open_(connection: Connection) -> None:
            moment = now()
            connection.execute(delete(admissions).where(admissions.c.time < moment - _KEPT))
            stopped = update(guards).where(*_ONE, guards.c.stopped.is_not(None))
            values = stopped.values(stopped=None, released=moment)
            if not connection.execute(values, {"of": target, "what": kind}).rowcount:
                raise not_found(f"{kind} is not stopped on {target}.")

        intent = replace(by, target=target, resource_id=kind)
        self._audit.record(intent, "success", open_)

    def states(self) -> list[State]:
        """Return all guards that were ever asked, by target and kind."""
        query = select(guards).order_by(guards.c.target, guards.c.kind)
        with self._database.single() as connection:
            return [State(*row) for row in connection.execute(query)]

    def population(self, target: Target) -> int:
        """Return how many accounts a target has, as counted within the last day or now."""
        known = self.known(target.name)
        if known is None:
            with self._measuring:
                known = self.known(target.name)
                if known is None:
                    known = _count(target)
                    self.learn(target.name, known)
        return known

    def known(self, target: str) -> int | None:
        """Return how many accounts a target had within the last day, None when nobody knows."""
        fresh = populations.c.time > now() - _FRESH
        query = select(populations.c.count).where(populations.c.target == target, fresh)
        with self._database.single() as connection:
            return connection.scalar(query)

    def learn(self, target: str, count: int) -> None:
        """Keep how many accounts a target has."""
        values = {"count": count, "time": now()}
        adding = _INSERTS[self._database.dialect](populations).values(target=target, **values)
        with self._database.write() as connection:
            connection.execute(adding.on_conflict_do_update(index_elements=["target"], set_=values))

    def _population_for(self, target: Target, limits: Iterable[Limit]) -> int:
        """Return how many accounts there are, where a limit is a share of them; else 0."""
        share = any(limit.percent is not None for limit in limits)
        return self.population(target) if share else 0

    def _admit(
        self,
        connection: Connection,
        target: Target,
        kind: str,
        number: int,
        limits: Limits,
        population: int,
        run: str,
    ) -> None:
        one: dict[str, Any] = {"of": target.name, "what": kind}
        stopped = partial(Stopped, target.name, kind)
        state = connection.execute(_STATE, one).one()
        if state.stopped is not None:
            raise stopped(f"The guard of {target.name} has stopped every {kind}.", is_new=False)
        moment, released = now(), state.released or _LONG_AGO
        window = target.settings.guard.window
        since = max(released, moment - timedelta(seconds=window))
        most = limits.window.allowed(population)
        if most is not None:
            done = connection.scalar(_SINCE, one | {"since": since}) or 0
            if done + number > most:
                why = f"The guard of {target.name} allows {most} {kind}s in {window:g} seconds."
                raise stopped(why, is_new=True)
        most = limits.run.allowed(population) if run else None
        if most is not None:
            done = connection.scalar(_OF_RUN, one | {"since": released, "part": run}) or 0
            if done + number > most:
                why = f"The guard of {target.name} allows {most} {kind}s in one run."
                raise stopped(why, is_new=True)
        row = {"target": target.name, "kind": kind, "run": run, "time": moment, "count": number}
        connection.execute(_INSERT, row)

    def _ensure(self, target: str, kind: str) -> None:
        """Put up the row that all who ask for this kind wait for."""
        if (target, kind) in self._known:
            return
        adding = _INSERTS[self._database.dialect](guards).values(target=target, kind=kind)
        with self._database.write() as connection:
            connection.execute(adding.on_conflict_do_nothing())
        self._known.add((target, kind))


def _count(target: Target) -> int:
    users = target.connector.collections["User"]
    return sum(len(batch) for batch in users.search(plan(None, users.mapping)))
