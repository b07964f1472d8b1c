"""The desk: what may be asked of jobs, and is written down in the audit log with who asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from gateway.audit import AuditLog
from gateway.database import now
from gateway.intents import Intent
from gateway.jobs.configuration import JobSettings
from gateway.jobs.store import ACTIVE, Entry, Run, Standing, Store
from gateway.settings import Settings
from schemas.errors import ScimError, not_found_resource

SCHEDULE = "schedule"
"""Who asks where nobody does."""

Decision = TypeVar("Decision")

_STATES: dict[str, Callable[[Run], bool]] = {
    "apply": lambda run: run.state == "planned",
    "retry": lambda run: (
        run.state in ("failed", "stopped") or (run.state == "waiting" and run.failures > 0)
    ),
}
"""By what is asked of a run, how that has to stand."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands: paused since when, due next by its schedule, and its newest run."""

    settings: JobSettings
    paused: datetime | None
    next: datetime | None
    newest: Run | None

    @property
    def offers(self) -> tuple[str, ...]:
        """Return what can be asked for now: run, apply, retry, pause, resume."""
        if self.paused is not None:
            return ("resume",)
        newest = self.newest
        asked = [] if _is_active(newest) else ["run"]
        if newest is not None:
            asked += [what for what, is_right in _STATES.items() if is_right(newest)]
        return (*asked, "pause")


