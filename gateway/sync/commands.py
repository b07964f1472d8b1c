"""The command that brings a target to what a file says: `matricula sync TARGET FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.commands import config_option, json_option, operator, print_json, services_of
from gateway.orders import CHOICES

if TYPE_CHECKING:
    from gateway.orders import SyncOrder

_file = click.Path(dir_okay=False, path_type=Path)
_there = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("target")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option(
    "--from", "source", default="", metavar="TARGET", help="Another target instead of a file."
)
@click.option("--type", default="User", show_default=True, help="The resource type.")
@click.option("--match", multiple=True, metavar="PATH", help="The key of accounts: externalId, ...")
@click.option(
    "--map",
    multiple=True,
    metavar="COLUMN=PATH|FILE",
    help="What a column holds; or a .toml or .json file with all of that.",
)
@click.option(
    "--where", default="", metavar="FILTER", help="Only the records for which it holds (SCIM)."
)
@click.option(
    "--each",
    type=click.Choice(CHOICES["each"]),
    default="sync",
    show_default=True,
    help="What becomes of those whom records tell of; sync: they are created, or changed.",
)
@click.option("--mode", type=click.Choice(CHOICES["mode"]), default="exact", show_default=True)
@click.option(
    "--missing",
    type=click.Choice(CHOICES["missing"]),
    default="keep",
    show_default=True,
    help="What becomes of accounts that the source does not have.",
)
@click.option("--spare", multiple=True, metavar="LOGIN", help="An account that is never missing.")
@click.option(
    "--empty",
    type=click.Choice(CHOICES["empty"]),
    default="keep",
    show_default=True,
    help="What an empty cell means.",
)
@click.option("--plan", "output", type=_file, help="Where the plan is put.")
@click.option(
    "--apply",
    "plan",
    type=_there,
    help="Do what this plan says; nothing is written without.",
)
@config_option
@json_option
def sync(
    target: str,
    output: Path | None,
    plan: Path | None,
    config: Path,
    as_json: bool,
    **asked: Any,
) -> None:
    """Plan how TARGET becomes what FILE (CSV, or .jsonl) says; with --apply, do what a plan says.

    Ends with 0 when all is done, 1 when something has failed, 3 when a guard has stopped it (it
    goes on after `matricula guard release`), 4 when the LMS has moved on since the plan was made.
    """
    from gateway.orders import SyncOrder

    order = SyncOrder(**asked)
    if plan is not None:
        if order.file or order.source or output:
            raise click.UsageError("--apply takes a plan and nothing else.")
        _apply(target, plan, config, as_json=as_json)
        return
    if (order.file is None) == (not order.source):
        raise click.UsageError("Name a file, or another target with --from.")
    where = output or Path(f"{target}-{order.type.lower()}.plan")
    _plan(target, order, where, config, as_json=as_json)


def _plan(target: str, order: SyncOrder, output: Path, config: Path, *, as_json: bool) -> None:
    from gateway.sync.forecast import Meter
    from gateway.sync.ordered import planner
    from gateway.sync.showing import progress_shown, show_plan

    meter = Meter()
    with services_of(config, target, meter) as services, _said_plainly():
        made = planner(services, target, order, meter)
        with progress_shown("Records") as progress:
            head = made.write(output, lambda done: progress(done, None))
    if as_json:
        print_json({"plan": str(output), **asdict(head)})
        return
    show_plan(output, head)
    click.echo(f"The plan is in {output}. To do it: matricula sync {target} --apply {output}")


def _apply(target: str, plan: Path, config: Path, *, as_json: bool) -> None:
    from gateway.attempts import Caller
    from gateway.sync.applying import Applier
    from gateway.sync.showing import progress_shown, show_result

    intent = operator(config, "sync", "Job")
    caller = Caller(
        actor=intent.actor or "",
        client_address="",
        client=intent.client or "",
        request_id="",
        require=lambda scope: None,
        observe=lambda operation, outcome, ignored: None,
    )
    with services_of(config, target) as services, _said_plainly():
        applier = Applier(services, services.targets[target], plan, caller)
        with progress_shown("Writes") as progress:
            result = applier.run(intent, progress)
    if as_json:
        print_json({**asdict(result), "exitCode": result.exit_code})
    else:
        show_result(result)
    sys.exit(result.exit_code)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Make one line of what is wrong with the input, the files or the LMS."""
    from schemas.errors import ScimError

    try:
        yield
    except ScimError as error:
        raise click.ClickException(error.detail) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except ValueError as error:
        text = str(error)
        raise click.ClickException(f"{text[:1].upper()}{text[1:]}.") from None
