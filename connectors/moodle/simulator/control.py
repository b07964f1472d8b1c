"""Control routes for tests in other processes; nothing under /_simulator/ is Moodle's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from flask import Blueprint, Response, jsonify, request

from connectors.faults import Faults
from connectors.moodle.simulator.settings import Settings
from connectors.moodle.simulator.site import Site
from connectors.moodle.simulator.tables import SYSTEM_CONTEXT

_SETTINGS = frozenset(declared.name for declared in fields(Settings))
_SHOWN = ("id", "username", "email", "suspended", "deleted", "idnumber")


def make_control(site: Site, faults: Faults) -> Blueprint:
    """Return the routes that look at and steer a simulator."""
    control = Blueprint("control", __name__, url_prefix="/_simulator")

    @control.get("/calls")
    def count_calls() -> Response:
        return jsonify(dict(site.count_calls()))

    @control.delete("/calls")
    def forget_calls() -> tuple[str, int]:
        with site.lock:
            site.calls.clear()
        return "", 204

    @control.get("/users")
    def list_users() -> Response:
        with site.lock:
            rows = [
                {name: getattr(user, name) for name in _SHOWN} for user in site.users_in_order()
            ]
        return jsonify(rows)

    @control.get("/cohorts")
    def list_cohorts() -> Response:
        with site.lock:
            rows = [
                {
                    "id": cohort.id,
                    "name": cohort.name,
                    "idnumber": cohort.idnumber,
                    "members": sorted(cohort.members),
                }
                for cohort in site.cohorts.values()
            ]
        return jsonify(rows)

    @control.get("/courses")
    def list_courses() -> Response:
        with site.lock:
            rows = [
                {
                    "id": course.id,
                    "shortname": course.shortname,
                    "idnumber": course.idnumber,
                    "visible": bool(course.visible),
                    "enrolments": {
                        str(user_id): {
                            "suspended": enrolment.suspended,
                            "timestart": enrolment.timestart,
                            "timeend": enrolment.timeend,
                            "roles": sorted(site.roles_of(user_id, course.id)),
                        }
                        for user_id, enrolment in sorted(course.enrolments.items())
                    },
                    "groups": {
                        str(group.id): sorted(group.members) for group in site.groups_of(course.id)
                    },
                }
                for course in site.courses.values()
            ]
        return jsonify(rows)

    @control.get("/roles")
    def list_site_roles() -> Response:
        with site.lock:
            held = site.contexts[SYSTEM_CONTEXT].roles
            return jsonify({str(user_id): sorted(roles) for user_id, roles in held.items()})

    @control.post("/grades")
    def set_grade() -> tuple[str, int]:
        return _prepare(site.set_grade)

    @control.post("/completions")
    def set_completed() -> tuple[str, int]:
        return _prepare(site.set_completed)

    @control.get("/mails")
    def list_mails() -> Response:
        with site.lock:
            return jsonify([{"kind": mail.kind, "address": mail.address} for mail in site.mails])

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
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        with site.lock:
            try:
                replace(site.settings, **values)
            except (TypeError, ValueError) as error:
                return f"{error}\n", 400
            for name, value in values.items():
                setattr(site.settings, name, value)
        return "", 204

    return control


def _prepare(change: Callable[..., None]) -> tuple[str, int]:
    """Run a method of the site with the values of the body."""
    try:
        change(**_body())
    except (KeyError, TypeError) as error:
        return f"{error}\n", 400
    return "", 204


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise TypeError("a JSON object is needed")
    return body
