"""A Canvas to rehearse with: answers as its public REST API does, from memory.

application = create_simulator(users=100, courses=3, throttle_status=403)
application.site.token                               # an account administrator's token
application.site.settings.profiles = False
application.faults.add("status", status=503, match="/api/v1/users")
"""

from __future__ import annotations

from typing import Any

from flask import Flask

from connectors.canvas.simulator.builtin import furnish
from connectors.canvas.simulator.control import make_control
from connectors.canvas.simulator.seeding import seed
from connectors.canvas.simulator.server import PathMender, make_server
from connectors.canvas.simulator.settings import Settings
from connectors.canvas.simulator.site import Site
from connectors.faults import Faults
from connectors.simulation.clock import Clock

__all__ = ["Clock", "Settings", "Simulator", "Site", "create_simulator"]


class Simulator(Flask):
    """The Flask app of one simulated site, with its state and its faults."""

    def __init__(self, site: Site) -> None:
        super().__init__(__name__)
        self.site = site
        self.extensions["site"] = site
        self.faults = Faults(PathMender(self.wsgi_app))
        self.wsgi_app = self.faults  # type: ignore[method-assign]
        self.register_blueprint(make_server(site))
        self.register_blueprint(make_control(site, self.faults))


def create_simulator(
    users: int = 0, courses: int = 0, clock: Clock | None = None, **settings: Any
) -> Simulator:
    """Return a Canvas site with that many people and courses beside what every site has.

    `settings` are those of `Settings`; without a clock the site runs with the machine's.
    """
    site = Site(Settings(**settings), clock)
    furnish(site)
    seed(site, users, courses)
    return Simulator(site)
