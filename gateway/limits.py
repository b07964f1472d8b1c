"""How much one client may do in a minute, counted in this process only.

With several workers each counts for itself: the limits keep off floods, they do no accounting.
"""

from __future__ import annotations

from functools import cached_property
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import FixedWindowRateLimiter


class Limiter:
    """So many hits per minute and key; 0 is no limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute

    def hit(self, key: str) -> bool:
        """Count one, and tell whether it is still within the limit."""
        return not self._per_minute or self._limiter.hit(self._limit, key)

    def is_reached(self, key: str) -> bool:
        """Tell whether the next one would be too many."""
        return bool(self._per_minute) and not self._limiter.test(self._limit, key)

    def wait(self, key: str) -> float:
        """Return the seconds until counting begins anew."""
        return max(1.0, self._limiter.get_window_stats(self._limit, key).reset_time - time())

    # The library is imported when it is needed: most processes never count anything.

    @cached_property
    def _limit(self) -> RateLimitItem:
        from limits import RateLimitItemPerMinute

        return RateLimitItemPerMinute(self._per_minute)

    @cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        return FixedWindowRateLimiter(MemoryStorage())
