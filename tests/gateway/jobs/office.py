"""A gateway with jobs, whose work in the background is done when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.database import now
from gateway.jobs.desk import Desk
from gateway.jobs.store import Run
from gateway.jobs.working import Worker, make_worker
from gateway.services import Services
from gateway.sync.forecast import Meter
from tests.gateway.service import Scim, Service, make_service


@contextmanager
def later(**distance: float) -> Iterator[None]:
    """Let the clock of jobs be ahead for the block."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("desk", "store", "running", "working", "shown"):
            name = f"gateway.jobs.{module}.now"
            patch.setattr(name, lambda: now() + timedelta(**distance))
        yield


@dataclass
class Office:
    """One target of a service, and its jobs."""

    service: Service
    name: str

    @property
    def scim(self) -> Scim:
        return Scim(self.service, self.name)

    @property
    def desk(self) -> Desk:
        desk: Desk = self.service.app.extensions["matricula"]["desk"]
        return desk

    @property
    def services(self) -> Services:
        services: Services = self.service.app.extensions["matricula"]["services"]
        return services

    def worker(self) -> Worker:
        """Return what does the jobs, as one process of the gateway has it."""
        return make_worker(self.services, self.desk, Meter())

    def work(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """Do all that is to be done now; return how many runs that were."""
        worker, done = self.worker(), 0
        while worker.step(is_over):
            done += 1
            assert done < 100
            if is_over():
                break
        return done

    def ask(self, job: str, what: str, expected: int = 202, **body: Any) -> dict[str, Any]:
        """Ask for something over HTTP and return what is answered."""
        response = self.scim.post(f"/Jobs/{job}/.{what}", body or None)
        assert response.status_code == expected, response.text
        return dict(response.json)

    def done(self, job: str, what: str = "run") -> dict[str, Any]:
        """Ask for something, do it, and return the run as it is then."""
        id = self.ask(job, what)["id"]
        assert self.work() == 1
        return self.run(id)

    def run(self, id: str) -> dict[str, Any]:
        """Return a run as SCIM shows it, its totals by kind."""
        held = dict(self.scim.get(f"/JobRuns/{id}").json)
        held["totals"] = {part["type"]: part["value"] for part in held.get("totals", ())}
        return held

    def newest(self, job: str) -> Run:
        newest = self.desk.job(job).newest
        assert newest is not None
        return newest

    def write(self, file: str, *logins: str, **values: str) -> None:
        """Write the file of a sync, with a first name for those who have one."""
        lines = ["userName,name.givenName,name.familyName,contact.email"]
        lines += [f"{one},{values.get(one, 'Ann')},Doe,{one}@example.edu" for one in logins]
        (self.service.folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def events(self, *operations: str) -> list[dict[str, Any]]:
        return [event for event in self.service.events if event["operation"] in operations]


def make_office(folder: Path, jobs: dict[str, Any], target: str = "moodle", **more: Any) -> Office:
    """Return a gateway with one target and these jobs."""
    return Office(make_service(folder, [target], jobs=jobs, **more), target)
