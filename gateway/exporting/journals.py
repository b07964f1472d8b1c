"""Journals: what an export has written so far, and so what the next delta compares with."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import Any

_VERSION = 20_261
"""Tells a journal from another SQLite file, and its tables from those of other times."""

_TABLES = (
    "CREATE TABLE {}.told (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE {}.seen (id TEXT PRIMARY KEY, digests BLOB) WITHOUT ROWID",
    "CREATE TABLE {}.attributes (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    f"PRAGMA {{}}.user_version = {_VERSION}",
)
_DIGEST = Struct("<H8s")

Digests = Mapping[str, bytes]
"""Of each attribute of a resource, by its name: eight bytes that tell whether it has changed."""


class JournalError(Exception):
    """A file that cannot be used as a journal; its sentence says why."""


class Journal:
    """A SQLite file with the ids that an export has written, and where it has to go on.

    The journal of a delta has digests of their attributes as well; once it is complete it is the
    state, `older`, that the next one compares with. It holds no values. Without a path it lasts as
    long as the object, on disk as well: memory does not grow with it. An id without digests is
    that of what has gone, or of a resource in an export that is no delta.
    """

    def __init__(self, path: Path | None = None, *, older: Path | None = None) -> None:
        self._path = path
        try:
            self._connection = sqlite3.connect(
                "" if path is None else str(path),
                isolation_level=None,
                check_same_thread=False,
                timeout=1,
                uri=True,
            )
            self._open(older)
        except sqlite3.OperationalError as error:
            raise JournalError(f"{path}: {error}.") from None
        except sqlite3.DatabaseError:
            raise JournalError(f"{path} or {older} is no state of an export.") from None
        self._numbers: dict[str, int] = dict(self._all("SELECT name, number FROM attributes"))
        self._names = {number: name for name, number in self._numbers.items()}

    def told(self, name: str) -> str:
        """Return what was noted last under a name, "" for nothing."""
        return self._value("SELECT value FROM main.told WHERE name = ?", name) or ""

    def told_before(self, name: str) -> str:
        """Return what the older journal says under a name, "" for nothing."""
        return self._value("SELECT value FROM old.told WHERE name = ?", name) or ""

    def fresh(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that have not been noted."""
        query = "SELECT count(*) FROM main.seen WHERE id = ?"
        return {id for id in ids if not self._value(query, id)}

    def note(self, seen: Iterable[tuple[str, Digests | None]], **told: str) -> None:
        """Note ids with the digests of what they name, and what is told, all in one transaction."""
        with self._connection:
            self._connection.execute("BEGIN")
            rows = [(id, None if held is None else self._packed(held)) for id, held in seen]
            self._connection.executemany("INSERT OR REPLACE INTO main.seen VALUES (?, ?)", rows)
            self._connection.executemany(
                "INSERT OR REPLACE INTO main.told VALUES (?, ?)", told.items()
            )

    def digests_before(self, id: str) -> Digests | None:
        """Return the digests that the older journal has of a resource, None when it has none."""
        packed = self._value("SELECT digests FROM old.seen WHERE id = ?", id)
        if packed is None:
            return None
        return {self._names[number]: held for number, held in _DIGEST.iter_unpack(packed)}

    def count(self) -> int:
        """Return how many ids are noted."""
        return int(self._value("SELECT count(*) FROM main.seen"))

    def count_before(self) -> int:
        """Return how many ids the older journal has."""
        return int(self._value("SELECT count(*) FROM old.seen"))

    def only_before(self, most: int) -> Iterator[list[str]]:
        """Yield the ids that only the older journal has, at most so many at once, in order."""
        last = ""
        while True:
            rows = self._all(
                "SELECT id FROM old.seen WHERE id > ? AND id NOT IN (SELECT id FROM main.seen) "
                "ORDER BY id LIMIT ?",
                *(last, most),
            )
            if not rows:
                return
            yield [row[0] for row in rows]
            last = rows[-1][0]

    def take_over(self, ids: Iterable[str]) -> None:
        """Note resources with the digests that the older journal has of them."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "INSERT OR IGNORE INTO main.seen SELECT id, digests FROM old.seen WHERE id = ?",
                [(id,) for id in ids],
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def become(self, path: Path) -> None:
        """Put the file in the place of another one, at once; ids without digests are left out."""
        assert self._path is not None
        self._connection.execute("DELETE FROM main.seen WHERE digests IS NULL")
        self.close()
        os.replace(self._path, path)

    def _open(self, older: Path | None) -> None:
        # Another export into the same file finds it locked.
        self._connection.execute("PRAGMA main.locking_mode = EXCLUSIVE")
        if older is None or not older.exists():
            self._connection.execute("ATTACH ':memory:' AS old")
            self._make("old")
        else:
            self._connection.execute("ATTACH ? AS old", [f"{older.resolve().as_uri()}?mode=ro"])
        self._connection.execute("BEGIN EXCLUSIVE")
        if self._value("SELECT count(*) FROM main.sqlite_master") == 0:
            self._make("main")
            self._connection.execute("INSERT INTO main.attributes SELECT * FROM old.attributes")
            self._connection.execute(
                "INSERT INTO main.told SELECT * FROM old.told WHERE name = 'salt' "
                "UNION SELECT 'salt', ? WHERE NOT EXISTS (SELECT 1 FROM old.told)",
                [os.urandom(16).hex()],
            )
        self._connection.execute("COMMIT")
        for name in ("main", "old"):
            if self._value(f"PRAGMA {name}.user_version") != _VERSION:
                raise sqlite3.DatabaseError

    def _make(self, name: str) -> None:
        for statement in _TABLES:
            self._connection.execute(statement.format(name))

    def _packed(self, digests: Digests) -> bytes:
        return b"".join(_DIGEST.pack(self._number(name), held) for name, held in digests.items())

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._numbers)
            self._names[number] = name
            self._connection.execute("INSERT INTO main.attributes VALUES (?, ?)", (number, name))
        return number

    def _value(self, query: str, *values: Any) -> Any:
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _all(self, query: str, *values: Any) -> list[Any]:
        return self._connection.execute(query, values).fetchall()
