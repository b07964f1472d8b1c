"""Control routes for tests in other processes; nothing under /_simulator/ is Blackboard's."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import Any

from flask import Blueprint, Response, jsonify, request

from connectors.blackboard.simulator.settings import Settings
from connectors.blackboard.simulator.site import Site
from connectors.faults import CONTROL_PREFIX, Faults

_FIXED = ("case_sensitive_ids", "own_user")
_SETTINGS = frozenset(declared.name for declared in fields(Settings)).difference(_FIXED)


def make_control(site: Site, faults: Faults) -> Blueprint:
    """Return the routes that look at and steer a simulator."""
    control = Blueprint("control", __name__, url_prefix=CONTROL_PREFIX.rstrip("/"))

    @control.get("/calls")
    def count_calls() -> Response:
        with site.lock:
            counted = Counter(f"{method} {path}" for method, path in site.calls)
        return jsonify(counted)

    @control.delete("/calls")
    def forget_calls() -> tuple[str, int]:
        with site.lock:
            site.calls.clear()
            site.queries.clear()
        return "", 204

    @control.get("/users")
    def list_users() -> Response:
        with site.lock:
            return jsonify([user.body for user in site.users.values()])

    @control.get("/courses")
    def list_courses() -> Response:
        with site.lock:
            return jsonify([course.body for course in site.courses.values()])

    @control.get("/memberships")
    def list_memberships() -> Response:
        with site.lock:
            return jsonify([row.body for row in site.memberships.values()])

    @control.post("/faults")
    def plan_fault() -> tuple[str, int]:
        try:
            faults.add(**_body())
        except (TypeError, ValueError) as error:
            return f"{error}\n", 400
        return "", 204

    @control.delete("/faults")
    def clear_faults() -> tuple[str, int]:
        faults.clear()
        return "", 204

    @control.post("/settings")
    def change_settings() -> tuple[str, int]:
        values = _body()
        if unknown := values.keys() - _SETTINGS:
            return f"unknown settings: {', '.join(sorted(unknown))}\n", 400
        with site.lock:
            try:
                changed = replace(site.settings, **values)
            except (TypeError, ValueError) as error:
                return f"{error}\n", 400
            for name in values:
                setattr(site.settings, name, getattr(changed, name))
        return "", 204

    @control.post("/clock")
    def move_clock() -> tuple[str, int]:
        seconds = _body().get("advance")
        if not isinstance(seconds, int | float):
            return "advance is a number of seconds\n", 400
        with site.lock:
            site.clock.advance(seconds)
        return "", 204

    return control


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise TypeError("a JSON object is needed")
    return body
