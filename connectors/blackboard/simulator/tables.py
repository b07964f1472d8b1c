"""Tables of records by primary id, with indexes on the properties that are ids of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from connectors.blackboard.simulator.records import Membership, Record
from connectors.simulation.tables import Rows

R = TypeVar("R", bound=Record)


class Table(Rows[str, R], Generic[R]):
    """The objects of one kind, oldest first; an index entry leads to the oldest of equal values."""

    def __init__(self, first: int, keys: tuple[str, ...], fold: bool) -> None:
        super().__init__(first)
        self._fold = fold
        self._index: dict[str, dict[str, list[str]]] = {key: {} for key in keys}
        self._indexed: dict[str, dict[str, str]] = {}

    def take_id(self) -> str:
        """Return the next primary id, which is then used up."""
        return f"_{self.take_number()}_1"

    def start_at(self, number: int) -> None:
        """Continue the primary ids at a number, unless they are beyond it."""
        self._next = max(self._next, number)

    def add(self, row: R) -> R:
        """Put a record into the table."""
        self._rows[row.id] = row
        self._enter(row)
        return row

    def remove(self, row: R) -> None:
        """Take a record out of the table."""
        del self._rows[row.id]
        self._leave(row)

    def renew(self, row: R) -> None:
        """Bring the indexes up to date after a change of a record."""
        self._leave(row)
        self._enter(row)

    def find(self, key: str, value: str) -> R | None:
        """Return the record whose indexed property has the value."""
        ids = self._index[key].get(self._comparable(value))
        return self._rows[ids[0]] if ids else None

    def _comparable(self, value: str) -> str:
        return value.casefold() if self._fold else value

    def _enter(self, row: R) -> None:
        values = {}
        for key, index in self._index.items():
            value = row.body.get(key)
            if value:
                values[key] = self._comparable(value)
                index.setdefault(values[key], []).append(row.id)
        self._indexed[row.id] = values

    def _leave(self, row: R) -> None:
        for key, value in self._indexed.pop(row.id).items():
            ids = self._index[key][value]
            ids.remove(row.id)
            if not ids:
                del self._index[key][value]


class Enrolments(Mapping[str, Membership]):
    """The memberships by primary id, by course and by person."""

    def __init__(self, first: int) -> None:
        self._table: Table[Membership] = Table(first, (), False)
        self._by_course: dict[str, dict[str, Membership]] = {}
        self._by_user: dict[str, dict[str, Membership]] = {}

    def __getitem__(self, wanted: str) -> Membership:
        return self._table[wanted]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def take_id(self) -> str:
        """Return the next primary id, which is then used up."""
        return self._table.take_id()

    def add(self, row: Membership) -> Membership:
        """Enrol a person."""
        self._by_course.setdefault(row.course_id, {})[row.user_id] = row
        self._by_user.setdefault(row.user_id, {})[row.course_id] = row
        return self._table.add(row)

    def remove(self, row: Membership) -> None:
        """End an enrolment."""
        del self._by_course[row.course_id][row.user_id]
        del self._by_user[row.user_id][row.course_id]
        self._table.remove(row)

    def find(self, course_id: str, user_id: str) -> Membership | None:
        """Return the enrolment of a person in a course."""
        return self._by_course.get(course_id, {}).get(user_id)

    def of_course(self, course_id: str) -> list[Membership]:
        """Return the enrolments of a course, oldest first."""
        return list(self._by_course.get(course_id, {}).values())

    def of_user(self, user_id: str) -> list[Membership]:
        """Return the enrolments of a person, oldest first."""
        return list(self._by_user.get(user_id, {}).values())
