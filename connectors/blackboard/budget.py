"""The calls that a site grants for a day, as its answers tell: shown, and never run into."""

from __future__ import annotations

import time
from collections.abc import Mapping

from schemas.errors import ScimError

_DAY = 86_400.0


class Budget:
    """What is left of the day's calls; None as long as no answer has told.

    `reserve` are the calls that lists leave over for look-ups and writes.
    """

    def __init__(self, reserve: int) -> None:
        self.reserve = reserve
        self.limit: int | None = None
        self.left: int | None = None
        self._full_at = 0.0
        self._refused_until = 0.0

    def note(self, headers: Mapping[str, str]) -> None:
        """Take what the headers of an answer tell (both styles, before and since June 2024)."""
        limit, left = _number(headers, "Limit"), _number(headers, "Remaining")
        if limit is not None:
            self.limit = int(limit)
        if left is not None:
            self.left = int(left)
        reset = _number(headers, "Reset")
        if reset is not None:
            # Seconds; a value of more than a day is the moment itself.
            seconds = reset if reset <= _DAY else reset - time.time()
            self._full_at = time.monotonic() + min(max(seconds, 0.0), _DAY)

    def used_up(self, headers: Mapping[str, str], wait: float | None) -> None:
        """Note that a call was refused: none is made before the time that the answer names."""
        self.note(headers)
        until = self._full_at if wait is None else time.monotonic() + min(wait, _DAY)
        self._refused_until = until

    def refuse_all(self) -> None:
        """Raise 503 while the site is known to refuse every call."""
        seconds = self._refused_until - time.monotonic()
        if seconds > 0:
            raise ScimError(
                503, "The calls that Blackboard grants for a day are used up.", retry_after=seconds
            )

    def refuse_lists(self) -> None:
        """Raise 503 when no more than the reserve is left."""
        limit = self.reserve if self.limit is None else min(self.reserve, self.limit // 10)
        if self.left is not None and self.left <= limit:
            seconds = max(self._full_at - time.monotonic(), 60.0)
            raise ScimError(
                503,
                f"Only {self.left} of the {self.limit} calls that Blackboard grants for a day are "
                "left; lists wait so that look-ups and writes go on.",
                retry_after=seconds,
            )


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        return float(headers[f"X-Rate-Limit-{name}"])
    except (KeyError, ValueError):
        return None
