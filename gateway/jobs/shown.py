"""Jobs and their runs as SCIM shows them, and a plan as people and programs read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gateway.database import now
from gateway.jobs.desk import Job
from gateway.jobs.store import Run
from gateway.sync.plan import Head, Line, read_head, read_lines
from gateway.tables import moment_text
from schemas.job import JOB, JOB_RUN

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlanPage:
    """Some lines of a plan with their numbers, of `total` that there are of their kind."""

    head: Head
    lines: list[tuple[int, Line]]
    total: int


def job_resource(job: Job, base: str) -> Resource:
    """Return a job as a SCIM resource; `base` is the base URL of its target's service."""
    settings = job.settings
    resource: Resource = {
        "schemas": [JOB.schema.urn],
        "id": settings.name,
        "kind": settings.kind,
        "target": settings.target,
        "resourceType": settings.order.type,
        "apply": settings.apply,
        "paused": job.paused is not None,
        "meta": _meta("Job", f"{base}/{JOB.endpoint}/{settings.name}"),
    }
    if settings.schedule:
        resource |= {"schedule": settings.schedule.cron, "zone": settings.schedule.zone}
    if job.next:
        resource["next"] = moment_text(max(job.next, now()))
    if job.newest:
        resource["lastRun"] = {
            "value": str(job.newest.id),
            "state": job.newest.state,
            "requested": moment_text(job.newest.requested),
        }
    return resource


def run_resource(run: Run, base: str) -> Resource:
    """Return a run as a SCIM resource; `base` is the base URL of its target's service."""
    moments = {
        name: moment_text(moment)
        for name in ("requested", "due", "started", "ended")
        if (moment := getattr(run, name)) is not None
    }
    words = {name: text for name in ("detail", "events") if (text := getattr(run, name))}
    resource: Resource = {
        "schemas": [JOB_RUN.schema.urn],
        "id": str(run.id),
        "job": run.job,
        "target": run.target,
        "actor": run.actor,
        "state": run.state,
        "phase": run.phase,
        "failures": run.failures,
        **moments,
        **words,
        "meta": _meta("JobRun", f"{base}/{JOB_RUN.endpoint}/{run.id}"),
    }
    if run.totals:
        totals = [{"type": kind, "value": number} for kind, number in run.totals.items()]
        resource["totals"] = totals
    return resource


def plan_page(path: Path, kind: str, start: int, count: int) -> PlanPage:
    """Return the lines of a plan of a kind, or "" all, from the 1-based place `start` on.

    Raises OSError when there is no plan (any more), ValueError for a spoilt one.
    """
    head = read_head(path)
    wanted = ((n, line) for n, line in read_lines(path) if kind in ("", line.kind))
    total = head.totals.get(kind, 0) if kind else sum(head.totals.values())
    return PlanPage(head, list(islice(wanted, start - 1, start - 1 + count)), total)


def line_shown(number: int, line: Line) -> Resource:
    """Return a line of a plan as JSON, of what is secret only the names."""
    said = {name: value for name, value in asdict(line).items() if value}
    said.pop("guarded", None)
    if line.secrets:
        said["secrets"] = sorted(line.secrets)
    return {"number": number, **said}


def _meta(resource_type: str, location: str) -> Resource:
    return {"resourceType": resource_type, "location": location}
