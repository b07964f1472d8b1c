"""Group commit: those that wait together share a transaction, but not each other's failures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import sleep
from typing import Any

import pytest

from gateway.commits import GroupCommit


class Book:
    """Transactions on a list, one at a time; the first ones wait until they are let go."""

    def __init__(self) -> None:
        self.committed: list[list[int]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.is_broken = False

    @contextmanager
    def begin(self) -> Iterator[Any]:
        if self.is_broken:
            raise OSError("no disk")
        self.begun.set()
        assert self.go.wait(10)
        written: list[int] = []
        yield written
        self.committed.append(written)


def write(number: int) -> Any:
    def work(written: Any) -> int:
        if number < 0:
            raise ValueError(number)
        written.append(number)
        return number * 2

    return work


def started(book: Book, threads: ThreadPoolExecutor, numbers: list[int]) -> list[Future[int]]:
    """Let the first one begin, and the others wait behind it; then let all of them go."""
    group = GroupCommit(book.begin)
    first = threads.submit(group.run, write(numbers[0]))
    assert book.begun.wait(10)
    rest = []
    for count, number in enumerate(numbers[1:], 1):
        rest.append(threads.submit(group.run, write(number)))
        while len(group._waiting) < count:
            sleep(0.001)
    book.go.set()
    return [first, *rest]


def test_what_waits_together_is_committed_together() -> None:
    book = Book()
    with ThreadPoolExecutor(8) as threads:
        results = [future.result(10) for future in started(book, threads, [0, 1, 2, 3, 4])]
    assert results == [0, 2, 4, 6, 8]
    assert book.committed == [[0], [1, 2, 3, 4]]


def test_a_failure_is_ones_own() -> None:
    book = Book()
    with ThreadPoolExecutor(8) as threads:
        first, one, bad, three = started(book, threads, [0, 1, -2, 3])
        assert [f.result(10) for f in (first, one, three)] == [0, 2, 6]
        with pytest.raises(ValueError, match="-2"):
            bad.result(10)
    assert book.committed == [[0], [1], [3]]


def test_alone_it_fails_at_once_and_the_next_is_carried_out() -> None:
    book = Book()
    book.go.set()
    group = GroupCommit(book.begin)
    with pytest.raises(ValueError, match="-1"):
        group.run(write(-1))
    assert group.run(write(1)) == 2
    assert book.committed == [[1]]


def test_where_no_transaction_can_begin_all_are_told() -> None:
    book = Book()
    group = GroupCommit(book.begin)
    book.is_broken = True
    for _ in range(2):
        with pytest.raises(OSError, match="no disk"):
            group.run(write(1))
    book.is_broken = False
    book.go.set()
    assert group.run(write(1)) == 2


def test_under_load_nothing_is_lost() -> None:
    book = Book()
    book.go.set()
    group = GroupCommit(book.begin)
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda n: group.run(write(n)), range(2000)))
    assert results == [2 * n for n in range(2000)]
    assert sorted(n for written in book.committed for n in written) == list(range(2000))
