"""The forms of an export: JSON lines, and CSV with a column for each attribute."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from connectors.fields import Row
from connectors.mapping import Mapping as Fields
from connectors.places import value_at
from gateway.dates import DateFormat
from gateway.exports import harmless
from schemas.paths import Path
from schemas.projection import Projection

Resource = dict[str, Any]
Dates = Mapping[Path, DateFormat]
"""How the dates at some paths are written, where it is not as SCIM writes them."""

FORMATS = {"jsonl": "application/jsonl", "csv": "text/csv"}
"""The media types by the names of the forms."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a resource differs from what it was at the last run.

    `op` is created, changed or deleted, `names` are the attributes that differ. `resource` is what
    it is now, {} for a deleted one; `changes` is a JSON Merge Patch (RFC 7396) that leads there, or
    None where the whole is wanted.
    """

    op: str
    id: str
    resource: Resource
    names: tuple[str, ...] = ()
    changes: Resource | None = None


class Form(Protocol):
    """How resources and differences become bytes."""

    def head(self) -> bytes:
        """Return what the file begins with."""

    def lines(self, resources: Iterable[Resource]) -> bytes:
        """Return the lines of resources as SCIM shows them."""

    def differences(self, found: Iterable[Difference]) -> bytes:
        """Return the lines of differences."""


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON object in a line: the resource, or `op`, `id` and `resource` or `changes`."""

    dates: Dates

    def head(self) -> bytes:
        """Return nothing."""
        return b""

    def lines(self, resources: Iterable[Resource]) -> bytes:
        """Return a line for each resource."""
        return b"".join(_line(dated(one, self.dates)) for one in resources)

    def differences(self, found: Iterable[Difference]) -> bytes:
        """Return a line for each difference."""
        return b"".join(_line(self._difference(one)) for one in found)

    def _difference(self, found: Difference) -> Resource:
        said: Resource = {"op": found.op, "id": found.id}
        if found.changes is not None:
            said["changes"] = dated(found.changes, self.dates)
        elif found.op != "deleted":
            said["resource"] = dated(found.resource, self.dates)
        return said


@dataclass(frozen=True, slots=True)
class Table:
    """CSV (RFC 4180): lists as JSON in a cell, no cell that a spreadsheet takes for a formula.

    A delta has the columns `op` and `changed` before the others; where only changes are wanted, the
    cells of what has not changed are empty, and `changed` tells which those are.
    """

    columns: tuple[Row, ...]
    dates: Dates
    is_delta: bool = False

    def head(self) -> bytes:
        """Return the names of the columns."""
        first = ("op", "changed", "id") if self.is_delta else ("id",)
        return _csv([[*first, *(str(column.path) for column in self.columns)]])

    def lines(self, resources: Iterable[Resource]) -> bytes:
        """Return a row for each resource."""
        return _csv([harmless(one["id"]), *self._cells(one)] for one in resources)

    def differences(self, found: Iterable[Difference]) -> bytes:
        """Return a row for each difference."""
        return _csv(
            [
                *(one.op, " ".join(one.names), harmless(one.id)),
                *self._cells(one.resource if one.changes is None else one.changes),
            ]
            for one in found
        )

    def _cells(self, resource: Resource) -> Iterator[str]:
        dated(resource, self.dates)
        return (_cell(value_at(resource, column)) for column in self.columns)


def columns_of(mapping: Fields, projection: Projection) -> tuple[Row, ...]:
    """Return the columns of what a projection shows, without the id: a leaf or a list in each."""
    return tuple(
        column
        for row in mapping.rows
        if row.field.readable and row.path.name != "id"
        for column in _leaves(row)
        if _is_shown(column, projection)
    )


def dated(resource: Resource, dates: Dates) -> Resource:
    """Return the resource with its dates as the formats write them; it is changed itself.

    Raises ValueError for a date that its format cannot show.
    """
    for path, form in dates.items():
        holder = resource.get(path.urn) if path.urn else resource
        held = (holder or {}).get(path.name)
        if holder is None or held is None:
            continue
        try:
            if path.sub is None:
                holder[path.name] = _dated(held, form)
                continue
            for item in held if isinstance(held, list) else [held]:
                if item.get(path.sub) is not None:
                    item[path.sub] = _dated(item[path.sub], form)
        except ValueError as error:
            raise ValueError(f"{path}: {error}.") from None
    return resource


def _dated(held: Any, form: DateFormat) -> Any:
    return [form.written(one) for one in held] if isinstance(held, list) else form.written(held)


def _leaves(row: Row) -> Iterator[Row]:
    """Yield a row, or one for each part of a single complex value that is kept as a whole."""
    path = row.path
    if path.sub is not None or path.attribute.multi_valued or path.attribute.type != "complex":
        yield row
        return
    for sub in path.attribute.sub_attributes:
        part = Path(path.urn, path.name, sub.name, attribute=path.attribute, sub_attribute=sub)
        yield Row(row.field, part, row.constants)


def _is_shown(column: Row, projection: Projection) -> bool:
    path, field = column.path, column.field
    if not projection.wants(path.name, asked=field.returned == "request"):
        return False
    if projection.restricted:
        return any(_is_within(path, wanted) for wanted in projection.included)
    return not any(
        _is_within(path, unwanted) and unwanted.sub in (None, path.sub)
        for unwanted in projection.excluded
    )


def _is_within(path: Path, wider: Path) -> bool:
    """Tell whether a path is the other one or a part of it, or the list that the other is in."""
    if path.urn != wider.urn or wider.name not in ("", path.name):
        return False
    if wider.where is not None and path.where is not None and str(path.where) != str(wider.where):
        return False
    return wider.sub is None or path.sub in (None, wider.sub)


def _line(value: Resource) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else orjson.dumps(value).decode()
