"""Group commit: transactions that wait for their turn together are committed together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

Result = TypeVar("Result")
Begin = Callable[[], AbstractContextManager[Connection]]
"""Gives a connection in a transaction, committed at the end of the block."""


class GroupCommit:
    """Carries out the work of many threads in few transactions, each by one of the threads."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._waiting: list[_Job] = []
        self._is_led = False

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Return what the work returns, once it is committed; raise what it raises.

        It must not do anything but use the connection, for it may be done twice: when one fails,
        those that it was together with are done again, each alone.
        """
        job = _Job(work)
        with self._lock:
            self._waiting.append(job)
            leads, self._is_led = not self._is_led, True
        if not leads:
            job.woken.wait()
        if not job.is_done:
            self._lead()
        if job.error is not None:
            raise job.error
        result: Result = job.result
        return result

    def _lead(self) -> None:
        """Carry out all that waits, this thread's own work among it; then somebody else leads."""
        with self._lock:
            jobs, self._waiting = self._waiting, []
        try:
            self._carry_out(jobs)
        finally:
            with self._lock:
                woken = [*jobs, *self._waiting[:1]]
                self._is_led = bool(self._waiting)
            for job in woken:
                job.woken.set()

    def _carry_out(self, jobs: list[_Job]) -> None:
        failed: _Job | None = None
        try:
            with self._begin() as connection:
                for job in jobs:
                    failed = job
                    job.result = job.work(connection)
                failed = None
        except BaseException as error:
            if failed is not None and len(jobs) > 1:
                for job in jobs:
                    self._carry_out([job])
                return
            for job in jobs:
                job.error = error
        for job in jobs:
            job.is_done = True


class _Job:
    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_done = False
        self.woken = threading.Event()
