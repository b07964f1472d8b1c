"""Running: a run of a job carried out, from where an earlier process has left it, to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from gateway.attempts import Caller
from gateway.database import now
from gateway.exporting import ordered as exports
from gateway.exporting.journals import JournalError
from gateway.intents import Intent, names_in
from gateway.jobs.configuration import JobSettings
from gateway.jobs.desk import Desk
from gateway.jobs.store import Run, Store
from gateway.orders import ExportOrder, SyncOrder
from gateway.progress import Progress, Watch
from gateway.services import Services
from gateway.sync import ordered as syncs
from gateway.sync.applying import Applier, Result
from gateway.sync.forecast import Meter
from gateway.sync.plan import WRITES, job_of
from schemas.errors import ScimError

log = logging.getLogger(__name__)

MOST_STARTS = 25
"""So often a run is gone on with that processes have died over."""
_LOOK_SECONDS = 1.0
"""How often a run looks whether it is to go on, and tells how far it is."""
_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
"""How long a run that has failed waits for its next try: five times as long each time."""

Observe = Callable[[str, str, int], None]


class _Halted(Exception):
    """The run is to go on later."""


@dataclass(frozen=True, slots=True)
class _End:
    """What a phase has come to; `again`: it is worth another try by itself."""

    state: str
    totals: dict[str, int] = field(default_factory=dict)
    detail: str = ""
    again: bool = False
    phase: str = ""


class Runner:
    """Carries runs out; `meter` has seen the calls to LMSs.

    `observe` gives what is told of each write to a target; `conclude` is told each end of a run:
    the job and the state.
    """

    def __init__(
        self,
        services: Services,
        desk: Desk,
        store: Store,
        meter: Meter,
        observe: Callable[[str], Observe],
        conclude: Callable[[str, str], None],
    ) -> None:
        self._services = services
        self._desk = desk
        self._store = store
        self._meter = meter
        self._observe = observe
        self._conclude = conclude

    def carry_out(
        self,
        run: Run,
        is_over: Callable[[], bool] = lambda: False,
        *,
        tries: int | None = None,
        tell: Watch = lambda progress: None,
    ) -> Run:
        """Do what a run is for, and return it as it is then; `tell` is told how far it is.

        It waits, to be gone on with, when the job is paused or `is_over` says that this process
        ends; a failed one waits for its next try, until it has failed `tries` times (by default as
        the job says). Whoever calls holds the lock of the job.
        """
        job = self._desk.settings_of(run.job)
        if run.starts >= MOST_STARTS:
            end = _End("failed", run.totals or {}, "The processes that did it have died.")
            return self._ended(job, run, end)
        self._store.change(
            run.id, state="running", started=now(), ended=None, starts=run.starts + 1
        )
        watch = _Watch(self._store, run, is_over, tell)
        try:
            end = self._phases(job, run, watch)
        except _Halted:
            self._store.change(run.id, state="waiting", due=now(), starts=0)
            return self._store.run(run.id)
        except KeyboardInterrupt:
            interrupted = _End("failed", detail="It was interrupted.")
            self._ended(job, self._store.run(run.id), interrupted)
            raise
        return self._ended(job, self._store.run(run.id), end, tries or job.tries)

    def _phases(self, job: JobSettings, run: Run, watch: _Watch) -> _End:
        """Return what the run has come to, whatever has gone wrong."""
        order = job.order_at(run.requested)
        try:
            if isinstance(order, ExportOrder):
                return self._export(job, run, order, watch)
            if run.phase == "apply" and self._desk.plan_of(run).exists():
                return self._apply(job, run, watch)
            return self._plan(job, run, order, watch)
        except ScimError as error:
            return _End("failed", detail=error.detail, again=error.status >= 500)
        except OSError as error:
            name = Path(str(error.filename)).name
            return _End("failed", detail=f"{name}: {error.strerror}", again=True)
        except (ValueError, JournalError) as error:
            text = str(error).removesuffix(".")
            return _End("failed", detail=f"{text[:1].upper()}{text[1:]}.")
        except _Halted:
            raise
        except Exception:
            log.exception("run %s of %s failed", run.id, job.name)
            return _End("failed", detail="Internal error; the log has the details.")

    def _plan(self, job: JobSettings, run: Run, order: SyncOrder, watch: _Watch) -> _End:
        path = self._desk.plan_of(run)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = syncs.planner(self._services, job.target, order, self._meter)
        head = made.write(path, lambda done: watch.progress(Progress(done)))
        totals = {kind: number for kind, number in head.totals.items() if number}
        if not any(head.totals[kind] for kind in WRITES):
            return _End("done", totals, "There was nothing to write.")
        mode = self._services.mode(job.target)
        self._store.change(run.id, totals=totals, events=job_of(path))
        if job.apply and mode == "live":
            self._store.change(run.id, phase="apply")
            return self._apply(job, run, watch)
        why = "" if mode == "live" else f"{job.target} is in {mode} mode: nothing is written."
        return _End("planned", totals, why, phase="plan")

    def _apply(self, job: JobSettings, run: Run, watch: _Watch) -> _End:
        target = self._services.targets[job.target]
        intent = self._intent(run, "sync", "Job")
        caller = Caller(
            actor=run.actor,
            client_address="",
            client=intent.client or "",
            request_id="",
            require=lambda scope: None,
            observe=self._observe(target.name),
        )
        applier = Applier(self._services, target, self._desk.plan_of(run), caller)
        try:
            result = applier.run(intent, partial(watch.writes, applier))
        except ScimError as error:
            # Of another configuration: the plan is made anew.
            return _End(
                "failed",
                detail=error.detail,
                again=True,
                phase="plan" if error.status == 409 else "",
            )
        if watch.is_halted and result.left:
            raise _Halted
        return _end_of(result, applier.head.totals["refused"])

    def _export(self, job: JobSettings, run: Run, order: ExportOrder, watch: _Watch) -> _End:
        # What an earlier run has left is not gone on with, what this one has left is.
        order = replace(order, restart=run.started is None)
        made = exports.prepared(self._services, job.target, order)
        full, query = made.source.collection.mapping.full, made.query
        events = f"run-{run.id}/"
        intent = replace(self._intent(run, "export", full.name), request_id=f"{events}export")
        self._store.change(run.id, events=events)
        self._services.audit.record(intent, "success", detail=names_in(query.filter))
        progress = made.write(BytesIO(), watch.progress)
        return _End("done", _counts(progress))

    def _intent(self, run: Run, operation: str, resource_type: str) -> Intent:
        return Intent(
            run.target,
            operation,
            resource_type,
            actor=run.actor,
            client=f"job {run.job}",
            configuration=self._services.settings.version,
        )

    def _ended(self, job: JobSettings, run: Run, end: _End, tries: int = 0) -> Run:
        """Keep what a run has come to: its end, or when it is tried again."""
        failures = run.failures + (end.state == "failed")
        known: dict[str, Any] = {
            "totals": end.totals or run.totals,
            "detail": end.detail,
            "failures": failures,
            "phase": end.phase or run.phase,
        }
        if end.again and failures < tries:
            wait = min(_WAIT * 5 ** (failures - 1), _LONGEST_WAIT)
            self._store.change(run.id, state="waiting", due=now() + wait, starts=0, **known)
        elif end.state == "done":
            self._desk.end(run, state=end.state, ended=now(), starts=0, **known)
        else:
            self._store.change(run.id, state=end.state, ended=now(), starts=0, **known)
        for id in self._store.forget(job.name):
            with suppress(FileNotFoundError):
                self._desk.plan_of(replace(run, id=id)).unlink()
        self._conclude(job.name, end.state)
        log.log(
            logging.WARNING if end.state in ("failed", "stopped") else logging.INFO,
            "job",
            extra={"fields": {"job": job.name, "run": run.id, "state": end.state, **known}},
        )
        return self._store.run(run.id)


class _Watch:
    """Told how far a run is: keeps that now and then, and ends the run when it is time to."""

    def __init__(self, store: Store, run: Run, is_over: Callable[[], bool], tell: Watch) -> None:
        self._store = store
        self._run = run
        self._is_over = is_over
        self._tell = tell
        self._looked = time.monotonic()
        self.is_halted = False

    def progress(self, progress: Progress) -> None:
        """Take how far planning or an export is. Raises _Halted."""
        self._look(progress)
        if self.is_halted:
            raise _Halted

    def writes(self, applier: Applier, done: int, total: int) -> None:
        """Take how many writes have ended."""
        self._look(Progress(done, total))
        if self.is_halted:
            applier.stop("It was stopped.")

    def _look(self, progress: Progress) -> None:
        self._tell(progress)
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        total = {} if progress.total is None else {"of": progress.total}
        self._store.change(self._run.id, totals={"under way": progress.read, **total})
        paused = self._store.standing(self._run.job).paused
        self.is_halted = paused is not None or self._is_over()


def _end_of(result: Result, refused: int) -> _End:
    """Return what the run of a plan has come to, without anybody's name."""
    totals: dict[str, int] = {kind: result.done[kind] for kind in WRITES if result.done.get(kind)}
    more = {"done before": result.before, "left": result.left, "refused": refused}
    totals |= {name: number for name, number in more.items() if number}
    match result.exit_code:
        case 0:
            return _End("done", totals)
        case 3:
            return _End("stopped", totals, " ".join(result.stopped.values()))
        case 4:
            said = "The LMS has moved on since the plan was made: it is made anew."
            return _End("failed", totals, said, again=True, phase="plan")
    failed = "1 write has" if result.failed == 1 else f"{result.failed} writes have"
    said = result.broken or f"{failed} failed."
    return _End("failed", totals, said, again=True)


def _counts(progress: Progress) -> dict[str, int]:
    return {name: number for name, number in progress.counts.items() if number}
