"""Control routes for tests in other processes; nothing under /_simulator/ is Canvas'."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify

from connectors.canvas.simulator.site import Site
from connectors.faults import Faults
from connectors.simulation.control import add_clock, common_routes


def make_control(site: Site, faults: Faults) -> Blueprint:
    """Return the routes that look at and steer a simulator."""
    control = common_routes(site, faults, also=(site.queries,))
    add_clock(control, site, site.clock)

    @control.get("/users")
    def list_users() -> Response:
        with site.lock:
            rows = [
                {
                    "id": user.id,
                    "name": user.name,
                    "sortable_name": user.sortable_name,
                    "short_name": user.short_name,
                    "email": site.email_of(user.id),
                    "logins": [_plain(login) for login in site.logins_of(user.id)],
                }
                for user in site.users.values()
            ]
        return jsonify(rows)

    @control.get("/enrollments")
    def list_enrollments() -> Response:
        with site.lock:
            return jsonify([asdict(row) for row in site.enrollments.values()])

    @control.get("/memberships")
    def list_memberships() -> Response:
        with site.lock:
            return jsonify([asdict(row) for row in site.memberships.values()])

    return control


def _plain(login: Any) -> dict[str, Any]:
    row = asdict(login)
    return {name: row[name] for name in ("id", "unique_id", "sis_user_id", "state")}
