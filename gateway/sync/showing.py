"""Showing a plan and the run of one: as a table on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from gateway.progress import Progress, shown
from gateway.sync.applying import Result
from gateway.sync.plan import KINDS, WRITES, Head, Line, read_lines

_FIRST = 20
"""How many lines of each kind are shown."""
_WORDS = {"none": "no change", "absent": "not there"}
_SHOWN_VALUE = 60


def show_plan(path: Path, head: Head) -> None:
    """Print the first lines of each kind, the totals and the forecast."""
    shown: dict[str, list[Line]] = {kind: [] for kind in KINDS if kind != "none"}
    for _, line in read_lines(path):
        if len(shown.get(line.kind, range(_FIRST))) < _FIRST:
            shown[line.kind].append(line)
    lines = [line for lines in shown.values() for line in lines]
    if lines and sys.stdout.isatty():
        _print_table(lines)
    else:
        for line in lines:
            where = f" (line {line.record})" if line.record else ""
            click.echo(f"{_word(line.kind)}: {line.login or line.id or '?'}{where}{said_of(line)}")
    for kind, lines_ in shown.items():
        if (more := head.totals[kind] - len(lines_)) > 0:
            click.echo(f"... and {more} more to {kind}" if kind in WRITES else f"... and {more}")
    totals = ", ".join(f"{_word(kind)} {head.totals[kind]}" for kind in KINDS)
    click.echo(f"{head.target}, {head.type}: {totals}")
    calls = ", ".join(
        f"{kind} {number:g}" for kind, number in head.forecast.items() if kind != "seconds"
    )
    click.echo(f"Upstream calls to apply it: {calls}; about {head.forecast['seconds']:g} seconds")
    for note in head.notes:
        click.echo(note)


def show_result(result: Result) -> None:
    """Print what a run has come to."""
    done = ", ".join(f"{kind} {result.done.get(kind, 0)}" for kind in WRITES)
    before = f"; {result.before} were done before" if result.before else ""
    click.echo(f"Done: {done}{before}. Left: {result.left}.")
    for failure in result.failures:
        click.echo(f"failed: {failure}")
    if (more := result.failed - len(result.failures)) > 0:
        click.echo(f"... and {more} more failed")
    for said in (*result.stopped.values(), result.broken):
        if said:
            click.echo(said)
    if result.moved:
        click.echo(f"Stopped: {result.moved}. Make a new plan.")


@contextmanager
def progress_shown(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Give what is told of progress: done, and of how many."""
    with shown(what) as watch:

        def tell(done: int, total: int | None) -> None:
            watch(Progress(done, total))

        yield tell


def _print_table(lines: list[Line]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "whom", "line", "changes")
    for line in lines:
        cells = (_word(line.kind), line.login or line.id or "?", str(line.record or ""))
        table.add_row(*map(escape, (*cells, said_of(line).strip(" :"))))
    Console().print(table)


def _word(kind: str) -> str:
    return _WORDS.get(kind, kind)


def said_of(line: Line) -> str:
    """Return what is shown of a line behind its name: the reason, or old and new values."""
    if line.reason:
        return f": {line.reason}"
    if line.kind == "delete" or not line.changes:
        return ""
    return ": " + "; ".join(
        f"{change.path}: {_value(change.path in line.secrets, change.old)}"
        f" -> {_value(change.path in line.secrets, change.new)}"
        for change in line.changes
    )


def _value(is_secret: Any, value: str | None) -> str:
    if is_secret:
        return "(secret)"
    if value is None:
        return "-"
    return value if len(value) <= _SHOWN_VALUE else value[: _SHOWN_VALUE - 3] + "..."
