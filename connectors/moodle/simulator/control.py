"""Control routes for tests in other processes; nothing under /_simulator/ is Moodle's."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from connectors.faults import Faults
from connectors.moodle.simulator.site import Site
from connectors.moodle.simulator.tables import SYSTEM_CONTEXT
from connectors.simulation.control import body, common_routes

_SHOWN = ("id", "username", "email", "suspended", "deleted", "idnumber")


def make_control(site: Site, faults: Faults) -> Blueprint:
    """Return the routes that look at and steer a simulator."""
    control = common_routes(site, faults)

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

    return control


def _prepare(change: Callable[..., None]) -> tuple[str, int]:
    """Run a method of the site with the values of the body."""
    try:
        change(**body())
    except (KeyError, TypeError) as error:
        return f"{error}\n", 400
    return "", 204
