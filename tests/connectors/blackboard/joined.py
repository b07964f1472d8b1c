"""Blackboard sites and connectors for tests: the simulator mounted in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from connectors.base import Collection, Options
from connectors.blackboard import Blackboard
from connectors.blackboard.simulator import Simulator, Site, create_simulator


@dataclass
class Joined:
    """A connector and the simulated site behind it."""

    connector: Blackboard
    simulator: Simulator

    @property
    def site(self) -> Site:
        return self.simulator.site

    def __getitem__(self, name: str) -> Collection:
        return self.connector.collections[name]

    @property
    def calls(self) -> list[str]:
        """Return `METHOD path` of the calls since the last `forget`, tokens apart."""
        return [" ".join(call) for call in self.site.calls]

    def forget(self) -> None:
        self.site.calls.clear()
        self.site.queries.clear()


def options(simulator: Simulator, **given: Any) -> Options:
    """Return the options of a target that reaches the simulator in this process."""
    more = given.pop("more", {})
    values: dict[str, Any] = {
        "name": "blackboard",
        "url": "http://learn.test",
        "allow_private_network": True,
        "transport": httpx.WSGITransport(app=simulator),
        "more": {
            "client_id": simulator.site.client_id,
            "client_secret": simulator.site.client_secret,
            **more,
        },
    }
    return Options(**{**values, **given})


def joined(
    users: int = 0, courses: int = 0, *, more: dict[str, Any] | None = None, **settings: Any
) -> Joined:
    """Return a connector on a new site; `settings` are the simulator's."""
    simulator = create_simulator(users=users, courses=courses, **settings)
    return Joined(Blackboard(options(simulator, more=more or {})), simulator)
