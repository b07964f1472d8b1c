"""The first page: targets with their health, what each holds, and the newest events."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, g, render_template

from connectors.base import Collection
from gateway.audit_events import visible_to
from gateway.console.lines import lines_of
from gateway.console.selection import Selection
from gateway.console.services import ConsoleServices
from gateway.guards.guard import State
from gateway.health import OK
from gateway.jobs.desk import Job
from gateway.tables import moment_text
from gateway.targets import Target
from gateway.tokens import Token
from schemas.filters import all_of

_NEWEST = 8
_WRITES = {"create": "create", "update": "change", "delete": "delete"}


@dataclass(frozen=True, slots=True)
class Holding:
    """How many attributes a target holds of one type of resource, and what it cannot do with it."""

    endpoint: str
    attributes: int
    limits: str


@dataclass(frozen=True, slots=True)
class TargetState:
    """A target as pages show it; `said` is what its mode means, "" for the usual one."""

    name: str
    platform: str
    is_well: bool
    state: str
    holdings: tuple[Holding, ...]
    mode: str
    said: str


MODES = {
    "live": "",
    "shadow": "Shadow mode: what is written to it is only planned.",
    "paused": "Paused: nothing is written to it.",
}


_FOR_PEOPLE = {
    "planned": "has a plan that waits to be seen and applied",
    "stopped": "was stopped by a guard",
    "failed": "has failed",
}
"""The states of a run with which somebody has to do something, and what they mean."""


def add_routes(console: Blueprint, services: ConsoleServices) -> None:
    """Add the first page to the console."""

    def stopped_for(token: Token) -> list[tuple[State, str]]:
        """Return what guards have stopped on the token's targets, and since when."""
        names = {target.name for target in services.targets_for(token)}
        states = [state for state in services.guard.states() if state.target in names]
        return [(state, moment_text(state.stopped)) for state in states if state.stopped]

    def jobs_for(token: Token) -> list[Job]:
        """Return the jobs of the token's targets whose newest run waits for somebody."""
        names = {target.name for target in services.targets_for(token, "jobs:read")}
        jobs = [job for job in services.desk.jobs() if job.settings.target in names]
        return [job for job in jobs if job.newest and job.newest.state in _FOR_PEOPLE]

    @console.get("/")
    def overview() -> str:
        chosen = all_of(visible_to(g.token), *Selection().terms())
        _, newest = services.audit.search(chosen, count=_NEWEST, descending=True)
        return render_template(
            "overview.html",
            targets=[state_of(services, target) for target in services.targets_for(g.token)],
            stopped=stopped_for(g.token),
            jobs=jobs_for(g.token),
            said=_FOR_PEOPLE,
            lines=lines_of(services.audit, services.prover, newest),
        )


def state_of(services: ConsoleServices, target: Target) -> TargetState:
    """Return how a target stands; its LMS is asked as rarely as `Health` does."""
    state = services.health.state(target)
    held = tuple(map(_holding, target.connector.collections.values()))
    lms, mode = target.settings.connector, services.mode(target)
    return TargetState(target.name, lms, state == OK, state, held, mode, MODES[mode])


def _holding(collection: Collection) -> Holding:
    missing = [verb for name, verb in _WRITES.items() if not collection.offers(name)]
    limits = "read only" if len(missing) == len(_WRITES) else ""
    if missing and not limits:
        limits = f"no {' or '.join(missing)}"
    return Holding(collection.mapping.full.endpoint, len(collection.mapping.rows), limits)
