"""Plans: a file of JSON lines, first what the plan is, then one line for each record."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from hashlib import file_digest
from pathlib import Path
from typing import IO, Any, Literal

import orjson

from gateway.intents import ChangeRecord

FORMAT = "matricula-plan-1"
Kind = Literal["create", "change", "disable", "delete", "none", "absent", "refused"]
WRITES: tuple[Kind, ...] = ("create", "change", "disable", "delete")
KINDS: tuple[Kind, ...] = (*WRITES, "none", "absent", "refused")
"""What becomes of a record; `absent`: nobody is there, and nobody is to be created."""


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of one record, or of one account that no record tells of (`record` is 0).

    `record` is the line of the source. `operations` are those of a PATCH, for a create on nothing;
    `secrets` are encrypted values by path. `changes` are what they lead to for an account that is
    there. `guarded` is what a guard counts, by kind. `reason` tells why a record is refused.
    """

    kind: Kind
    record: int = 0
    id: str = ""
    login: str = ""
    operations: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    changes: tuple[ChangeRecord, ...] = ()
    guarded: dict[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What a plan is for: where, from what, how it was made, what it comes to.

    `totals` counts lines by kind, `forecast` upstream calls by kind with the `seconds` that they
    take; `planning` is what making the plan has cost. `notes` are sentences for people.
    """

    target: str
    type: str
    source: str
    mode: str
    match: list[str]
    missing: str
    empty: str
    configuration: str
    time: str
    id: str
    each: str = "sync"
    totals: dict[str, int] = field(default_factory=dict)
    forecast: dict[str, float] = field(default_factory=dict)
    planning: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Draft:
    """A plan on its way into a file: lines first, then `finish` puts it where it shall be.

    Leaving its block without that leaves nothing behind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        folder = path.absolute().parent
        self._lines: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self.totals: dict[str, int] = dict.fromkeys(KINDS, 0)

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *error: object) -> None:
        self._lines.close()

    def add(self, line: Line) -> None:
        """Add a line."""
        self.totals[line.kind] += 1
        said = {name: value for name, value in asdict(line).items() if value}
        if line.changes:
            said["changes"] = [
                {name: value for name, value in change.items() if value is not None}
                for change in said["changes"]
            ]
        self._lines.write(orjson.dumps(said) + b"\n")

    def finish(self, head: Head) -> None:
        """Write the file, whole or not at all, for nobody but its owner; OSError when it fails."""
        self._lines.seek(0)
        descriptor, name = tempfile.mkstemp(dir=self._path.absolute().parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps({"format": FORMAT, **asdict(head)}) + b"\n")
                shutil.copyfileobj(self._lines, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise


def read_head(path: Path) -> Head:
    """Return what a plan is. Raises ValueError for what is no plan, OSError."""
    with path.open("rb") as file:
        try:
            said = orjson.loads(file.readline())
            if said.pop("format") == FORMAT:
                return Head(**said)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            pass
    raise ValueError(f"{path} is no plan")


def read_lines(path: Path) -> Iterator[tuple[int, Line]]:
    """Yield the lines of a plan with their numbers, from 1 on. Raises ValueError for a spoilt one.

    >>> list(read_lines(Path(os.devnull)))
    []
    """
    names = {part.name for part in fields(Line)}
    with path.open("rb") as file:
        file.readline()
        for number, text in enumerate(file, 1):
            try:
                said = orjson.loads(text)
                changes = tuple(ChangeRecord(**change) for change in said.pop("changes", ()))
                line = Line(**said, changes=changes)
                known = said.keys() <= names and line.kind in KINDS
            except (orjson.JSONDecodeError, AttributeError, TypeError):
                known = False
            if not known:
                raise ValueError(f"line {number} of {path} is not a plan's")
            yield number, line


def job_of(path: Path) -> str:
    """Return the name of the job that a plan is: the same for the same file, wherever it lies."""
    with path.open("rb") as file:
        return f"sync-{file_digest(file, 'sha256').hexdigest()[:24]}"
