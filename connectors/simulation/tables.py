"""Tables of records by id: what those of all simulated sites have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
R = TypeVar("R")


class Rows(Mapping[K, R], Generic[K, R]):
    """The records of one kind, oldest first; no id is given twice."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._rows: dict[K, R] = {}

    def __getitem__(self, wanted: K) -> R:
        return self._rows[wanted]

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def take_number(self) -> int:
        """Return the next number, which is then used up."""
        self._next += 1
        return self._next - 1
