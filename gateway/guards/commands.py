"""The commands of guards: `matricula guard list|release`."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.commands import (
    config_option,
    database_of,
    json_option,
    make_ledger,
    operator,
    print_json,
    settings_of,
)
from gateway.guards.configuration import KINDS


@click.group()
def guard() -> None:
    """See what guards have stopped, and release it."""


@guard.command("list")
@config_option
@json_option
def list_guards(config: Path, as_json: bool) -> None:
    """List the guards that were ever asked: what is stopped, and since when."""
    from gateway.guards.guard import Guard
    from gateway.tables import moment_text

    with database_of(config) as database:
        states = Guard(database, make_ledger(config, database).audit).states()
    rows = [
        {
            "target": state.target,
            "kind": state.kind,
            "stopped": moment_text(state.stopped) if state.stopped else None,
            "released": moment_text(state.released) if state.released else None,
        }
        for state in states
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        said = f"stopped since {row['stopped']}" if row["stopped"] else "goes on"
        click.echo(f"{row['target']}: {row['kind']}: {said}")


@guard.command("release")
@click.argument("target")
@click.argument("kind", type=click.Choice(KINDS))
@config_option
def release_guard(target: str, kind: str, config: Path) -> None:
    """Let a kind of write be done again on a target, counted anew."""
    from gateway.guards.guard import Guard
    from schemas.errors import ScimError

    if target not in settings_of(config).targets:
        raise click.ClickException(f"No such target: {target}.")
    with database_of(config) as database:
        guard = Guard(database, make_ledger(config, database).audit)
        try:
            guard.release(target, kind, operator(config, "release", "Guard"))
        except ScimError as error:
            raise click.ClickException(error.detail) from None
    click.echo(f"Released: {kind} on {target}.")
