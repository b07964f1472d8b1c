"""The budget of calls: so many in a window that begins with the first call."""

from __future__ import annotations

import math

from connectors.blackboard.simulator.settings import Settings
from connectors.simulation.clock import Clock


class Budget:
    """What is left of the calls that a site grants, and when the full number is back."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._used = 0
        self._began: float | None = None

    @property
    def used(self) -> int:
        """The calls made since the window began."""
        self._refill()
        return self._used

    @property
    def remaining(self) -> int:
        """The calls that are left."""
        return max(0, self._settings.daily_limit - self.used)

    def spend(self) -> bool:
        """Count a call and tell whether it is granted."""
        self._refill()
        if self._began is None:
            self._began = self._clock.now()
        if self._used >= self._settings.daily_limit + self._settings.late_calls:
            return False
        self._used += 1
        return True

    def headers(self, refused: bool) -> dict[str, str]:
        """Return the headers that tell a client of the budget, in the style of the release."""
        headers = {
            "X-Rate-Limit-Limit": str(self._settings.daily_limit),
            "X-Rate-Limit-Remaining": str(self.remaining),
        }
        if self._settings.rate_header_style == "reset":
            headers["X-Rate-Limit-Reset"] = str(self._seconds_left())
        elif refused:
            headers["Retry-After"] = str(self._seconds_left())
        return headers

    def _seconds_left(self) -> int:
        if self._began is None:
            return self._settings.window_seconds
        return math.ceil(self._began + self._settings.window_seconds - self._clock.now())

    def _refill(self) -> None:
        if self._began is None:
            return
        if self._clock.now() >= self._began + self._settings.window_seconds:
            self._began = None
            self._used = 0
