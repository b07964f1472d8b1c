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

if TYPE_CHECKING:
    from gateway.services import Services
    from gateway.sync.source import Source

_file = click.Path(dir_okay=False, path_type=Path)
_there = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("target")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--from", "other", metavar="TARGET", help="Another target instead of a file.")
@click.option("--type", "type_", default="User", show_default=True, help="The resource type.")
@click.option(
    "--match", "match", multiple=True, metavar="PATH", help="The key of accounts, e.g. externalId."
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="COLUMN=PATH|FILE",
    help="What a column holds; or a .toml or .json file with all of that.",
)
@click.option(
    "--where", "wanted", metavar="FILTER", help="Only the records for which it holds (SCIM)."
)
@click.option(
    "--mode", type=click.Choice(["exact", "add", "remove"]), default="exact", show_default=True
)
@click.option(
    "--missing",
    type=click.Choice(["keep", "disable", "delete"]),
    default="keep",
    show_default=True,
    help="What becomes of accounts that the source does not have.",
)
@click.option(
    "--spare", "spared", multiple=True, metavar="LOGIN", help="An account that is never missing."
)
@click.option(
    "--empty",
    type=click.Choice(["keep", "clear"]),
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
    file: Path | None,
    other: str | None,
    type_: str,
    match: tuple[str, ...],
    maps: tuple[str, ...],
    wanted: str | None,
    mode: str,
    missing: str,
    spared: tuple[str, ...],
    empty: str,
    output: Path | None,
    plan: Path | None,
    config: Path,
    as_json: bool,
) -> None:
    """Plan how TARGET becomes what FILE (CSV, or .jsonl) says; with --apply, do what a plan says.

    Ends with 0 when all is done, 1 when something has failed, 3 when a guard has stopped it (it
    goes on after `matricula guard release`), 4 when the LMS has moved on since the plan was made.
    """
    if plan is not None:
        if file or other or output:
            raise click.UsageError("--apply takes a plan and nothing else.")
        _apply(target, plan, config, as_json=as_json)
        return
    if (file is None) == (other is None):
        raise click.UsageError("Name a file, or another target with --from.")
    asked = {"mode": mode, "missing": missing, "empty": empty, "spared": frozenset(spared)}
    source: Any = file if file is not None else other
    where = output or Path(f"{target}-{type_.lower()}.plan")
    _plan(target, source, type_, match, maps, wanted, asked, where, config, as_json=as_json)


def _plan(
    target: str,
    source: Path | str,
    type_: str,
    match: tuple[str, ...],
    maps: tuple[str, ...],
    wanted: str | None,
    asked: dict[str, Any],
    output: Path,
    config: Path,
    *,
    as_json: bool,
) -> None:
    from gateway.sync.columns import Columns, path_of, read_map
    from gateway.sync.forecast import Meter
    from gateway.sync.planning import Planner, Wish
    from gateway.sync.selecting import selected
    from gateway.sync.showing import progress_shown, show_plan
    from schemas.filters import parse_filter

    meter = Meter()
    with services_of(config, target, meter) as services, _said_plainly():
        entry = services.targets[target]
        collection = entry.connector.collections.get(type_)
        if collection is None:
            raise ValueError(f"{target} has no resource type {type_}")
        full = collection.mapping.full
        paths = tuple(path_of(full, text) for text in match or full.key)
        columns = Columns(full, *read_map(maps))
        wish = Wish(paths, **asked)
        records = _source(services, source, type_, target)
        if wanted:
            records = selected(records, columns, full, parse_filter(wanted, full))
        planner = Planner(services, entry, collection, records, columns, wish, meter)
        with progress_shown("Records") as progress:
            head = planner.write(output, lambda done: progress(done, None))
    if as_json:
        print_json({"plan": str(output), **asdict(head)})
        return
    show_plan(output, head)
    click.echo(f"The plan is in {output}. To do it: matricula sync {target} --apply {output}")


def _source(services: Services, source: Path | str, type_: str, target: str) -> Source:
    from gateway.sync.source import file_source, target_source

    if isinstance(source, Path):
        return file_source(source)
    if source == target:
        raise ValueError("a target cannot be brought to itself")
    if source not in services.targets:
        raise ValueError(f"no such target: {source}")
    theirs = services.targets[source].connector.collections.get(type_)
    if theirs is None or type_ not in ("User", "Course"):
        raise ValueError(f"{source} is no source of {type_}: only users and courses can be taken")
    mine = services.targets[target].connector.collections[type_].mapping
    held = {str(row.path) for row in mine.rows if row.field.writable}
    return target_source(source, theirs, held.__contains__)


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
