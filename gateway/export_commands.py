"""The command `matricula export`: resources of a target as a file, or what has changed of them."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.commands import config_option, json_option, operator, services_of
from gateway.orders import CHOICES

if TYPE_CHECKING:
    from gateway.progress import Progress

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("target")
@click.argument("type")
@click.option("--filter", default="", help="A SCIM filter; everything without it.")
@click.option("--attributes", default="", help="Only these, with commas between them.")
@click.option("--format", type=click.Choice(CHOICES["format"]), default="jsonl")
@click.option("--out", type=_file, help="A run that was stopped goes on. Default: stdout.")
@click.option("--restart", is_flag=True, help="Begin anew, whatever an earlier run has left.")
@click.option(
    "--date",
    "dates",
    multiple=True,
    metavar="ATTRIBUTE=FORMAT",
    help="How a date is written, e.g. 'start=%d.%m.%Y %I:%M %p@Europe/Berlin'.",
)
@click.option("--delta", type=_file, metavar="STATE", help="Only what is new since STATE.")
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
    type: str,
    attributes: str,
    config: Path,
    as_json: bool,
    **more: Any,
) -> None:
    """Write all resources of a type (User, Group, Course, ...), or what has changed of them."""
    from gateway.exporting.journals import JournalError
    from gateway.exporting.ordered import prepared
    from gateway.intents import names_in
    from gateway.orders import ExportOrder
    from gateway.progress import shown
    from schemas.errors import ScimError

    named = tuple(filter(None, attributes.split(",")))
    order = ExportOrder(type=type, attributes=named, **more)
    started = time.monotonic()
    try:
        with services_of(config, target) as services:
            made = prepared(services, target, order)
            full, wanted = made.source.collection.mapping.full, made.query.filter
            intent = replace(operator(config, "export", full.name, wanted), target=target)
            services.audit.record(intent, "success", detail=names_in(wanted))
            with shown(full.endpoint) as watch:
                progress = made.write(sys.stdout.buffer, watch)
    except (JournalError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except ScimError as error:
        kept = " The same command goes on from here." if order.out else ""
        raise click.ClickException(error.detail + kept) from None
    _conclude(progress, time.monotonic() - started, as_json, apart=order.out is None)


def _conclude(progress: Progress, seconds: float, as_json: bool, *, apart: bool) -> None:
    """Tell what was written; `apart`, on stderr, where stdout has the export itself."""
    import orjson

    if as_json:
        counts = {name.replace(" ", "_"): number for name, number in progress.counts.items()}
        said = {"read": progress.read, "seconds": round(seconds, 1), **counts}
        click.echo(orjson.dumps(said).decode(), err=apart)
        return
    counted = ", ".join(f"{number:,} {name}" for name, number in progress.counts.items())
    click.echo(f"{counted or 'nothing'}, in {seconds:,.1f} seconds", err=True)
