"""Forecasts: the upstream calls that a plan will take, and the seconds for them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping

from connectors.base import Collection
from gateway.ahead import PART
from gateway.sync.plan import WRITES
from gateway.targets import Target

_METHODS = {"create": "create", "change": "update", "disable": "update", "delete": "delete"}


class Meter:
    """How long the calls to LMSs took that were made: told of each of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, int] = defaultdict(int)
        self._seconds: dict[str, float] = defaultdict(float)

    def __call__(self, target: str, call: str, outcome: str, seconds: float, is_open: bool) -> None:
        """Take one call, as connectors tell of it."""
        with self._lock:
            self._calls[target] += 1
            self._seconds[target] += seconds

    def mean(self, target: str) -> float:
        """Return the seconds that a call to a target has taken, 0 before the first."""
        return self._seconds[target] / max(1, self._calls[target])


def forecast(
    collection: Collection,
    target: Target,
    totals: Mapping[str, int],
    native: Mapping[str, int],
    meter: Meter,
) -> dict[str, float]:
    """Return the calls by kind, and the `seconds` for all, as calls took while planning.

    `native` is how many native calls one write of a kind takes; what the LMS takes many of at once
    goes together.
    """
    calls: dict[str, float] = {}
    reads = 0
    for kind in WRITES:
        number = totals[kind]
        at_once, single = collection.at_once.get(_method(kind, target), 1), native.get(kind, 1)
        together = -(-number // at_once) * max(single, collection.many_take)
        calls[kind] = min(number * single, together)
        if kind != "create":
            reads += -(-number // PART) if collection.can_fetch else number
    calls = {"read": reads, **calls}
    seconds = (
        sum(calls.values()) * meter.mean(target.name) / max(1, target.settings.options.connections)
    )
    return {**calls, "seconds": round(seconds, 1)}


def _method(kind: str, target: Target) -> str:
    """Return what a kind of line is natively: to delete may only be to disable."""
    is_kept = kind == "delete" and target.settings.delete == "disable"
    return "update" if is_kept else _METHODS[kind]
