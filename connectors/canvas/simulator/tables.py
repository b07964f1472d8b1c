"""Tables of records by id, with indexes on properties that records are looked up by."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from connectors.simulation.tables import Rows


class Record(Protocol):
    """What has an id."""

    id: int


R = TypeVar("R", bound=Record)


class Table(Rows[int, R], Generic[R]):
    """The objects of one kind, oldest first; `put` a record again once an indexed value changes.

    `folded` are the keys in which letters of either case are the same.
    """

    def __init__(self, first: int, keys: tuple[str, ...] = (), folded: tuple[str, ...] = ()):
        super().__init__(first)
        self._folded = folded
        self._index: dict[str, dict[Any, dict[int, R]]] = {key: {} for key in (*keys, *folded)}
        self._indexed: dict[int, dict[str, Any]] = {}

    def take_id(self) -> int:
        """Return the next id, which is then used up."""
        return self.take_number()

    def put(self, row: R) -> R:
        """Store a record under its id and its indexed values."""
        self._rows[row.id] = row
        self._next = max(self._next, row.id + 1)
        before = self._indexed.get(row.id, {})
        now = {key: self._value(key, getattr(row, key)) for key in self._index}
        for key, index in self._index.items():
            if before.get(key) is not None and before[key] != now[key]:
                index[before[key]].pop(row.id, None)
            if now[key] is not None:
                index.setdefault(now[key], {})[row.id] = row
        self._indexed[row.id] = now
        return row

    def find(self, key: str, value: Any) -> list[R]:
        """Return the records with a value of an indexed key, oldest first."""
        found = self._index[key].get(self._value(key, value), {})
        return [found[number] for number in sorted(found)]

    def _value(self, key: str, value: Any) -> Any:
        return value.lower() if key in self._folded and isinstance(value, str) else value
