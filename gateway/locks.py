"""Locks by key between threads and processes: by a file beside SQLite, by PostgreSQL itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from hashlib import blake2b
from pathlib import Path
from time import monotonic, sleep
from weakref import WeakValueDictionary, finalize

from sqlalchemy import BigInteger, func, literal, select, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from schemas.errors import ScimError

STRIPES = 256
"""How many locks of a file there are; keys with the same one wait for each other."""

POLL_SECONDS = 0.005
_LOCK_NOT_AVAILABLE = "55P03"


class FileLocks:
    """Locks of one process against all others: each a byte of one file (POSIX record locks).

    The system frees them when the process ends. Threads have locks of their own before them.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        finalize(self, os.close, self._file)
        self._threads = [threading.Lock() for _ in range(STRIPES)]

    @contextmanager
    def hold(self, keys: Iterable[str], timeout: float) -> Iterator[None]:
        """Hold the locks of the keys, taken in one order by everyone so that none deadlocks."""
        deadline = monotonic() + timeout
        with ExitStack() as held:
            for stripe in sorted({_number(key) % STRIPES for key in keys}):
                # Threads queue on the cheap lock; only one of them polls the file.
                thread = self._threads[stripe]
                if not thread.acquire(timeout=max(0, deadline - monotonic())):
                    raise _busy()
                held.callback(thread.release)
                while not self._try(stripe):
                    if monotonic() > deadline:
                        raise _busy()
                    sleep(POLL_SECONDS)
                held.callback(lockf, self._file, LOCK_UN, 1, stripe)
            yield

    def _try(self, stripe: int) -> bool:
        try:
            lockf(self._file, LOCK_EX | LOCK_NB, 1, stripe)
        except (BlockingIOError, PermissionError):
            return False
        return True


_files: WeakValueDictionary[Path, FileLocks] = WeakValueDictionary()
_files_lock = threading.Lock()


def file_locks(path: Path) -> FileLocks:
    """Return the locks of a file: the same ones to everybody in this process."""
    with _files_lock:
        locks = _files.get(path)
        if locks is None:
            locks = _files[path] = FileLocks(path)
        return locks


@contextmanager
def advisory_locks(engine: Engine, keys: Iterable[str], timeout: float) -> Iterator[None]:
    """Hold PostgreSQL's advisory locks of the keys on a connection of their own."""
    deadline = monotonic() + timeout
    with engine.connect() as connection:
        try:
            for number in sorted({_number(key) for key in keys}):
                left = max(1, int((deadline - monotonic()) * 1000))
                connection.execute(text(f"SET lock_timeout = {left}"))
                _ask(connection, number)
            yield
        finally:
            try:
                connection.execute(select(func.pg_advisory_unlock_all()))
            except SQLAlchemyError:
                # The server frees the locks of a session that ends.
                connection.invalidate()


def _ask(connection: Connection, number: int) -> None:
    try:
        connection.execute(select(func.pg_advisory_lock(literal(number, BigInteger))))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _busy() from None
        raise


def _number(key: str) -> int:
    digest = blake2b(key.encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _busy() -> ScimError:
    return ScimError(503, "Another request is changing the same resource.", retry_after=1)
