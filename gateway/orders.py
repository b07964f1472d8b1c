"""Orders: what a sync or an export is asked for, by its command or by a job's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHOICES = {
    "each": ("sync", "create", "change", "disable", "delete"),
    "mode": ("exact", "add", "remove"),
    "missing": ("keep", "disable", "delete"),
    "empty": ("keep", "clear"),
    "format": ("jsonl", "csv"),
}
"""The words that stand for what is to be done, the usual one first."""


@dataclass(frozen=True, slots=True)
class SyncOrder:
    """A sync of resources of a `type` to what a `file` says, or another target (`source`).

    They are matched by the paths in `match`. `map` are columns as `column=path`, and names of files
    with more of them; `where` is the filter of the records that are wanted. `each` says what
    becomes of those whom the records tell of, `missing` of those whom no record tells of, but for
    the logins `spare`. The `mode` lets everything through, or only what adds, or only what
    removes. An `empty` cell keeps what there is, or clears it.
    """

    file: Path | None = None
    source: str = ""
    type: str = "User"
    match: tuple[str, ...] = ()
    map: tuple[str, ...] = ()
    where: str = ""
    each: str = "sync"
    mode: Literal["exact", "add", "remove"] = "exact"
    missing: str = "keep"
    spare: tuple[str, ...] = ()
    empty: str = "keep"


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """An export of what a `filter` finds of a `type` to the file `out`, None for stdout.

    `attributes` are the only ones that are shown, all when empty; `dates` are `attribute=format`;
    `restart` begins anew, whatever an earlier run has left. With the file `delta` only what has
    changed since it was written: the `whole` of it or only the changes, and what `always` stands
    beside those; `quick` asks the LMS what that is.
    """

    type: str = "User"
    filter: str = ""
    attributes: tuple[str, ...] = ()
    format: str = "jsonl"
    out: Path | None = None
    dates: tuple[str, ...] = ()
    restart: bool = False
    delta: Path | None = None
    whole: bool = True
    always: tuple[str, ...] = ()
    quick: bool = False
