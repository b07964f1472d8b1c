"""The commands of jobs: `matricula jobs list|show|run|apply|retry|pause|resume`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands import config_option, json_option, operator, print_json, services_of

if TYPE_CHECKING:
    from gateway.intents import Intent
    from gateway.jobs.desk import Desk
    from gateway.jobs.store import Run
    from gateway.jobs.working import Worker
    from gateway.services import Services

_EXIT_CODES = {"done": 0, "planned": 0, "stopped": 3}

_later_option = click.option(
    "--later", is_flag=True, help="Leave it to the gateway that is serving."
)
_run_option = click.option("--run", type=int, help="Only if this is the newest run.")


@click.group()
def jobs() -> None:
    """Do the jobs of the configuration, and see what has become of them.

    What does a job ends with 0 when all is done or planned, 1 when something has failed, 3 when a
    guard has stopped it.
    """


@jobs.command("list")
@config_option
@json_option
def list_jobs(config: Path, as_json: bool) -> None:
    """List the jobs: when they are due, and how their newest run stands."""
    from gateway.jobs.shown import job_resource

    with _opened(config) as (services, desk, _):
        found = desk.jobs()
        rows = [job_resource(job, services.base(job.settings.target)) for job in found]
    if as_json:
        print_json(rows)
        return
    for job, row in zip(found, rows, strict=True):
        when = "paused" if row["paused"] else row.get("next", "when asked for")
        state = job.newest.state if job.newest else "never done"
        click.echo(f"{row['id']}: {row['kind']} {row['target']}; {when}; {state}")


@jobs.command("show")
@click.argument("name")
@config_option
@json_option
def show_job(name: str, config: Path, as_json: bool) -> None:
    """Show a job and its runs, the newest first, with the plan that waits to be applied."""
    from gateway.jobs.shown import job_resource, run_resource

    with _opened(config) as (services, desk, _):
        job, runs = desk.job(name), desk.runs(job=name)
        if as_json:
            base = services.base(job.settings.target)
            done = [run_resource(run, base) for run in runs]
            print_json({**job_resource(job, base), "runs": done})
            return
        for run in runs:
            _show(run)
        if runs and runs[0].state == "planned":
            _show_plan(desk, runs[0])


@jobs.command("run")
@click.argument("name")
@_later_option
@config_option
@json_option
def run_job(name: str, later: bool, config: Path, as_json: bool) -> None:
    """Do a job now."""
    _do(config, name, lambda desk: desk.run(name, _by(config)), later=later, as_json=as_json)


@jobs.command("apply")
@click.argument("name")
@_run_option
@_later_option
@config_option
@json_option
def apply_plan(name: str, run: int | None, later: bool, config: Path, as_json: bool) -> None:
    """Apply the plan that the newest run of a job has made."""
    _do(config, name, lambda desk: desk.apply(name, _by(config), run), later=later, as_json=as_json)


@jobs.command("retry")
@click.argument("name")
@_run_option
@_later_option
@config_option
@json_option
def retry_job(name: str, run: int | None, later: bool, config: Path, as_json: bool) -> None:
    """Go on with the newest run of a job, which has failed, was stopped, or was cut off."""
    from gateway.jobs.store import ACTIVE

    def ask(desk: Desk) -> Run:
        newest = desk.job(name).newest
        if newest is not None and newest.state in ACTIVE:
            # Nobody is at work on it: the process that was has died.
            return newest
        return desk.retry(name, _by(config), run)

    _do(config, name, ask, later=later, as_json=as_json)


@jobs.command("pause")
@click.argument("name")
@config_option
def pause_job(name: str, config: Path) -> None:
    """Let nothing of a job be done until it is resumed; what is at work on it stops."""
    with _opened(config) as (_, desk, _):
        desk.pause(name, _by(config))
    click.echo(f"Paused: {name}.")


@jobs.command("resume")
@click.argument("name")
@config_option
def resume_job(name: str, config: Path) -> None:
    """Let a paused job go on."""
    with _opened(config) as (_, desk, _):
        desk.resume(name, _by(config))
    click.echo(f"Resumed: {name}.")


def _do(config: Path, name: str, ask: Callable[[Desk], Run], *, later: bool, as_json: bool) -> None:
    """Do what is asked for here, or leave it to the gateway; tell what has become of it."""
    from gateway.jobs.shown import run_resource
    from gateway.progress import shown

    with _opened(config) as (services, desk, worker):
        base = services.base(desk.settings_of(name).target)
        if later:
            run = ask(desk)
        else:
            with shown(name) as watch:
                run = worker.do(name, lambda: ask(desk), watch)
        if as_json:
            print_json(run_resource(run, base))
        else:
            _show(run)
            if run.state == "planned":
                _show_plan(desk, run)
    sys.exit(0 if later else _EXIT_CODES.get(run.state, 1))


@contextmanager
def _opened(config: Path) -> Iterator[tuple[Services, Desk, Worker]]:
    """Give the services of a configuration, its desk, and what does its jobs in this process."""
    from gateway.jobs.desk import Desk
    from gateway.jobs.store import Store
    from gateway.jobs.working import make_worker
    from gateway.sync.forecast import Meter
    from schemas.errors import ScimError

    meter = Meter()
    with services_of(config, observe=meter) as services:
        desk = Desk(services.settings, Store(services.database), services.audit)
        worker = make_worker(services, desk, meter)
        try:
            yield services, desk, worker
        except ScimError as error:
            raise click.ClickException(error.detail) from None


def _by(config: Path) -> Intent:
    return operator(config, "", "Job")


def _show(run: Run) -> None:
    from gateway.tables import moment_text

    totals = ", ".join(f"{kind} {number}" for kind, number in (run.totals or {}).items())
    when = moment_text(run.requested)[:19]
    told = "; ".join(text for text in (totals, run.detail) if text)
    click.echo(f"run {run.id}, {when}, by {run.actor}: {run.state}{told and f': {told}'}")


def _show_plan(desk: Desk, run: Run) -> None:
    from gateway.sync.plan import read_head
    from gateway.sync.showing import show_plan

    path = desk.plan_of(run)
    try:
        show_plan(path, read_head(path))
    except (OSError, ValueError):
        click.echo("Its plan is not there any more: do the job again.")
    else:
        click.echo(f"To do it: matricula jobs apply {run.job} --run {run.id}")
