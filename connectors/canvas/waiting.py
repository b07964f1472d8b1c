"""Waiting for what Canvas does in the background: looks that grow rarer, and an end of patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_PAUSES = (0.1, 0.4, 1.0, 2.0)
"""Seconds between two looks; the last one again and again."""

Row = dict[str, Any]


def awaited(look: Callable[[], Row | None], going: tuple[str, ...], patience: float) -> Row | None:
    """Return what the looks at a job come to; None where it is not done in so many seconds.

    A job goes on as long as its `status`, or `workflow_state`, is one of `going`.
    """
    until = time.monotonic() + patience
    for pause in (*_PAUSES, *[_PAUSES[-1]] * int(patience / _PAUSES[-1])):
        job = look() or {}
        if (job.get("status") or job.get("workflow_state")) not in going:
            return job
        if time.monotonic() + pause > until:
            return None
        time.sleep(pause)
    return None
