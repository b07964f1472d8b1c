"""Sources of a sync: records out of a CSV file, of JSON lines, or of another target."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import orjson

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.places import value_at
from connectors.planning import plan
from schemas.filters import is_text
from schemas.paths import shown_text

_DELIMITERS = ",;\t|"
_NOT_TEXT = "it is not UTF-8, or holds NUL"
JSON_LINES = (".jsonl", ".ndjson")
"""How the names of files with JSON lines end; all others are CSV."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line that it begins in, its values by column, or why it cannot be read.

    A value is None where the source says that there is none.
    """

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Records that can be read again and again, as a stream.

    `columns` are None where each record names its own.
    """

    name: str
    columns: tuple[str, ...] | None
    records: Callable[[], Iterator[Record]]


def file_source(path: Path) -> Source:
    """Return the records of a file. Raises ValueError without columns or with one twice, OSError.

    UTF-8, with or without byte order mark. A record that is spoilt spoils no other.
    """
    if path.suffix.lower() in JSON_LINES:
        return Source(path.name, None, lambda: _json_lines(path))
    with _opened(path) as file:
        names = tuple(name.strip() for name in next(_reader(file), ()))
    if not any(names):
        raise ValueError(f"{path} has no line with the names of its columns")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path} has the column {shown_text(name)} twice")
    return Source(path.name, names, lambda: _csv(path, names))


def target_source(name: str, collection: Collection, known: Callable[[str], bool]) -> Source:
    """Return the resources of another target, read once, as records numbered from 1.

    Each row of the mapping that can be written is a column; `known` tells the rows that the other
    side has. Passwords cannot be read, and ids mean nothing elsewhere.
    """
    rows = [
        row
        for row in collection.mapping.rows
        if row.field.readable and row.path.leaf.mutability == "readWrite" and known(str(row.path))
    ]
    wanted = collection.mapping.kept & {row.path.name for row in rows}

    def values(resource: Resource) -> dict[str, Any]:
        return {str(row.path): value_at(resource, row) for row in rows}

    read: list[Record] = []

    def records() -> Iterator[Record]:
        if not read:
            for batch in collection.search(plan(None, collection.mapping)):
                collection.complete(batch, wanted)
                read.extend(Record(len(read) + n, values(r)) for n, r in enumerate(batch, 1))
        yield from read

    return Source(name, tuple(str(row.path) for row in rows), records)


def _opened(path: Path) -> TextIO:
    # What is not UTF-8 becomes surrogates, by which the record is known that has it.
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _reader(file: TextIO) -> Any:
    """Return the rows of a file; what its first line has most of stands between the cells."""
    first = file.readline()
    return csv.reader(chain([first], file), delimiter=max(_DELIMITERS, key=first.count))


def _csv(path: Path, names: tuple[str, ...]) -> Iterator[Record]:
    with _opened(path) as file:
        reader = _reader(file)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(line, problem=f"it is no CSV: {error}")
                continue
            if line > 1 and row:
                yield _record(line, names, row)


def _record(line: int, names: tuple[str, ...], row: list[str]) -> Record:
    if len(row) != len(names):
        said = f"it has {len(row)} cells where the first line has {len(names)}"
        return Record(line, problem=said)
    cells = [cell.strip() for cell in row]
    if not all(map(is_text, cells)):
        return Record(line, problem=_NOT_TEXT)
    return Record(line, {n: cell or None for n, cell in zip(names, cells, strict=True) if n})


def _json_lines(path: Path) -> Iterator[Record]:
    with _opened(path) as file:
        for line, text in enumerate(file, 1):
            if text.strip():
                yield _json_record(line, text)


def _json_record(line: int, text: str) -> Record:
    if not is_text(text):
        return Record(line, problem=_NOT_TEXT)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Record(line, problem="it is no JSON")
    if not isinstance(value, dict):
        return Record(line, problem="it is no JSON object")
    return Record(line, dict(_flat(value, "")))


def _flat(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the values by dotted names; what is within an extension has its URN and a colon."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, prefix + name + (":" if name.startswith("urn:") else "."))
        else:
            yield prefix + name, inner if inner not in ("", []) else None
