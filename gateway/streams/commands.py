"""The commands of streams: `matricula streams list|dead|replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.commands import config_option, database_of, json_option, print_json, settings_of


@click.group()
def streams() -> None:
    """See what streams have still to deliver, and deliver again."""


@streams.command("list")
@config_option
@json_option
def list_streams(config: Path, as_json: bool) -> None:
    """List the streams: the last leaf taken, what is pending, what is dead."""
    from gateway.streams.deliveries import Deliveries

    rows: list[dict[str, Any]] = []
    with database_of(config) as database:
        for name, stream in settings_of(config).streams.items():
            deliveries = Deliveries(database, name)
            pending, dead = deliveries.counts()
            rows.append(
                {
                    "name": name,
                    "kind": stream.kind,
                    "format": stream.format,
                    "position": deliveries.position(),
                    "pending": pending,
                    "dead": dead,
                }
            )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(
            f"{row['name']}: {row['kind']} of {row['format']}, position {row['position']}, "
            f"pending {row['pending']}, dead {row['dead']}"
        )


@streams.command("dead")
@click.argument("name")
@click.option("--count", default=100, show_default=True, help="How many of the oldest.")
@config_option
@json_option
def list_dead(name: str, count: int, config: Path, as_json: bool) -> None:
    """List the deliveries that were given up, with the last error of each."""
    from gateway.streams.deliveries import Deliveries, shown

    _check_name(config, name)
    with database_of(config) as database:
        rows = [shown(delivery) for delivery in Deliveries(database, name).dead(count)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(
            f"{row['dead']} leaf {row['leaf']} {row['subject']}: "
            f"{row['attempts']} tries; {row['error']}"
        )


@streams.command("replay")
@click.argument("name")
@click.option("--from", "leaf", type=click.IntRange(min=0), help="Everything from this leaf on.")
@click.option("--dead", "is_dead", is_flag=True, help="What was given up.")
@config_option
def replay(name: str, leaf: int | None, is_dead: bool, config: Path) -> None:
    """Deliver events again: everything from a leaf of the ledger on, or what was given up."""
    from gateway.streams.deliveries import Deliveries

    if is_dead == (leaf is not None):
        raise click.UsageError("Say either --from LEAF or --dead.")
    _check_name(config, name)
    with database_of(config) as database:
        deliveries = Deliveries(database, name)
        if leaf is None:
            click.echo(f"To be tried again: {deliveries.replay_dead()}.")
        elif deliveries.replay_from(leaf):
            click.echo(f"{name} begins again with leaf {leaf}.")
        else:
            raise click.ClickException(f"{name} has not come as far as leaf {leaf}.")


def _check_name(config: Path, name: str) -> None:
    known = settings_of(config).streams
    if name not in known:
        raise click.ClickException(f"No such stream: {name}. Known: {', '.join(known) or 'none'}.")
