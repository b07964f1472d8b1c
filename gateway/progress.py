"""Progress: how far long work has got, as a bar on a terminal and as plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

_SECONDS = 5.0
"""Between two plain lines."""


@dataclass(slots=True)
class Progress:
    """How far a run has got: `read` of `total` (None: nobody knows), and what came of it."""

    read: int = 0
    total: int | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, more: int = 1) -> None:
        """Count what was written."""
        self.counts[what] = self.counts.get(what, 0) + more


Watch = Callable[[Progress], object]


@contextmanager
def shown(what: str, stream: TextIO | None = None) -> Iterator[Watch]:
    """Give what shows the progress of reading `what` on stderr, or on another stream."""
    stream = stream or sys.stderr
    if stream.isatty():
        with _bar(what, stream) as watch:
            yield watch
    else:
        yield _lines(what, stream)


@contextmanager
def _bar(what: str, stream: TextIO) -> Iterator[Watch]:
    # Only here: the library takes a while to import.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(file=stream), speed_estimate_period=60) as bar:
        task = bar.add_task(what, total=None, rate="")
        rate = _Rate()

        def watch(progress: Progress) -> None:
            total = None if progress.total is None else max(progress.total, progress.read)
            said = f"{rate.of(progress):,.0f}/s"
            bar.update(task, completed=progress.read, total=total, rate=said)

        yield watch


def _lines(what: str, stream: TextIO) -> Watch:
    rate = _Rate()
    last = time.monotonic()

    def watch(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last < _SECONDS:
            return
        last = time.monotonic()
        speed = rate.of(progress)
        said = f"{progress.read:,}"
        if progress.total is not None and speed:
            left = max(progress.total - progress.read, 0) / speed
            said += f" of {progress.total:,}, about {left:,.0f} seconds left"
        print(f"{what}: {said}; {speed:,.0f} a second", file=stream, flush=True)

    return watch


class _Rate:
    """How many resources are read in a second; what an earlier run read does not count."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before: int | None = None

    def of(self, progress: Progress) -> float:
        if self._before is None:
            self._before = progress.counts.get("written before", 0)
        seconds = time.monotonic() - self._started
        return (progress.read - self._before) / seconds if seconds else 0.0
