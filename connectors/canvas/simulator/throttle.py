"""The leaky bucket of each token."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.canvas.simulator.settings import Settings
from connectors.simulation.clock import Clock


@dataclass(slots=True)
class _Bucket:
    count: float
    since: float


class Throttle:
    """Counts what calls cost; the lock of the site is held around each method."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._buckets: dict[str, _Bucket] = {}
        self._calls = 0

    def begin(self, token: str) -> bool:
        """Let a call in at its up-front cost, unless the bucket is at the mark."""
        bucket = self._leaked(token)
        self._calls += 1
        every = self._settings.throttle_every
        if bucket.count >= self._settings.high_water_mark or (every and self._calls % every == 0):
            return False
        bucket.count += self._settings.up_front_cost
        return True

    def end(self, token: str) -> dict[str, str]:
        """Exchange the up-front cost for the true one; return the headers of the answer."""
        bucket = self._leaked(token)
        cost = self._settings.call_cost
        remaining = max(self._settings.high_water_mark - bucket.count, 0)
        after = bucket.count - self._settings.up_front_cost + cost
        bucket.count = min(max(after, 0), self._settings.maximum)
        return {
            "X-Request-Cost": str(round(cost, 4)),
            "X-Rate-Limit-Remaining": str(round(float(remaining), 2)),
        }

    def count(self, token: str) -> float:
        """Return what is in the bucket now."""
        return self._leaked(token).count

    def _leaked(self, token: str) -> _Bucket:
        now = self._clock.now()
        bucket = self._buckets.setdefault(token, _Bucket(0, now))
        passed = max(now - bucket.since, 0)
        bucket.count = max(bucket.count - passed * self._settings.outflow, 0)
        bucket.since = now
        return bucket
