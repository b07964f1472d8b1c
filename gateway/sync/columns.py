"""Columns of a sync: which attribute each one holds, and how its values are to be read."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from gateway.dates import DateFormat
from gateway.sync.source import Record
from schemas.attributes import ResourceType
from schemas.course import COURSE
from schemas.errors import ScimError
from schemas.filters import And, Compare, parse_path
from schemas.paths import Path, shown_text
from schemas.role import ROLE
from schemas.user import USER

_TRUTH = {
    **dict.fromkeys(("true", "yes", "y", "1", "on"), True),
    **dict.fromkeys(("false", "no", "n", "0", "off"), False),
}


@dataclass(frozen=True, slots=True)
class Referred:
    """What an attribute refers to: the `value` of resources of a type, of roles those of a kind."""

    type: ResourceType
    value: str = "id"
    kind: str | None = None


_REFERENCES = {
    ("Group", "members"): Referred(USER),
    ("Group", "courseId"): Referred(COURSE),
    ("Membership", "userId"): Referred(USER),
    ("Membership", "courseId"): Referred(COURSE),
    ("Membership", "courseRoleId"): Referred(ROLE, "roleId", "course"),
    ("User", "institutionRoleIds"): Referred(ROLE, "roleId", "institution"),
}
"""The attributes that refer to something: it may be given by another attribute of that."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the path of its attribute, and how values are read.

    `by` is the attribute by which what `path` refers to is named: a member by its userName; a
    `soft` one says nothing where there is nothing of that name. `values` translates words, `date`
    is how dates are written, `split` parts several values.
    """

    path: Path
    referred: Referred | None = None
    by: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    date: DateFormat | None = None
    split: str = ";"
    soft: bool = False

    def read(self, value: Any) -> Any:
        """Return a cell's value as the attribute's type wants it. Raises ValueError with a reason.

        What is no text is left to the checks that all writes go through.
        """
        if value is None:
            return None
        if self.values:
            if str(value) not in self.values:
                raise ValueError(f"{self.path}: {shown_text(str(value))} is not in its values")
            value = self.values[str(value)]
        if not isinstance(value, str):
            return value
        if self.path.attribute.multi_valued and not self.path.sub and not self.path.where:
            parts = [part.strip() for part in value.split(self.split)]
            return [self._one(part) for part in parts if part] or None
        return self._one(value)

    def _one(self, text: str) -> Any:
        leaf = self.path.leaf
        try:
            if self.date is not None:
                is_moment = leaf.type == "dateTime"
                return self.date.read(text) if is_moment else self.date.read_day(text)
            match leaf.type:
                case "boolean":
                    return _TRUTH[text.lower()]
                case "integer":
                    return int(text)
                case "decimal":
                    return float(text)
        except KeyError:
            raise ValueError(f"{self.path}: {shown_text(text)} is neither yes nor no") from None
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        return {"value": text} if leaf.type == "complex" else text


@dataclass(frozen=True, slots=True)
class Row:
    """A record in the target's terms: what its attributes are to be, or why it is refused."""

    line: int
    values: tuple[tuple[Column, Any], ...] = ()
    problem: str = ""


class Columns:
    """The columns of a source by their names: those of a map, else names that are paths."""

    def __init__(
        self, full: ResourceType, mapped: dict[str, Any], constants: dict[str, Any]
    ) -> None:
        self._full = full
        self._known: dict[str, Column | None] = {
            name: _column(full, said, name) for name, said in mapped.items()
        }
        self.constants = tuple((_column(full, path, path), v) for path, v in constants.items())
        self._mapped = frozenset(mapped)

    def of(self, name: str) -> Column | None:
        """Return the column of that name, None when it is no attribute that could be written."""
        if name not in self._known:
            try:
                self._known[name] = _column(self._full, name, name)
            except ValueError:
                self._known[name] = None
        return self._known[name]

    def holds(self, name: str, path: Path) -> bool:
        """Tell whether a column is the one of a path."""
        column = self.of(name)
        return column is not None and column.path == path

    def check(self, names: Iterable[str], keys: Iterable[Path]) -> tuple[str, ...]:
        """Return the names of columns that are not used.

        Raises ValueError for a mapped column that is not there, for two columns of one attribute,
        and when a key has none.
        """
        known = list(names)
        if missing := sorted(self._mapped - set(known)):
            raise ValueError(f"the source has no column {', '.join(map(shown_text, missing))}")
        paths = [column.path for name in known if (column := self.of(name))]
        paths += [column.path for column, _ in self.constants]
        for path in paths:
            if paths.count(path) > 1:
                raise ValueError(f"two columns hold {path}")
        for key in keys:
            if key not in paths:
                raise ValueError(f"no column holds {key}, by which accounts are matched")
        return tuple(name for name in known if self.of(name) is None)

    def row(self, record: Record) -> Row:
        """Return a record in the target's terms; one with a bad value keeps those that are good."""
        values: dict[Path, tuple[Column, Any]] = {c.path: (c, v) for c, v in self.constants}
        problem = record.problem
        for name, value in record.values.items():
            column = self.of(name)
            if column is None:
                continue
            try:
                values[column.path] = column, column.read(value)
            except ValueError as error:
                problem = problem or str(error)
        return Row(record.line, tuple(values.values()), problem)


