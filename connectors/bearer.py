"""Access tokens that end: one for all threads, new by the clock or when it is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_MARGIN = 2.0
"""Seconds before its end from which a token is not used any more."""


class Bearer:
    """An access token (RFC 6750); `ask` gives a new one with the seconds that it lives."""

    def __init__(self, ask: Callable[[], tuple[str, float]]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._value = ""
        self._until = 0.0

    def value(self, *, not_this: str = "") -> str:
        """Return a token; `not_this` is one that the LMS has refused."""
        value = self._value
        if value and value != not_this and time.monotonic() < self._until:
            return value
        with self._lock:
            if self._value in ("", not_this) or time.monotonic() >= self._until:
                started = time.monotonic()
                self._value, seconds = self._ask()
                self._until = started + max(seconds - _MARGIN, 1.0)
            return self._value
