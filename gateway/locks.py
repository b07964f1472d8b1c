"""Locks by key between threads and processes: by files beside SQLite, by PostgreSQL itself."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout
from sqlalchemy import BigInteger, func, literal, select, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from schemas.errors import ScimError

STRIPES = 256
"""How many lock files there are; keys with the same file wait for each other."""

POLL_SECONDS = 0.005
_LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def file_locks(folder: Path, keys: Iterable[str], timeout: float) -> Iterator[None]:
    """Hold the lock files of the keys, taken in one order by everyone so that none deadlocks."""
    deadline = monotonic() + timeout
    with ExitStack() as held:
        for stripe in sorted({_number(key) % STRIPES for key in keys}):
            thread, file = _stripe(folder, stripe)
            # Threads queue on the cheap lock; only one of them polls the file.
            if not thread.acquire(timeout=max(0, deadline - monotonic())):
                raise _busy()
            held.callback(thread.release)
            try:
                file.acquire(timeout=max(0, deadline - monotonic()))
            except Timeout:
                raise _busy() from None
            held.callback(file.release)
        yield


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


@cache
def _stripe(folder: Path, stripe: int) -> tuple[threading.Lock, FileLock]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{stripe:02x}"
    file = FileLock(path, thread_local=False, poll_interval=POLL_SECONDS, fallback_to_soft=False)
    return threading.Lock(), file


def _number(key: str) -> int:
    digest = blake2b(key.encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _busy() -> ScimError:
    return ScimError(503, "Another request is changing the same resource.", retry_after=1)