def read_map(options: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return columns and constants out of `column=path` and of the names of TOML or JSON files.

    Raises ValueError for what is neither.
    """
    columns: dict[str, Any] = {}
    constants: dict[str, Any] = {}
    for option in options:
        if not option.lower().endswith((".toml", ".json")):
            name, equals, path = option.partition("=")
            if not equals:
                raise ValueError(f"{option!r} is neither column=path nor a .toml or .json file")
            columns[name.strip()] = path.strip()
            continue
        try:
            text = File(option).read_text(encoding="utf-8")
            table = tomllib.loads(text) if option.lower().endswith(".toml") else json.loads(text)
        except OSError as error:
            raise ValueError(f"{option}: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from None
        if not isinstance(table, dict) or table.keys() - {"columns", "constants"}:
            raise ValueError(f"{option} has the sections columns and constants, nothing else")
        for held, name in ((columns, "columns"), (constants, "constants")):
            section = table.get(name, {})
            if not isinstance(section, dict):
                raise ValueError(f"{option}: {name} must be a section")
            held |= section
    return columns, constants


def path_of(full: ResourceType, text: str) -> Path:
    """Return a path, and for one whole attribute of several values the whole of it.

    Raises ValueError for none, and for values that no sync can select.
    """
    try:
        path = parse_path(text, full)
    except ScimError as error:
        raise ValueError(error.detail) from None
    if not path.name:
        raise ValueError(f"{text} is a whole extension: name its attributes")
    stated(path)
    return path


def stated(path: Path) -> dict[str, Any]:
    """Return what the filter of a path says of the value: `{"type": "work"}`. Raises ValueError."""
    terms = path.where.terms if isinstance(path.where, And) else (path.where,)
    said: dict[str, Any] = {}
    for term in terms if path.where is not None else ():
        if not isinstance(term, Compare) or term.op != "eq":
            raise ValueError(f"{path}: only eq and `and` select a value to be written")
        said[term.path.name] = term.value
    return said


def _column(full: ResourceType, said: Any, name: str) -> Column:
    """Return the column of a path, or of a table with it and how values are read."""
    table = {"path": said} if isinstance(said, str) else said
    known = {"path", "values", "date", "split", "missing"}
    if not isinstance(table, dict) or not isinstance(table.get("path"), str):
        raise ValueError(f"column {shown_text(name)} needs the path of an attribute")
    if more := table.keys() - known:
        raise ValueError(f"column {shown_text(name)} has unknown entries: {', '.join(more)}")
    values, split = table.get("values", {}), table.get("split", ";")
    if not isinstance(values, dict) or not isinstance(split, str) or not split:
        raise ValueError(f"column {shown_text(name)}: values is a table, split is a text")
    missing = table.get("missing", "refuse")
    if missing not in ("refuse", "ignore"):
        raise ValueError(f"column {shown_text(name)}: missing is refuse or ignore")
    date = DateFormat.parse(str(table["date"])) if "date" in table else None
    text = table["path"]
    head, _, tail = text.rpartition(".")
    for (type_, attribute), referred in _REFERENCES.items():
        if (full.name.lower(), attribute.lower()) == (type_.lower(), head.lower()):
            by = path_of(referred.type, tail)
            soft = missing == "ignore"
            return Column(path_of(full, head), referred, by, values, date, split, soft)
    if "missing" in table:
        raise ValueError(f"column {shown_text(name)} refers to nothing that could be missing")
    path = path_of(full, text)
    is_read_only = "readOnly" in (path.attribute.mutability, path.leaf.mutability)
    if path.name in ("schemas", "meta") or (is_read_only and path.name != "id"):
        raise ValueError(f"{path} cannot be written")
    return Column(path, None, None, values, date, split)
