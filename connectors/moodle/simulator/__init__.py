"""A Moodle to rehearse with: answers as Moodle 4.5's REST web service does, from memory.

application = create_simulator(users=100, cohorts=3, courses=5, debug=True)
application.site.token          # the gateway's token
application.faults.add("status", status=503, match="core_user_get_users")
"""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.control import make_control
from connectors.moodle.simulator.records import Cohort, Course, Group, Mail, Report, Token, User
from connectors.moodle.simulator.seeding import seed
from connectors.moodle.simulator.server import make_server
from connectors.moodle.simulator.settings import CustomField, Settings
from connectors.moodle.simulator.site import GATEWAY_CAPABILITIES, Site
from connectors.simulation import application

__all__ = [
    "GATEWAY_CAPABILITIES",
    "Cohort",
    "Course",
    "CustomField",
    "Group",
    "Mail",
    "Report",
    "Settings",
    "Simulator",
    "Site",
    "Token",
    "User",
    "create_simulator",
]


Simulator = application.Simulator[Site]


def create_simulator(
    users: int = 0,
    cohorts: int = 0,
    token: str | None = None,
    courses: int = 0,
    **settings: Any,
) -> Simulator:
    """Return a Moodle with that many accounts, cohorts and courses besides the site's own.

    `settings` are those of `Settings`.
    """
    site = Site(Settings(**settings), token)
    seed(site, users, cohorts, courses)
    simulator = Simulator(site, make_server(site), make_control)
    simulator.config["MAX_FORM_MEMORY_SIZE"] = None
    return simulator
