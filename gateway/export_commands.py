"""The command `matricula export`: resources of a target as a file, or what has changed of them."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.commands import config_option, json_option, operator, services_of

if TYPE_CHECKING:
    from gateway.exporting.files import Identity
    from gateway.exporting.forms import Dates, Form
    from gateway.exporting.runs import Delta, Output
    from gateway.exporting.sources import Source
    from gateway.intents import Intent
    from gateway.progress import Progress
    from gateway.query import Query
    from gateway.services import Services
    from schemas.attributes import ResourceType
    from schemas.paths import Path as AttributePath

_file = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is wanted besides the query: where it goes to, and how."""

    out: Path | None
    form: str
    dates: tuple[str, ...]
    restart: bool
    state: Path | None
    whole: bool
    always: tuple[str, ...]
    quick: bool


@click.command()
@click.argument("target")
@click.argument("type_", metavar="TYPE")
@click.option("--filter", "filter_", help="A SCIM filter; everything without it.")
@click.option("--attributes", help="Only these, with commas between them.")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl")
@click.option("--out", type=_file, help="A run that was stopped goes on. Default: stdout.")
@click.option("--restart", is_flag=True, help="Begin anew, whatever an earlier run has left.")
@click.option(
    "--date",
    "dates",
    multiple=True,
    metavar="ATTRIBUTE=FORMAT",
    help="How a date is written, e.g. 'start=%d.%m.%Y %I:%M %p@Europe/Berlin'.",
)
@click.option("--delta", "state", type=_file, metavar="STATE", help="Only what is new since STATE.")
@click.option(
    "--whole/--changed-only",
    default=True,
    help="Of what has changed, everything (the default) or the changes.",
)
@click.option("--always", multiple=True, metavar="ATTRIBUTE", help="Stands beside changes, too.")
@click.option("--quick", is_flag=True, help="Ask the LMS what has changed: see docs/export.md.")
@config_option
@json_option
def export(
    target: str,
    type_: str,
    filter_: str | None,
    attributes: str | None,
    config: Path,
    as_json: bool,
    **more: Any,
) -> None:
    """Write all resources of a type (User, Group, Course, ...), or what has changed of them."""
    from gateway.exporting.journals import JournalError
    from gateway.intents import names_in
    from schemas.errors import ScimError

    order = _Order(**more)
    started = time.monotonic()
    try:
        with services_of(config, target) as services:
            source = _source(services, target, type_)
            query, form, delta = _wanted(source, filter_, attributes, order)
            asked = names_in(query.filter)
            services.audit.record(_event(config, source, query), "success", detail=asked)
            progress = _written(source, query, form, delta, order)
    except (JournalError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except ScimError as error:
        kept = " The same command goes on from here." if order.out else ""
        raise click.ClickException(error.detail + kept) from None
    _conclude(progress, time.monotonic() - started, order, as_json)


def _source(services: Services, name: str, type_: str) -> Source:
    """Return the collection of a type, by the type's name or its endpoint's."""
    from gateway.exporting.sources import Source

    target = services.targets[name]
    known = {
        said.lower(): one
        for one in target.connector.collections.values()
        for said in (one.mapping.full.name, one.mapping.full.endpoint)
    }
    collection = known.get(type_.lower())
    if collection is None:
        types = ", ".join(target.connector.collections)
        raise click.ClickException(f"{name} has no resource type {type_}. It has: {types}.")
    base = f"{services.settings.public_url or 'http://127.0.0.1:8080'}/{name}/scim/v2"
    return Source(services.reader, target, collection, base, services.audit)


def _wanted(
    source: Source, filter_: str | None, attributes: str | None, order: _Order
) -> tuple[Query, Form, Delta | None]:
    """Return what is read and how it is written; ScimError or ValueError for a mistake."""
    from gateway.exporting.forms import JsonLines, Table, columns_of
    from gateway.exporting.runs import Delta
    from gateway.query import Query
    from schemas.filters import parse_filter, parse_path
    from schemas.projection import DEFAULT, Projection

    mapping = source.collection.mapping
    full = mapping.full
    always = tuple(parse_path(name, full) for name in order.always)
    projection = DEFAULT
    if attributes:
        named = tuple(parse_path(name.strip(), full) for name in attributes.split(","))
        projection = Projection(included=(*named, *always), restricted=True)
    query = Query(parse_filter(filter_, full) if filter_ else None, projection=projection)
    dates = _dates(order.dates, full)
    form: Form = JsonLines(dates)
    if order.form == "csv":
        form = Table(columns_of(mapping, projection), dates, is_delta=order.state is not None)
    if order.state is None:
        if order.always or order.quick or not order.whole:
            raise ValueError("--changed-only, --always and --quick belong to --delta STATE.")
        return query, form, None
    if order.quick:
        _refuse_slow(source, query)
    return query, form, Delta(order.whole, always, order.quick)


def _dates(given: tuple[str, ...], full: ResourceType) -> Dates:
    from gateway.dates import DateFormat
    from schemas.filters import parse_path

    dates: dict[AttributePath, DateFormat] = {}
    for text in given:
        name, equals, form = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r} is not ATTRIBUTE=FORMAT.")
        try:
            dates[parse_path(name.strip(), full)] = DateFormat.parse(form)
        except ValueError as error:
            raise ValueError(f"--date {name}: {error}.") from None
    return dates


