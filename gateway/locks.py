"""Locks by key between threads and processes: by a file beside SQLite, by PostgreSQL itself."""

from __future__ import annotations

import logging
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from hashlib import blake2b
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from weakref import WeakValueDictionary, finalize

from sqlalchemy import BigInteger, Function, func, literal, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from schemas.errors import ScimError

POLL_SECONDS = 0.005
RAREST_SECONDS = 0.08
"""How often one looks for what another process holds: ever more rarely."""

_IN_A_FILE = 2**62 - 1
"""Keeps a lock's number within what may be a place in a file."""

log = logging.getLogger(__name__)


class Locks(ABC):
    """Locks of one process against all others, which the end of the process frees.

    Threads queue for them in this process; only the first one asks outside.
    """

    def __init__(self) -> None:
        self._queues: dict[int, _Queue] = {}
        self._counting = threading.Lock()

    @contextmanager
    def hold(self, keys: Iterable[str], timeout: float) -> Iterator[None]:
        """Hold the locks of the keys, taken in one order by everyone so that none deadlocks.

        Raises 503 when that takes longer than so many seconds.
        """
        deadline = monotonic() + timeout
        with ExitStack() as held:
            for number in sorted({_number(key) for key in keys}):
                held.enter_context(self._turn(number, deadline))
                pause = POLL_SECONDS
                while not self._take(number):
                    if monotonic() > deadline:
                        raise _busy()
                    sleep(pause)
                    pause = min(2 * pause, RAREST_SECONDS)
                held.callback(self._free, number)
            yield

    @contextmanager
    def _turn(self, number: int, deadline: float) -> Iterator[None]:
        """Let the threads of this process go one after the other."""
        with self._counting:
            queue = self._queues.setdefault(number, _Queue())
            queue.threads += 1
        try:
            if not queue.first.acquire(timeout=max(0, deadline - monotonic())):
                raise _busy()
            try:
                yield
            finally:
                queue.first.release()
        finally:
            with self._counting:
                queue.threads -= 1
                if not queue.threads:
                    del self._queues[number]

    @abstractmethod
    def _take(self, number: int) -> bool:
        """Take a lock unless another process has it."""

    @abstractmethod
    def _free(self, number: int) -> None:
        """Give a lock back."""


class _Queue:
    """The threads that want one lock."""

    def __init__(self) -> None:
        self.first = threading.Lock()
        self.threads = 0


class FileLocks(Locks):
    """Each lock is a byte of one file (POSIX record locks), which need not be that long."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        finalize(self, os.close, self._file)

    def _take(self, number: int) -> bool:
        try:
            lockf(self._file, LOCK_EX | LOCK_NB, 1, number & _IN_A_FILE)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _free(self, number: int) -> None:
        lockf(self._file, LOCK_UN, 1, number & _IN_A_FILE)


_files: WeakValueDictionary[Path, FileLocks] = WeakValueDictionary()
_files_lock = threading.Lock()


def file_locks(path: Path) -> FileLocks:
    """Return the locks of a file: the same ones to everybody in this process."""
    with _files_lock:
        locks = _files.get(path)
        if locks is None:
            locks = _files[path] = FileLocks(path)
        return locks


class AdvisoryLocks(Locks):
    """PostgreSQL's advisory locks, all on one connection; `engine` commits each statement."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._connection: Connection | None = None
        self._asking = threading.Lock()
        self._held: set[int] = set()

    def close(self) -> None:
        """Give back the connection, and with it all locks."""
        with self._asking:
            self._give_up()
        self._engine.dispose()

    def _take(self, number: int) -> bool:
        with self._asking:
            try:
                taken = self._ask(func.pg_try_advisory_lock, number)
            except DBAPIError:
                # The connection may be an old one that the server, or a firewall, has ended.
                self._give_up()
                taken = self._ask(func.pg_try_advisory_lock, number)
            if taken:
                self._held.add(number)
            return taken

    def _free(self, number: int) -> None:
        with self._asking:
            self._held.discard(number)
            try:
                self._ask(func.pg_advisory_unlock, number)
            except SQLAlchemyError:
                # The server frees the locks of a session that ends.
                self._give_up()

    def _ask(self, function: Callable[..., Function[Any]], number: int) -> bool:
        if self._connection is None:
            self._connection = self._engine.connect()
            for held in self._held:
                if not _said(self._connection, func.pg_try_advisory_lock, held):
                    log.error("a lock was lost with its connection, and another process has it")
        return _said(self._connection, function, number)

    def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()


def _said(connection: Connection, function: Callable[..., Function[Any]], number: int) -> bool:
    return bool(connection.scalar(select(function(literal(number, BigInteger)))))


def _number(key: str) -> int:
    digest = blake2b(key.encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _busy() -> ScimError:
    return ScimError(503, "Another request is changing the same resource.", retry_after=1)
