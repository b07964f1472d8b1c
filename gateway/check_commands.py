"""`matricula check`: is each LMS there, what does its set-up lack, and what is to change."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands import config_option, database_of, json_option, print_json, targets_of

if TYPE_CHECKING:
    from connectors.base import Finding

AT_ONCE = 8
"""Targets that are checked side by side."""

_COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@click.argument("target", required=False)
@config_option
@json_option
def check(target: str | None, config: Path, as_json: bool) -> None:
    """Tell of each LMS whether it is there, what it lacks, and what exactly to change."""
    from connectors.side_by_side import side_by_side
    from gateway.checking import findings

    with database_of(config) as database:
        targets = targets_of(config, target, database)
        connectors = [entry.connector for entry in targets.values()]
        try:
            found = dict(zip(targets, side_by_side(findings, connectors, AT_ONCE), strict=True))
        finally:
            for connector in connectors:
                connector.close()
    if as_json:
        print_json(
            {
                name: [{"level": f.level, "text": f.text, "cure": f.cure} for f in all_of_it]
                for name, all_of_it in found.items()
            }
        )
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        for name, all_of_it in found.items():
            for finding in all_of_it:
                click.echo(f"{name}: {finding.level}: {finding.text}{_sentence(finding.cure)}")
    if any(finding.level == "error" for all_of_it in found.values() for finding in all_of_it):
        sys.exit(1)


def _print_table(found: Mapping[str, Sequence[Finding]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("Target", "", "Finding", "What to do")
    for name, all_of_it in found.items():
        for number, finding in enumerate(all_of_it):
            level = Text(finding.level, _COLORS[finding.level])
            shown = Text(name if number == 0 else "")
            table.add_row(shown, level, Text(finding.text), Text(finding.cure))
        table.add_section()
    Console().print(table)


def _sentence(cure: str) -> str:
    return f" {cure}." if cure else ""
