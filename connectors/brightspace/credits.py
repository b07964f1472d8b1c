"""The credits that an application has for a minute, as answers tell: lists leave a reserve."""

from __future__ import annotations

import time
from collections.abc import Mapping

from schemas.errors import ScimError

_MINUTE = 60.0
_PATIENCE = 5.0
"""Seconds that a list waits for new credits before it is refused."""


class Credits:
    """What is left of the minute's credits; None where the site does not limit the application.

    `reserve` are the credits that lists leave over for look-ups and writes.
    """

    def __init__(self, reserve: int) -> None:
        self.reserve = reserve
        self.left: int | None = None
        self._most = 0
        self._full_at = 0.0
        self._refused_until = 0.0

    def note(self, headers: Mapping[str, str]) -> None:
        """Take what the headers of an answer tell."""
        try:
            left = int(headers["X-Rate-Limit-Remaining"])
            seconds = float(headers["X-Rate-Limit-Reset"])
        except (KeyError, ValueError):
            return
        self.left, self._most = left, max(left, self._most)
        self._full_at = time.monotonic() + min(max(seconds, 0.0), _MINUTE)

    def used_up(self, wait: float | None) -> None:
        """Note that a call was refused: none is made before the time that the answer names."""
        seconds = _MINUTE if wait is None else min(wait, _MINUTE)
        self._full_at = self._refused_until = time.monotonic() + seconds

    def refuse_all(self) -> None:
        """Raise 503 while the site is known to refuse every call."""
        seconds = self._refused_until - time.monotonic()
        if seconds > 0:
            raise ScimError(
                503, "The credits that Brightspace grants are used up.", retry_after=seconds
            )

    def spare(self) -> None:
        """Wait a little, or raise 503, while no more than the reserve is left."""
        seconds = self._full_at - time.monotonic()
        reserve = min(self.reserve, self._most // 10)
        if self.left is None or self.left > reserve or seconds <= 0:
            return
        if seconds <= _PATIENCE:
            time.sleep(seconds)
            return
        raise ScimError(
            503,
            f"Only {self.left} of the credits that Brightspace grants for a minute are left; lists "
            "wait so that look-ups and writes go on.",
            retry_after=seconds,
        )
