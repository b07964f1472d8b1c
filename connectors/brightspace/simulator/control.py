"""Control routes for tests in other processes; nothing under /_simulator/ is Brightspace's."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify

from connectors.brightspace.simulator.site import Site
from connectors.faults import Faults
from connectors.simulation.control import add_clock, body, common_routes

_FIXED = ("case_sensitive", "id_keys")


def make_control(site: Site, faults: Faults) -> Blueprint:
    """Return the routes that look at and steer a simulator."""
    control = common_routes(site, faults, fixed=_FIXED, also=(site.queries, site.exchanges))
    add_clock(control, site, site.clock)

    @control.post("/consents")
    def consent() -> Response:
        values = body()
        token = site.consent(str(values.get("scope", "")))
        application = {"client_id": site.client_id, "client_secret": site.client_secret}
        return jsonify({**application, "refresh_token": token})

    @control.get("/users")
    def list_users() -> Response:
        with site.lock:
            return jsonify([asdict(user) for user in site.users.values()])

    @control.get("/units")
    def list_units() -> Response:
        with site.lock:
            return jsonify([asdict(unit) for unit in site.units.values()])

    @control.get("/enrollments")
    def list_enrollments() -> Response:
        with site.lock:
            rows = [site.enrollments.of_unit(unit).values() for unit in site.units]
            return jsonify([asdict(row) for of_unit in rows for row in of_unit])

    return control
