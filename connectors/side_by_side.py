"""Several calls at once, for an LMS that has no call for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(call: Callable[[T], R], items: Sequence[T], most: int) -> list[R]:
    """Return the call's results in the order of the items, at most so many calls at a time.

    The calls count as the caller's own. The first error is raised after those under way.
    """
    if len(items) < 2 or most < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(most, len(items))) as pool:
        running = [pool.submit(copy_context().run, call, item) for item in items]
        try:
            return [one.result() for one in running]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
