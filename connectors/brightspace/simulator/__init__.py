"""A D2L Brightspace to rehearse with: answers as its REST API Valence does, from memory.

application = create_simulator(users=100, courses=3, page_size=20)
refresh_token = application.site.consent()
application.site.client_id, application.site.client_secret    # the registered application
application.faults.add("status", status=503, match="/users/")
"""

from __future__ import annotations

from typing import Any

from flask import Flask

from connectors.brightspace.simulator.builtin import furnish
from connectors.brightspace.simulator.control import make_control
from connectors.brightspace.simulator.seeding import seed
from connectors.brightspace.simulator.server import make_server
from connectors.brightspace.simulator.settings import Settings
from connectors.brightspace.simulator.site import Site
from connectors.faults import Faults
from connectors.simulation.clock import Clock

__all__ = ["Clock", "Settings", "Simulator", "Site", "create_simulator"]


class Simulator(Flask):
    """The Flask app of one simulated tenant and of the token service, with state and faults."""

    def __init__(self, site: Site) -> None:
        super().__init__(__name__)
        self.site = site
        self.extensions["site"] = site
        self.faults = Faults(self.wsgi_app)
        self.wsgi_app = self.faults  # type: ignore[method-assign]
        self.register_blueprint(make_server(site))
        self.register_blueprint(make_control(site, self.faults))


def create_simulator(
    users: int = 0, courses: int = 0, clock: Clock | None = None, **settings: Any
) -> Simulator:
    """Return a tenant with that many users and courses beside those that every one has.

    `settings` are those of `Settings`; without a clock the tenant runs with the machine's.
    """
    site = Site(Settings(**settings), clock)
    furnish(site)
    seed(site, users, courses)
    return Simulator(site)
