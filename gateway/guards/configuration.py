"""The section `[targets.NAME.guard]` of the configuration: limits for each kind of write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.references import ConfigurationError

KINDS = ("disable", "delete", "grant")
"""What is guarded: accounts disabled, resources deleted, roles granted."""

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Limit:
    """How much may be done: so many, and at most so many per cent of the target's accounts."""

    most: int | None = None
    percent: float | None = None

    def allowed(self, population: int) -> int | None:
        """Return how many that is, None without a limit; a share of few accounts is at least 1."""
        share = None if self.percent is None else max(1, int(population * self.percent / 100))
        return min((n for n in (self.most, share) if n is not None), default=None)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one kind of write is limited to: in a sliding window, and in one run of a job."""

    window: Limit = Limit()
    run: Limit = Limit()

    def of(self, run: str) -> tuple[Limit, ...]:
        """Return those that limit anything, for a single request or for a run of a job."""
        limits = (self.window, self.run) if run else (self.window,)
        return tuple(limit for limit in limits if limit != Limit())


_OF_RUNS = Limits(run=Limit(percent=10))


def _by_default() -> dict[str, Limits]:
    return {"disable": _OF_RUNS, "delete": _OF_RUNS}


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The limits by kind; `window` is in seconds.

    Without any configuration a run of a job may disable, and delete, a tenth of the accounts.
    """

    window: float = _HOUR
    limits: dict[str, Limits] = field(default_factory=_by_default)


def parse_guard(table: Any, where: str) -> GuardSettings:
    """Return the section's settings. Raises ConfigurationError.

    Each kind takes `most` and `percent` for the window, `run` and `run_percent` for one run.
    """
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} must be a section: [{where}]")
    for key in table:
        if key not in ("window", *KINDS):
            raise ConfigurationError(f"unknown entry {where}.{key}")
    window = table.get("window", _HOUR)
    if not _is_number(window) or window <= 0:
        raise ConfigurationError(f"{where}.window must be a number of seconds")
    given = {kind: _limits(table[kind], f"{where}.{kind}") for kind in KINDS if kind in table}
    return GuardSettings(float(window), _by_default() | given)


def _limits(table: Any, where: str) -> Limits:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} must be a table: {{ most = 100, percent = 5 }}")
    for key, value in table.items():
        if key not in ("most", "percent", "run", "run_percent"):
            raise ConfigurationError(f"unknown entry {where}.{key}")
        whole = key in ("most", "run")
        if not _is_number(value) or value < 0 or (whole and not isinstance(value, int)):
            raise ConfigurationError(f"{where}.{key} must be a {'whole ' * whole}number from 0 on")
    return Limits(
        Limit(table.get("most"), table.get("percent")),
        Limit(table.get("run"), table.get("run_percent")),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
