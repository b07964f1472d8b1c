"""References of a sync: what records name by login or code becomes the ids that the LMS wants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.reading import Reader
from gateway.sync.columns import Column, Row
from gateway.sync.matching import look_up
from gateway.targets import Target
from schemas.match import comparable

Name = tuple[str, str, Any]
"""What is looked for: the paths of attribute and key, and the value as it is compared."""


class References:
    """The ids that were looked up, each name once."""

    def __init__(self, target: Target, reader: Reader) -> None:
        self._target = target
        self._reader = reader
        self._ids: dict[Name, list[str]] = {}

    def learn(self, rows: Iterable[Row]) -> None:
        """Look up what some records refer to, in as few calls as possible."""
        wanted: dict[tuple[str, str], tuple[Column, dict[Name, str]]] = {}
        for row in rows:
            for column, value in row.values:
                if column.by is None:
                    continue
                for text in _texts(value):
                    name = _name(column, text)
                    if name not in self._ids:
                        wanted.setdefault(name[:2], (column, {}))[1][name] = text
        for column, texts in wanted.values():
            self._look_up(column, texts)

    def _look_up(self, column: Column, texts: dict[Name, str]) -> None:
        by, referred = column.by, column.referred
        assert by is not None and referred is not None
        collection = self._target.connector.collections[referred.type.name]
        self._ids |= {name: [] for name in texts}
        for resource in look_up(collection, by, texts.values()):
            is_other = resource.get("kind", referred.kind) != referred.kind
            if is_other or self._reader.is_deleted(self._target, collection, resource["id"]):
                continue
            for value in by.values(resource):
                ids = self._ids.get(_name(column, value), [])
                if resource[referred.value] not in ids:
                    ids.append(resource[referred.value])

    def resolved(self, row: Row) -> Row:
        """Return a record with ids, refused when it names what is not there or not clear.

        What is not there is left out where the column is soft, and members where that is the
        target's policy.
        """
        if all(column.by is None for column, _ in row.values):
            return row
        values: list[tuple[Column, Any]] = []
        problem = row.problem
        may_ignore = self._target.settings.unknown_members == "ignore"
        for column, value in row.values:
            if column.by is None or value is None:
                values.append((column, value))
                continue
            found = {text: self._ids[_name(column, text)] for text in _texts(value)}
            is_list = isinstance(value, list)
            is_complex = column.path.leaf.type == "complex"
            may_lack = column.soft or (is_complex and may_ignore)
            bad = [t for t, ids in found.items() if len(ids) > 1 or not (ids or may_lack)]
            if bad:
                what = "several have" if found[bad[0]] else "nothing has"
                problem = problem or f"{column.path}: {what} the {column.by} {bad[0]!r}"
                continue
            ids = [id for ids in found.values() for id in ids]
            if is_list:
                values.append((column, [{"value": id} for id in ids] if is_complex else ids))
            elif ids:
                values.append((column, ids[0]))
        return Row(row.line, tuple(values), problem)


def _name(column: Column, text: Any) -> Name:
    assert column.by is not None
    return str(column.path), str(column.by), comparable(column.by.leaf, text)


def _texts(value: Any) -> list[str]:
    """Return the names in a value: a text, or a list of texts or of objects with a `value`."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [str(item.get("value") if isinstance(item, dict) else item) for item in items]
