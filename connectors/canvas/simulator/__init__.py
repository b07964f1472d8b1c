"""A Canvas to rehearse with: answers as its public REST API does, from memory.

application = create_simulator(users=100, courses=3, throttle_status=403)
application.site.token                               # an account administrator's token
application.site.settings.profiles = False
application.faults.add("status", status=503, match="/api/v1/users")
"""

from __future__ import annotations

from typing import Any

from connectors.canvas.simulator.builtin import furnish
from connectors.canvas.simulator.control import make_control
from connectors.canvas.simulator.seeding import seed
from connectors.canvas.simulator.server import make_server
from connectors.canvas.simulator.settings import Settings
from connectors.canvas.simulator.site import Site
from connectors.simulation import application
from connectors.simulation.clock import Clock

__all__ = ["Clock", "Settings", "Simulator", "Site", "create_simulator"]


Simulator = application.Simulator[Site]


def create_simulator(
    users: int = 0, courses: int = 0, clock: Clock | None = None, **settings: Any
) -> Simulator:
    """Return a Canvas site with that many people and courses beside what every site has.

    `settings` are those of `Settings`; without a clock the site runs with the machine's.
    """
    site = Site(Settings(**settings), clock)
    furnish(site)
    seed(site, users, courses)
    return Simulator(site, make_server(site), make_control)
