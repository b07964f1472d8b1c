"""Blackboard sites and connectors for tests: the simulator mounted in this process."""

from __future__ import annotations

from typing import Any

from connectors.base import Options
from connectors.blackboard import Blackboard
from connectors.blackboard.simulator import Simulator, Site, create_simulator
from tests.connectors import joining

Joined = joining.Joined[Site]


def options(simulator: Simulator, **given: Any) -> Options:
    """Return the options of a target that reaches the simulator in this process."""
    site = simulator.site
    own = {"client_id": site.client_id, "client_secret": site.client_secret}
    return joining.in_process(
        "blackboard", simulator, **{**given, "more": own | given.get("more", {})}
    )


def joined(
    users: int = 0, courses: int = 0, *, more: dict[str, Any] | None = None, **settings: Any
) -> Joined:
    """Return a connector on a new site; `settings` are the simulator's."""
    simulator = create_simulator(users=users, courses=courses, **settings)
    return Joined(Blackboard(options(simulator, more=more or {})), simulator)
