"""Control routes of every simulator, for tests in other processes; no LMS has any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, MutableSequence
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, request

from connectors.faults import CONTROL_PREFIX, Faults
from connectors.simulation.clock import Clock


class _Site(Protocol):
    """What the routes need of a simulated site; `settings` is a dataclass."""

    settings: Any

    @property
    def lock(self) -> AbstractContextManager[Any]: ...

    @property
    def calls(self) -> MutableSequence[Any]: ...


def common_routes(
    site: _Site,
    faults: Faults,
    *,
    fixed: Collection[str] = (),
    also: Iterable[MutableSequence[Any]] = (),
) -> Blueprint:
    """Return the routes that count calls, plan faults and change settings.

    `fixed` are the settings that stay as they are, `also` what is forgotten together with calls.
    """
    control = Blueprint("control", __name__, url_prefix=CONTROL_PREFIX.rstrip("/"))

    @control.get("/calls")
    def count_calls() -> Response:
        with site.lock:
            return jsonify(Counter(map(_name, site.calls)))

    @control.delete("/calls")
    def forget_calls() -> tuple[str, int]:
        with site.lock:
            for record in (site.calls, *also):
                record.clear()
        return "", 204

    @control.post("/faults")
    def plan_fault() -> tuple[str, int]:
        try:
            faults.add(**body())
        except (TypeError, ValueError) as error:
            return f"{error}\n", 400
        return "", 204

    @control.delete("/faults")
    def clear_faults() -> tuple[str, int]:
        faults.clear()
        return "", 204

    @control.post("/settings")
    def change_settings() -> tuple[str, int]:
        values = body()
        known = {declared.name for declared in fields(site.settings)}.difference(fixed)
        if unknown := values.keys() - known:
            return f"unknown settings: {', '.join(sorted(unknown))}\n", 400
        with site.lock:
            try:
                changed = replace(site.settings, **values)
            except (TypeError, ValueError) as error:
                return f"{error}\n", 400
            for name in values:
                setattr(site.settings, name, getattr(changed, name))
        return "", 204

    return control


def add_clock(control: Blueprint, site: _Site, clock: Clock) -> None:
    """Add the route that moves the site's clock forward."""

    @control.post("/clock")
    def move_clock() -> tuple[str, int]:
        seconds = body().get("advance")
        if not isinstance(seconds, int | float):
            return "advance is a number of seconds\n", 400
        with site.lock:
            clock.advance(seconds)
        return "", 204


def body() -> dict[str, Any]:
    """Return the JSON object that was sent."""
    sent = request.get_json()
    if not isinstance(sent, dict):
        raise TypeError("a JSON object is needed")
    return sent


def _name(call: Iterable[Any]) -> str:
    """Return what a call is counted as: method and path, or a function without its values."""
    return " ".join(part for part in call if isinstance(part, str))