class Desk:
    """The jobs of a configuration. All that is asked for raises 404 for a job that there is not."""

    def __init__(self, settings: Settings, store: Store, audit: AuditLog) -> None:
        self._settings = settings
        self._store = store
        self._audit = audit
        store.ensure({name: str(job.schedule or "") for name, job in settings.jobs.items()})

    def jobs(self) -> list[Job]:
        """Return all jobs, by name."""
        return [self.job(name) for name in sorted(self._settings.jobs)]

    def job(self, name: str) -> Job:
        """Return one job."""
        job = self.settings_of(name)
        standing = self._store.standing(name)
        following = None
        if job.schedule and standing.paused is None:
            following = job.schedule.next(standing.planned)
        return Job(job, standing.paused, following, self._store.newest(name, job.target))

    def settings_of(self, name: str) -> JobSettings:
        """Return what the configuration says of a job."""
        if name not in self._settings.jobs:
            raise not_found_resource("Job", name)
        return self._settings.jobs[name]

    def runs(self, target: str | None = None, job: str | None = None) -> list[Run]:
        """Return the runs of a target, of a job, or all, the newest first."""
        return self._store.runs(target, job)

    @property
    def configuration(self) -> str:
        """Return the version of the configuration."""
        return self._settings.version

    def plan_of(self, run: Run) -> Path:
        """Return where the plan of a run is, whether it has been made or not."""
        return self._settings.plans / f"{run.job}-{run.id}.plan"

    def run(self, name: str, by: Intent) -> Run:
        """Let a job be done. Raises 409 while it is at work, or paused."""
        return self._new_run(self.settings_of(name), by)

    def run_due(self) -> None:
        """Let the jobs be done whose schedule says so; what was missed is done once."""
        for job in self._settings.jobs.values():
            if job.schedule is None:
                continue
            standing = self._store.standing(job.name)
            if standing.paused is None and job.schedule.next(standing.planned) <= now():
                self._run_by_schedule(job, standing)

    def apply(self, name: str, by: Intent, seen: int | None = None) -> Run:
        """Let the plan of the newest run be applied, which has to be the one that was seen.

        Raises 409 for any other one, where there is no plan, and while the job is paused.
        """
        return self._go_on(name, by, "apply", seen, phase="apply")

    def retry(self, name: str, by: Intent, seen: int | None = None) -> Run:
        """Let the newest run go on, which has failed or was stopped by a guard, as `apply` does."""
        return self._go_on(name, by, "retry", seen)

    def pause(self, name: str, by: Intent) -> None:
        """Let nothing of a job be done; what is at work on it stops. Raises 409 when it is so."""
        self._stand(name, by, "pause", paused=now())

    def resume(self, name: str, by: Intent) -> None:
        """Let a paused job go on; what its schedule has missed is left out. Raises 409."""
        self._stand(name, by, "resume", paused=None)

    def end(self, run: Run, **known: Any) -> None:
        """Keep that a run is done, and let the job be done that follows: both or neither."""
        following = self.settings_of(run.job).then
        job = self.settings_of(following) if following else None
        if job is None or _is_active(self._store.newest(job.name, job.target)):
            self._store.change(run.id, **known)
            return
        client = f"job {run.job}"
        by = Intent("", "", "", actor=run.actor, client=client, configuration=self.configuration)

        def decide(entry: Entry) -> None:
            entry.change(run.id, **known)
            if not _is_active(entry.newest):
                entry.begin(run.actor, _first_phase(job), now())

        self._decided(job, by, "run", decide)

    def _run_by_schedule(self, job: JobSettings, known: Standing) -> None:
        """Begin a run unless another process has, or the last one is at work still."""
        by = Intent("", "", "", actor=SCHEDULE, configuration=self.configuration)
        if _is_active(self._store.newest(job.name, job.target)):
            self._store.plan(job.name, now())
            return
        with suppress(_Elsewhere):
            self._new_run(job, by, known)

    def _new_run(self, job: JobSettings, by: Intent, known: Standing | None = None) -> Run:
        """Begin a run; by the schedule, only while the job stands as it was `known`."""
        moment = now()

        def decide(entry: Entry) -> int:
            newest = entry.newest
            if known is not None and entry.standing != known:
                raise _Elsewhere
            _refuse_paused(job.name, entry.standing)
            if _is_active(newest):
                raise ScimError(409, f"{job.name} is at work: run {newest.id} is {newest.state}.")
            if known is not None:
                entry.stand(planned=moment)
            return entry.begin(by.actor or "", _first_phase(job), moment)

        return self._store.run(self._decided(job, by, "run", decide))

    def _go_on(
        self,
        name: str,
        by: Intent,
        operation: str,
        seen: int | None,
        **known: str,
    ) -> Run:
        """Let the newest run wait to be carried out, which has to stand as that takes it."""
        job = self.settings_of(name)

        def decide(entry: Entry) -> int:
            newest = entry.newest
            _refuse_paused(name, entry.standing)
            if newest is None or not _STATES[operation](newest):
                state = f"run {newest.id} is {newest.state}" if newest else "it has no run"
                raise ScimError(409, f"{name}: there is nothing to {operation}: {state}.")
            if seen is not None and newest.id != seen:
                raise ScimError(409, f"{name}: run {seen} is not the newest any more.")
            fresh = {"due": now(), "ended": None, "failures": 0, "detail": ""}
            entry.change(newest.id, state="waiting", **fresh, **known)
            return newest.id

        return self._store.run(self._decided(job, by, operation, decide))

    def _stand(self, name: str, by: Intent, operation: str, *, paused: datetime | None) -> None:
        job = self.settings_of(name)

        def decide(entry: Entry) -> None:
            if (entry.standing.paused is None) == (paused is None):
                raise ScimError(409, f"{name} is {'paused already' if paused else 'not paused'}.")
            entry.stand(paused=paused, planned=now())

        self._decided(job, by, operation, decide)

    def _decided(
        self, job: JobSettings, by: Intent, operation: str, decide: Callable[[Entry], Decision]
    ) -> Decision:
        """Return what is decided about a job, once that and its event are committed."""
        intent = replace(
            by,
            target=job.target,
            operation=operation,
            resource_type="Job",
            resource_id=job.name,
        )
        made: list[Decision] = []

        def also(connection: Any) -> None:
            # It may be done twice, and what was done last counts.
            made[:] = [decide(Entry(connection, job.name, job.target))]

        self._audit.record(intent, "success", also)
        return made[0]


class _Elsewhere(Exception):
    """Another process has begun the run."""


def _is_active(run: Run | None) -> TypeGuard[Run]:
    return run is not None and run.state in ACTIVE


def _first_phase(job: JobSettings) -> str:
    return "plan" if job.kind == "sync" else "export"


def _refuse_paused(name: str, standing: Standing) -> None:
    if standing.paused is not None:
        raise ScimError(409, f"{name} is paused: resume it first.")
