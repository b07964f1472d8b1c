"""Control routes for tests in other processes; nothing under /_simulator/ is Blackboard's."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from connectors.blackboard.simulator.site import Site
from connectors.faults import Faults
from connectors.simulation.control import add_clock, common_routes

_FIXED = ("case_sensitive_ids", "own_user")


def make_control(site: Site, faults: Faults) -> Blueprint:
    """Return the routes that look at and steer a simulator."""
    control = common_routes(site, faults, fixed=_FIXED, also=(site.queries,))
    add_clock(control, site, site.clock)

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

    return control
