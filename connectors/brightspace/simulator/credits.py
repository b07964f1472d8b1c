"""The credits of a minute: what a call costs, what is left, and when all are back."""

from __future__ import annotations

import math

from connectors.brightspace.simulator.settings import Settings
from connectors.simulation.clock import Clock

WINDOW = 60


class Credits:
    """The allowance of one application; its minute begins with the first call."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._used = 0
        self._began: float | None = None

    @property
    def remaining(self) -> int:
        """The credits that are left of this minute."""
        self._refill()
        return max(0, self._settings.credits_per_minute - self._used)

    @property
    def seconds_left(self) -> int:
        """The whole seconds until all credits are back."""
        self._refill()
        if self._began is None:
            return WINDOW
        return max(1, math.ceil(self._began + WINDOW - self._clock.now()))

    def spend(self, cost: int) -> bool:
        """Take the cost of a call and tell whether it was there; one too dear takes nothing."""
        if not self._settings.rate_limited:
            return True
        if self.remaining < cost:
            return False
        if self._began is None:
            self._began = self._clock.now()
        self._used += cost
        return True

    def headers(self, cost: int) -> dict[str, str]:
        """Return the headers of an answer that was counted."""
        if not self._settings.rate_limited:
            return {}
        return {
            "X-Rate-Limit-Remaining": str(self.remaining),
            "X-Request-Cost": str(cost),
            "X-Rate-Limit-Reset": str(self.seconds_left),
        }

    def _refill(self) -> None:
        if self._began is not None and self._clock.now() >= self._began + WINDOW:
            self._began = None
            self._used = 0
