"""Files: what an export is written to, under another name until it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.exporting.journals import Journal, JournalError


class Kept:
    """A file that is kept on the disk at each `sync`, cut to the bytes that are known to be good.

    It is beside the file that it becomes: `people.csv.part`.
    """

    def __init__(self, path: Path, known: int) -> None:
        self._path = path
        self._part = part_of(path)
        self._file = open(self._part, "r+b" if known else "wb")  # noqa: SIM115
        self._file.truncate(known)
        self._file.seek(known)

    def write(self, content: bytes) -> object:
        """Take some bytes."""
        return self._file.write(content)

    def sync(self) -> int:
        """Make sure that all is on the disk; return how many bytes that are."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def finish(self) -> None:
        """Close the file and put it in its place, at once."""
        self._file.close()
        os.replace(self._part, self._path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Flow:
    """A stream that nothing can be cut off from, such as stdout."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._bytes = 0

    def write(self, content: bytes) -> object:
        """Take some bytes."""
        self._bytes += len(content)
        return self._stream.write(content)

    def sync(self) -> int:
        """Hand on all bytes; return how many that were."""
        self._stream.flush()
        return self._bytes


def part_of(path: Path) -> Path:
    """Return where a file stands until it is complete."""
    return path.with_name(f"{path.name}.part")


def journal_of(path: Path) -> Path:
    """Return where the journal of a file stands until the file is complete."""
    return path.with_name(f"{path.name}.part.journal")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a journal belongs to: a `query`, which its state shares, and the `shape` of a file."""

    query: str
    shape: str


@contextmanager
def opened_journal(
    path: Path, identity: Identity, *, older: Path | None = None, restart: bool = False
) -> Iterator[Journal]:
    """Give the journal that an earlier run has left, or a new one; `restart` wants a new one.

    Raises JournalError when it, or the older one, belongs to something else, and when another
    process is at work on it.
    """
    journal = Journal(path, older=older)
    try:
        if restart and journal.told("shape"):
            journal.close()
            forget(path)
            journal = Journal(path, older=older)
        query = journal.told_before("query")
        if query and query != identity.query:
            raise JournalError(
                f"{older} is the state of another query: its filter, its attributes or its target "
                "were not these. Give each query a state of its own."
            )
        shape = f"{identity.query} {identity.shape} {journal.told_before('begun')}"
        if journal.told("shape") not in ("", shape):
            raise JournalError(
                f"{path} tells of another export that is not finished: go on with that one, or "
                "begin anew with --restart."
            )
        journal.note([], query=identity.query, shape=shape)
        yield journal
    finally:
        journal.close()


@contextmanager
def opened(path: Path, journal: Journal) -> Iterator[Kept]:
    """Give the file that becomes `path`, as far as its journal knows it.

    Raises JournalError when it holds less than that.
    """
    known, held = int(journal.told("bytes") or 0), _size(part_of(path))
    if held is not None and held < known:
        raise JournalError(f"{part_of(path)} has lost what was written: use --restart.")
    file = Kept(path, known)
    try:
        yield file
    finally:
        file.close()


def forget(journal: Path) -> None:
    """Remove a journal and what SQLite keeps beside it."""
    for path in (journal, journal.with_name(f"{journal.name}-journal")):
        with suppress(FileNotFoundError):
            path.unlink()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
