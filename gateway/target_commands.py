"""The commands of targets: `matricula targets list|pause|resume`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands import config_option, json_option, operator, print_json, services_of

if TYPE_CHECKING:
    from gateway.pauses import Pauses


@click.group()
def targets() -> None:
    """See the targets, and pause them; `matricula check` tests them."""


@targets.command("list")
@config_option
@json_option
def list_targets(config: Path, as_json: bool) -> None:
    """List the targets of the configuration: which LMS, where, and in which mode."""
    with services_of(config) as services:
        rows = [
            {
                "name": name,
                "label": target.settings.label or None,
                "connector": target.settings.connector,
                "url": target.settings.options.url or None,
                "mode": services.mode(name),
                "base": services.base(name),
            }
            for name, target in services.targets.items()
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        where = f" at {row['url']}" if row["url"] else ""
        click.echo(f"{row['name']}: {row['connector']}{where}; {row['mode']}")


@targets.command("pause")
@click.argument("target")
@config_option
def pause_target(target: str, config: Path) -> None:
    """Let nothing more be written to a target: writes are told when to come again."""
    with _pauses(config, target) as pauses:
        pauses.pause(target, operator(config, "", "Target"))
    click.echo(f"Paused: {target}.")


@targets.command("resume")
@click.argument("target")
@config_option
def resume_target(target: str, config: Path) -> None:
    """Let a paused target be written to again."""
    with _pauses(config, target) as pauses:
        pauses.resume(target, operator(config, "", "Target"))
    click.echo(f"Resumed: {target}.")


@contextmanager
def _pauses(config: Path, target: str) -> Iterator[Pauses]:
    from schemas.errors import ScimError

    with services_of(config, target) as services:
        try:
            yield services.pauses
        except ScimError as error:
            raise click.ClickException(error.detail) from None
