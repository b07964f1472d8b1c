"""What a token may still spend: a bucket that leaks, and that Canvas lets nobody overfill."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_UP_FRONT = 50.0
"""What Canvas puts into the bucket while a call runs."""
_OUTFLOW = 10.0
"""What leaks out of it in a second."""
_LONGEST = 5.0


class Bucket:
    """The room that answers have told of, and a pause for a call for which there is none.

    Canvas says with each answer what is `left`, the calls that are under way taken off; None as
    long as no answer has told.
    """

    def __init__(self) -> None:
        self.left: float | None = None
        self._lock = threading.Lock()
        self._running = 0
        self._room = float("inf")
        self._told_at = 0.0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count a call while it runs; wait before it until there is room, 5 seconds at most."""
        with self._lock:
            room = self._room - _UP_FRONT * self._running
            room += _OUTFLOW * (time.monotonic() - self._told_at)
            self._running += 1
        try:
            if room < _UP_FRONT:
                time.sleep(min((_UP_FRONT - room) / _OUTFLOW, _LONGEST))
            yield
        finally:
            with self._lock:
                self._running -= 1

    def note(self, headers: Mapping[str, str]) -> None:
        """Take what an answer tells, while its call is still counted."""
        try:
            left = float(headers["X-Rate-Limit-Remaining"])
        except (KeyError, ValueError):
            return
        with self._lock:
            self.left = left
            self._room = left + _UP_FRONT * self._running
            self._told_at = time.monotonic()
