"""The database: transactions, migrations, and locks between threads and processes.

SQLite by default, PostgreSQL by URL.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    Insert,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    make_url,
    select,
)
from sqlalchemy.engine import Connection

from gateway.commits import GroupCommit, Result
from gateway.locks import AdvisoryLocks, FileLocks, file_locks
from schemas.errors import ScimError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

BUSY_SECONDS = 15
"""How long a write waits for the writers before it."""

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def added(connection: Connection, statement: Insert, values: dict[str, Any]) -> int:
    """Insert one row and return the number that the database gave it."""
    key = connection.execute(statement, values).inserted_primary_key
    assert key is not None
    return int(key[0])


class Database:
    """One database, opened lazily and used by any number of threads.

    `url` is SQLAlchemy's: `sqlite:///matricula.db` or `postgresql+psycopg://user@host/name`.
    Raises ValueError for other databases and for SQLite in memory, which workers cannot share.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect == "sqlite":
            name = parsed.database or ""
            if name in ("", ":memory:") or name.startswith("file:"):
                raise ValueError("SQLite needs a file: sqlite:///matricula.db")
            self.path: Path | None = Path(name).absolute()
            parsed = parsed.set(database=str(self.path))
            self._engine = create_engine(parsed, pool_size=16, max_overflow=-1)
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        elif self.dialect == "postgresql":
            self.path = None
            self._engine = create_engine(parsed, pool_size=16, max_overflow=16, pool_pre_ping=True)
        else:
            raise ValueError(f"{self.dialect} is not supported: use sqlite or postgresql+psycopg.")
        self._reader = self._engine.execution_options(**_READ[self.dialect])
        self._single = self._engine.execution_options(**_SINGLE[self.dialect])
        self._locks: AdvisoryLocks | None = None
        self._locking = threading.Lock()
        self._files: dict[str, FileLocks] = {}
        self._turn = threading.Lock()
        self._group = GroupCommit(self.write)
        self._watcher: sqlite3.Connection | None = None
        self._watching = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a write transaction, committed at the end of the block.

        Raises 503 when the writers before it take longer than BUSY_SECONDS. Not to be nested.
        """
        if self.path is None:
            with self._engine.begin() as connection:
                yield connection
            return
        # SQLite's own waiting is by polling and unfair: threads of one process queue here.
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise _busy()
        try:
            with ExitStack() as stack:
                try:
                    connection = stack.enter_context(self._engine.begin())
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                        raise _busy() from error
                    raise
                yield connection
        finally:
            self._turn.release()

    def commit(self, work: Callable[[Connection], Result]) -> Result:
        """Return what the work returns, once it is committed, perhaps together with that of others.

        It may be done twice, so it must do nothing but use the connection.
        """
        if self.path is None:
            with self.write() as connection:
                return work(connection)
        return self._group.run(work)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one snapshot of the database during the block."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """Give a connection for one query, which is its own snapshot and needs no transaction."""
        with self._single.connect() as connection:
            yield connection

    def generation(self) -> int | None:
        """Return the number that `renew` counts up, in microseconds.

        None on PostgreSQL, which has no such number: there the tables must be asked.
        """
        if self.path is None:
            return None
        with self._watching:
            if self._watcher is None:
                self._watcher = sqlite3.connect(self.path, check_same_thread=False)
            number: int = self._watcher.execute("PRAGMA user_version").fetchone()[0]
            return number

    def renew(self, connection: Connection) -> None:
        """Let `generation` be another number from the commit of this transaction on."""
        if self.path is not None:
            number = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
            connection.exec_driver_sql(f"PRAGMA user_version = {(number + 1) % 2**31}")

    @contextmanager
    def lock(
        self, keys: Iterable[str], timeout: float, *, family: str = "resources"
    ) -> Iterator[None]:
        """Hold the locks of all keys against every thread and process, or raise 503.

        The operating system (or PostgreSQL) frees the locks of a process that dies. A holder must
        not ask the same family again before it has left the block; families are asked in one order
        by everyone.
        """
        if self.path is not None:
            if family not in self._files:
                folder = self.path.with_name(self.path.name + ".locks")
                self._files[family] = file_locks(folder / family)
            held = self._files[family].hold(keys, timeout)
        else:
            with self._locking:
                if self._locks is None:
                    # Apart from the others, so that holders find a connection to work with.
                    apart = create_engine(self._engine.url, isolation_level="AUTOCOMMIT")
                    self._locks = AdvisoryLocks(apart)
            held = self._locks.hold([f"{family}/{key}" for key in keys], timeout)
        with held:
            yield

    def migrate(self, keys: MultiFernet | None = None) -> None:
        """Bring the tables to this version's form; safe when several workers start at once.

        `keys` encrypt what older versions kept in clear. Raises RuntimeError when they are needed
        and missing, or when a newer version of the program has already changed the tables.
        """
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The log holds personal data; SQLite gives its other files the same mode.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        head = max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))
        if self._version(head) == head:
            return
        with self.lock(("migrate",), timeout=60):
            if self._version(head) == head:
                return
            # Only here: alembic costs workers memory and start-up time.
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(_VERSIONS.parent).replace("%", "%%"))
            with self.write() as connection:
                config.attributes |= {"connection": connection, "keys": keys}
                command.upgrade(config, "head")

    def _version(self, head: str) -> str | None:
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            table = Table("alembic_version", MetaData(), Column("version_num", Text))
            version = connection.scalar(select(table.c.version_num))
        if version is not None and version > head:
            raise RuntimeError(
                f"The database has version {version}, this program knows up to {head}."
            )
        return version

    def scrub(self, tables: Iterable[str]) -> None:
        """Let what was deleted from the tables be nowhere in the database's files any more.

        Raises 503 when readers keep the old pages for longer than BUSY_SECONDS.
        """
        if self.path is None:
            with self._engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                for table in tables:
                    connection.exec_driver_sql(f"VACUUM {table}")
            return
        deadline = monotonic() + BUSY_SECONDS
        with self._turn, self._single.connect() as connection:
            # The write-ahead log holds pages as they were: it is copied into the file and emptied.
            while connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar():
                if monotonic() > deadline:
                    raise _busy()
                sleep(0.05)

    def close(self) -> None:
        """Close all connections; the database opens again when it is used."""
        self._engine.dispose()
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        if self._locks is not None:
            self._locks.close()


_READ: dict[str, dict[str, Any]] = {
    "sqlite": {"begin": "BEGIN"},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
}
_SINGLE: dict[str, dict[str, Any]] = {
    "sqlite": {"begin": ""},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}


def _busy() -> ScimError:
    return ScimError(503, "The database is busy.", retry_after=1)


def _fold(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def _prepare_sqlite(connection: Any, record: object) -> None:
    # Without the driver's own transactions, so that _begin_sqlite decides how they begin.
    connection.isolation_level = None
    connection.create_function("fold", 1, _fold, deterministic=True)
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # What is deleted is overwritten: nobody finds it in the file.
    connection.execute("PRAGMA secure_delete = ON")
    # Every thread has a connection, and the system caches the file anyway: 256 KiB instead of 2 MB.
    connection.execute("PRAGMA cache_size = -256")
    _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers and the writer work side by side; at once where the file is so already."""
    # The first switch wants the file for itself and does not heed busy_timeout.
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could not wait for other writers.
    statement = connection.get_execution_options().get("begin", "BEGIN IMMEDIATE")
    # Past SQLAlchemy, whose own way costs as much as the query itself.
    driver = connection.connection.driver_connection
    assert driver is not None
    if statement:
        driver.execute(statement)
