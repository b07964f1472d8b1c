"""A D2L Brightspace to rehearse with: answers as its REST API Valence does, from memory.

application = create_simulator(users=100, courses=3, page_size=20)
refresh_token = application.site.consent()
application.site.client_id, application.site.client_secret    # the registered application
application.faults.add("status", status=503, match="/users/")
"""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.builtin import furnish
from connectors.brightspace.simulator.control import make_control
from connectors.brightspace.simulator.seeding import seed
from connectors.brightspace.simulator.server import make_server
from connectors.brightspace.simulator.settings import Settings
from connectors.brightspace.simulator.site import Site
from connectors.simulation import application
from connectors.simulation.clock import Clock

__all__ = ["Clock", "Settings", "Simulator", "Site", "create_simulator"]


Simulator = application.Simulator[Site]


def create_simulator(
    users: int = 0, courses: int = 0, clock: Clock | None = None, **settings: Any
) -> Simulator:
    """Return a tenant with that many users and courses beside those that every one has.

    `settings` are those of `Settings`; without a clock the tenant runs with the machine's.
    """
    site = Site(Settings(**settings), clock)
    furnish(site)
    seed(site, users, courses)
    return Simulator(site, make_server(site), make_control)