def _refuse_slow(source: Source, query: Query) -> None:
    from gateway.database import now

    if query.filter is not None:
        raise ValueError("--quick goes without --filter: what left it would not be seen.")
    if source.collection.changed(now()) is None:
        name, what = source.target.name, source.collection.mapping.full.endpoint
        raise ValueError(
            f"{name} cannot be asked which {what} have changed: leave out --quick, or see "
            "docs/export.md."
        )


def _event(config: Path, source: Source, query: Query) -> Intent:
    intent = operator(config, "export", source.collection.mapping.full.name, query.filter)
    return replace(intent, target=source.target.name)


def _written(
    source: Source, query: Query, form: Form, delta: Delta | None, order: _Order
) -> Progress:
    """Write the file, then the state; one that is complete takes the place of the one before."""
    from gateway.exporting import files
    from gateway.exporting.journals import Journal
    from gateway.exporting.runs import run
    from gateway.progress import shown

    out, state = order.out, order.state
    with ExitStack() as stack:
        place = files.part_of(state) if state else files.journal_of(out) if out else None
        if place is None:
            journal = stack.enter_context(closing(Journal()))
        else:
            is_new = order.restart or out is None or not files.part_of(out).exists()
            identity = _identity(source, query, form, order)
            opened = files.opened_journal(place, identity, older=state, restart=is_new)
            journal = stack.enter_context(opened)
        kept = stack.enter_context(files.opened(out, journal)) if out else None
        output: Output = kept or files.Flow(sys.stdout.buffer)
        watch = stack.enter_context(shown(source.collection.mapping.full.endpoint))
        progress = run(source, query, form, journal, output, delta, watch)
        if kept is not None:
            kept.finish()
        if state is not None:
            journal.become(state)
    if place is not None and state is None:
        files.forget(place)
    return progress


def _identity(source: Source, query: Query, form: Form, order: _Order) -> Identity:
    """Return what tells this export from others, without the values that a filter holds."""
    from gateway.exporting.files import Identity
    from gateway.exporting.forms import Table
    from gateway.exporting.runs import digest_of

    names = [column.path for column in form.columns] if isinstance(form, Table) else []
    included = sorted({str(path) for path in query.projection.included})
    what = source.collection.mapping.full.name, query.filter, included
    shape = (
        source.base,
        order.out,
        names,
        order.form,
        order.dates,
        order.whole,
        order.always,
        order.quick,
    )
    return Identity(digest_of(source.target.name, *what), digest_of(*shape))


def _conclude(progress: Progress, seconds: float, order: _Order, as_json: bool) -> None:
    """Tell what was written: on stderr where stdout has the export itself."""
    import orjson

    apart = order.out is None
    if as_json:
        counts = {name.replace(" ", "_"): number for name, number in progress.counts.items()}
        said = {"read": progress.read, "seconds": round(seconds, 1), **counts}
        click.echo(orjson.dumps(said).decode(), err=apart)
        return
    counted = ", ".join(f"{number:,} {name}" for name, number in progress.counts.items())
    click.echo(f"{counted or 'nothing'}, in {seconds:,.1f} seconds", err=True)
