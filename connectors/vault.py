"""Secrets that an LMS replaces while they are used, kept where all processes find them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol


class Vault(Protocol):
    """One secret text of one target, shared by all threads, workers and machines."""

    def read(self) -> str | None:
        """Return the text that is kept, or None when none was kept yet."""

    def renew(self, exchange: Callable[[str | None], str]) -> str:
        """Replace what is kept by what `exchange` makes of it, and return that.

        One exchange is at work at a time, over all threads, workers and machines; it is given
        what is kept at that moment. What it returns is committed before this returns; when it
        raises, what was kept stays.
        """


class MemoryVault(Vault):
    """A vault that lives as long as this process, and is shared by its threads only."""

    def __init__(self, text: str | None = None) -> None:
        self._text = text
        self._lock = threading.Lock()

    def read(self) -> str | None:
        """Return the text that is kept, or None when none was kept yet."""
        return self._text

    def renew(self, exchange: Callable[[str | None], str]) -> str:
        """Replace what is kept by what `exchange` makes of it, and return that."""
        with self._lock:
            self._text = exchange(self._text)
            return self._text
