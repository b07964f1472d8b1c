"""Jobs: how each stands, its runs with their plans, and what can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.auth import caller
from gateway.console.lines import ShownChange
from gateway.console.pages import number_of
from gateway.console.recording import record
from gateway.console.services import ConsoleServices
from gateway.intents import Intent
from gateway.jobs.desk import Job
from gateway.jobs.shown import plan_page
from gateway.jobs.store import ACTIVE, Run
from gateway.records import text
from gateway.sync.plan import WRITES, Head, Line, read_head
from schemas.errors import InsufficientScope, ScimError, not_found, not_found_resource
from schemas.job import JOB, JOB_RUN

SIZE = 50
"""How many lines of a plan one page shows."""

STATES = {
    "waiting": ("Waiting", ""),
    "running": ("At work", ""),
    "planned": ("Planned", "open"),
    "done": ("Done", "success"),
    "stopped": ("Stopped by a guard", "refused"),
    "failed": ("Failed", "failed"),
}
"""By the state of a run its word, and the outcome of events that it looks like."""
ASKS = {"run": "Run now", "retry": "Retry", "pause": "Pause", "resume": "Resume"}
"""What is asked for by a button everywhere; a plan is applied where it is seen."""
_COUNTED = {"none": "no change", "absent": "not there"}
_ORDER = (*WRITES, "refused", "absent", "none")
"""The kinds of lines: what is to be done and what cannot be comes before what needs nothing."""
_WORDS: dict[str, Any] = {
    "states": STATES,
    "asks": ASKS,
    "counted": _COUNTED,
    "active": ACTIVE,
}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line of a plan: what becomes of whom, and the values that it sets."""

    line: Line
    changes: list[ShownChange]


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """Some lines of a plan, of a kind or of all; `number` is 1-based."""

    head: Head
    lines: list[ShownLine]
    kind: str
    total: int
    number: int

    @property
    def last(self) -> int:
        """Return the number of the last page."""
        return max(1, -(-self.total // SIZE))

    @property
    def kinds(self) -> dict[str, int]:
        """Return how many lines there are of each kind that there is."""
        return {kind: number for kind in _ORDER if (number := self.head.totals.get(kind, 0))}


def add_routes(console: Blueprint, services: ConsoleServices) -> None:
    """Add the list of jobs, the pages of each and of its plans, and what can be asked for."""
    desk = services.desk
    asks: dict[str, Callable[[str, Intent, int | None], object]] = {
        "run": lambda name, by, seen: desk.run(name, by),
        "apply": desk.apply,
        "retry": desk.retry,
        "pause": lambda name, by, seen: desk.pause(name, by),
        "resume": lambda name, by, seen: desk.resume(name, by),
    }

    @console.get("/jobs")
    def jobs() -> str:
        readable = {target.name for target in services.targets_for(g.token, "jobs:read")}
        found = [job for job in desk.jobs() if job.settings.target in readable]
        return render_template("jobs.html", jobs=found, **_WORDS)

    @console.get("/jobs/<name>")
    def job(name: str) -> str:
        found = visible(name, "jobs:read")
        runs = runs_of(found)
        planned = {run.id for run in runs if desk.plan_of(run).exists()}
        return render_template("job.html", job=found, runs=runs, planned=planned, **_WORDS)

    @console.get("/jobs/<name>/runs/<int:id>")
    def plan(name: str, id: int) -> str:
        job = visible(name, "jobs:read")
        run = next((run for run in runs_of(job) if run.id == id), None)
        if run is None:
            raise not_found_resource(JOB_RUN.name, str(id))
        kind, number = request.args.get("kind", ""), number_of("page", request.args) or 1
        page = _page(desk.plan_of(run), kind, number)
        collections = services.targets[run.target].connector.collections
        if page is None or page.head.type not in collections:
            raise not_found(f"Run {id} of {name} has no plan, or none any more.")
        endpoint = collections[page.head.type].mapping.full.endpoint
        require(run.target, f"{endpoint.lower()}:read")
        record(services, "read", JOB_RUN.name, resource_id=str(id))
        return render_template("plan.html", job=job, run=run, page=page, **_WORDS)

    @console.post("/jobs/<name>/<any(run, apply, retry, pause, resume):asked>")
    def ask(name: str, asked: str) -> Response:
        target = visible(name, "jobs:write").settings.target
        by = caller(None).intent(target, asked, JOB.name, configuration=desk.configuration)
        asks[asked](name, by, number_of("run", request.form))
        return redirect(url_for("console.job", name=name), 303)

    def visible(name: str, scope: str) -> Job:
        """Return a job. Raises 404 when the token is not for its target, 403 for its scopes."""
        job = desk.job(name)
        if job.settings.target not in {target.name for target in services.targets_for(g.token)}:
            raise not_found_resource(JOB.name, name)
        require(job.settings.target, scope)
        return job

    def require(target: str, scope: str) -> None:
        if not g.token.allows(target, scope):
            label = services.label(target)
            raise InsufficientScope(f"The token lacks the scope {scope} on target {label}.")

    def runs_of(job: Job) -> list[Run]:
        """Return the runs of a job, but for those of a target that it was for before."""
        return desk.runs(job.settings.target, job.settings.name)


def _page(path: Path, kind: str, number: int) -> ShownPlan | None:
    """Return a page of a plan, None when there is none or it is spoilt. Raises 400."""
    if kind and kind not in _ORDER:
        raise ScimError(400, f"{kind[:20]!r} is no kind: there are {', '.join(_ORDER)}.")
    skipped = (number - 1) * SIZE
    lines: list[ShownLine] = []
    total = 0
    try:
        head = read_head(path)
        for one in [kind] if kind else _ORDER:
            held = head.totals.get(one, 0)
            total += held
            count = min(held - skipped, SIZE - len(lines))
            if count > 0:
                found = plan_page(path, one, skipped + 1, count).lines
                lines += [ShownLine(line, _changes(line)) for _, line in found]
            skipped = max(skipped - held, 0)
    except (OSError, ValueError):
        return None
    return ShownPlan(head, lines, kind, total, number)


def _changes(line: Line) -> list[ShownChange]:
    """Return what a line changes, or the values that it sets; of what is secret only the names."""
    if line.kind == "delete":
        return []
    if line.kind == "create":
        shown = [ShownChange(o["path"], "", None, _value(o["value"])) for o in line.operations]
    else:
        shown = [ShownChange(c.path or "", c.native or "", c.old, c.new) for c in line.changes]
    named = {change.path for change in shown}
    secret = sorted(line.secrets.keys() - named)
    return [*shown, *(ShownChange(path, "", None, None) for path in secret)]


def _value(value: Any) -> str:
    """Return what an operation sets as text, several values one behind the other."""
    return ", ".join(text(one) or "" for one in (value if isinstance(value, list) else [value]))
