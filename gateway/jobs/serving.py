"""The jobs of a target over HTTP: `/Jobs`, `/JobRuns`, and what can be asked of a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, request

from gateway.auth import caller, require
from gateway.cursors import Cursors
from gateway.exchange import answer, read_optional_body
from gateway.intents import Intent
from gateway.jobs.desk import Desk
from gateway.jobs.shown import job_resource, line_shown, plan_page, run_resource
from gateway.jobs.store import Run
from gateway.kept import add_kept
from gateway.query import DEFAULT_COUNT, MAX_COUNT
from gateway.sync.plan import KINDS
from schemas.errors import invalid_value, not_found, not_found_resource
from schemas.job import JOB, JOB_RUN

Resource = dict[str, Any]


def add_jobs(scim: Blueprint, desk: Desk, cursors: Cursors, base: Callable[[], str]) -> None:
    """Add the routes of jobs to the blueprint of targets; `base` is the target's base URL."""

    def visible_jobs() -> list[Resource]:
        require("jobs:read")
        return [job_resource(j, base()) for j in desk.jobs() if j.settings.target == g.target.name]

    def visible_runs() -> list[Resource]:
        require("jobs:read")
        return [run_resource(run, base()) for run in desk.runs(g.target.name)]

    add_kept(scim, JOB, cursors, visible_jobs)
    add_kept(scim, JOB_RUN, cursors, visible_runs)

    def asked(name: str) -> Intent:
        """Return who asks for a job, which has to be one of this target. Raises 403 and 404."""
        require("jobs:write")
        if desk.settings_of(name).target != g.target.name:
            raise not_found_resource(JOB.name, name)
        return caller(None).intent(g.target.name, "", "Job", configuration=desk.configuration)

    def begun(run: Run) -> Response:
        shown = run_resource(run, base())
        return answer(shown, 202, {"Location": shown["meta"]["location"]})

    def standing(name: str) -> Response:
        return answer(job_resource(desk.job(name), base()))

    @scim.post("/Jobs/<id>/.run")
    def run_job(id: str) -> Response:
        return begun(desk.run(id, asked(id)))

    @scim.post("/Jobs/<id>/.apply")
    def apply_plan(id: str) -> Response:
        by = asked(id)
        return begun(desk.apply(id, by, _seen()))

    @scim.post("/Jobs/<id>/.retry")
    def retry_job(id: str) -> Response:
        by = asked(id)
        return begun(desk.retry(id, by, _seen()))

    @scim.post("/Jobs/<id>/.pause")
    def pause_job(id: str) -> Response:
        desk.pause(id, asked(id))
        return standing(id)

    @scim.post("/Jobs/<id>/.resume")
    def resume_job(id: str) -> Response:
        desk.resume(id, asked(id))
        return standing(id)

    @scim.get("/JobRuns/<id>/.plan")
    def plan_of_run(id: str) -> Response:
        require("jobs:read")
        run = next((run for run in desk.runs(g.target.name) if str(run.id) == id), None)
        if run is None:
            raise not_found_resource(JOB_RUN.name, id)
        return answer(_plan(desk, run))


def _seen() -> int | None:
    """Return the run that the body names, None where it names none. Raises 400."""
    said = read_optional_body().get("run")
    if said is None:
        return None
    if not isinstance(said, str) or not _is_number(said):
        raise invalid_value("run is the id of a run, a text.")
    return int(said)


def _plan(desk: Desk, run: Run) -> Resource:
    kind = request.args.get("kind", "")
    if kind and kind not in KINDS:
        raise invalid_value(f"kind is one of {', '.join(KINDS)}.")
    start, count = _number("startIndex", 1), _number("count", DEFAULT_COUNT)
    try:
        page = plan_page(desk.plan_of(run), kind, max(start, 1), min(count, MAX_COUNT))
        collection = g.target.connector.collections[page.head.type]
    except (KeyError, OSError, ValueError):
        raise not_found(f"Run {run.id} of {run.job} has no plan.") from None
    require(f"{collection.mapping.full.endpoint.lower()}:read")
    head = page.head
    return {
        "totals": head.totals,
        "forecast": head.forecast,
        "notes": head.notes,
        "totalResults": page.total,
        "startIndex": max(start, 1),
        "lines": [line_shown(number, line) for number, line in page.lines],
    }


def _number(name: str, usual: int) -> int:
    text = request.args.get(name, str(usual))
    if not _is_number(text):
        raise invalid_value(f"{name} is a whole number, 0 or more.")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
