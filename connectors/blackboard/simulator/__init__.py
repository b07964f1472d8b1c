"""A Blackboard Learn to rehearse with: answers as its public REST API does, from memory.

application = create_simulator(users=100, courses=3, short_pages=True)
application.site.client_id, application.site.client_secret    # the application's credentials
application.faults.add("status", status=503, match="/v1/users")
"""

from __future__ import annotations

from typing import Any

from connectors.blackboard.simulator.builtin import furnish
from connectors.blackboard.simulator.control import make_control
from connectors.blackboard.simulator.seeding import seed
from connectors.blackboard.simulator.server import make_server
from connectors.blackboard.simulator.settings import Settings
from connectors.blackboard.simulator.site import Site
from connectors.simulation import application
from connectors.simulation.clock import Clock

__all__ = ["Clock", "Settings", "Simulator", "Site", "create_simulator"]


Simulator = application.Simulator[Site]


def create_simulator(
    users: int = 0, courses: int = 0, clock: Clock | None = None, **settings: Any
) -> Simulator:
    """Return a Learn site with that many accounts and courses beside those that every site has.

    `settings` are those of `Settings`; without a clock the site runs with the machine's.
    """
    site = Site(Settings(**settings), clock)
    furnish(site)
    seed(site, users, courses)
    return Simulator(site, make_server(site), make_control)
