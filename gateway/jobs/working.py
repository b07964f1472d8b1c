"""Working: due jobs are begun, and runs carried out, one of each job at a time in all processes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress

from gateway.background import Background
from gateway.database import Database, now
from gateway.exporting import ordered as exports
from gateway.jobs.desk import Desk
from gateway.jobs.running import Observe, Runner
from gateway.jobs.store import ACTIVE, Run, Store
from gateway.orders import ExportOrder
from gateway.progress import Watch
from gateway.references import ConfigurationError
from gateway.services import Services
from gateway.sync import ordered as syncs
from gateway.sync.forecast import Meter
from schemas.errors import ScimError

log = logging.getLogger(__name__)

WORKERS = 4
"""How many jobs are done at a time, in all processes together."""
SECONDS = 1.0
"""How long a worker with nothing to do rests."""


class Worker:
    """Takes what is to be done; the lock of a job tells whether somebody is at work on it."""

    def __init__(self, database: Database, desk: Desk, store: Store, runner: Runner) -> None:
        self._database = database
        self._desk = desk
        self._store = store
        self._runner = runner

    def step(self, is_over: Callable[[], bool]) -> bool:
        """Begin what is due and carry out one run; tell whether there was one."""
        self._desk.run_due()
        for run in self._store.active():
            if self._is_ready(run) and self.work(run, is_over) is not None:
                return True
        return False

    def work(self, run: Run, is_over: Callable[[], bool]) -> Run | None:
        """Carry a run out, None while somebody else is at work on its job, or has been since."""
        with ExitStack() as held:
            try:
                held.enter_context(self._database.lock([run.job], 0, family="jobs"))
            except ScimError:
                return None
            found = self._store.run(run.id)
            if not self._is_ready(found):
                return None
            if found.state == "running":
                log.warning("run %s of %s was cut off and goes on", found.id, found.job)
            return self._runner.carry_out(found, is_over)

    def do(self, name: str, ask: Callable[[], Run], tell: Watch) -> Run:
        """Carry out here what `ask` asks of a job, and return the run as it is then.

        Raises 503 while somebody else is at work on the job, and what `ask` does. A run that fails
        is not tried again by itself.
        """
        with self._database.lock([name], 0, family="jobs"):
            return self._runner.carry_out(ask(), tries=1, tell=tell)

    def _is_ready(self, run: Run) -> bool:
        if run.state not in ACTIVE or run.due > now():
            return False
        try:
            job = self._desk.job(run.job)
        except ScimError:
            # It is not in the configuration any more.
            return False
        return job.paused is None and job.settings.target == run.target


def refuse_mistakes(services: Services) -> None:
    """Raise ConfigurationError for the first job that cannot be done as it is written.

    That the file of a sync is not there yet is no mistake.
    """
    for job in services.settings.jobs.values():
        try:
            if isinstance(job.order, ExportOrder):
                exports.prepared(services, job.target, job.order)
            else:
                with suppress(OSError):
                    syncs.planner(services, job.target, job.order, Meter())
        except (ScimError, ValueError) as error:
            said = error.detail if isinstance(error, ScimError) else str(error)
            raise ConfigurationError(f"jobs.{job.name}: {said}") from None


def make_worker(
    services: Services,
    desk: Desk,
    meter: Meter,
    observe: Callable[[str], Observe] = lambda target: lambda *write: None,
    conclude: Callable[[str, str], None] = lambda job, state: None,
) -> Worker:
    """Return what does the jobs of a configuration, with the services of all targets."""
    store = Store(services.database)
    runner = Runner(services, desk, store, meter, observe, conclude)
    return Worker(services.database, desk, store, runner)


def workers(worker: Worker, database: Database) -> list[Background]:
    """Return the work in the background that does jobs."""

    def one(number: int) -> Background:
        work = Background(f"jobs-{number}", database, lambda: worker.step(work.is_stopped), SECONDS)
        return work

    return [one(number) for number in range(1, WORKERS + 1)]
