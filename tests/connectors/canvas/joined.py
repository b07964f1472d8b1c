"""Canvas sites and connectors for tests: the simulator mounted in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from connectors.base import Collection, Options
from connectors.canvas import Canvas
from connectors.canvas.simulator import Simulator, Site, create_simulator


@dataclass
class Joined:
    """A connector and the simulated site behind it."""

    connector: Canvas
    simulator: Simulator

    @property
    def site(self) -> Site:
        return self.simulator.site

    def __getitem__(self, name: str) -> Collection:
        return self.connector.collections[name]

    @property
    def calls(self) -> list[str]:
        """Return `METHOD path` of the calls since the last `forget`."""
        return [f"{method} {path.partition('/api/v1/')[2]}" for method, path in self.site.calls]

    def forget(self) -> None:
        self.site.calls.clear()
        self.site.queries.clear()


def options(simulator: Simulator, **given: Any) -> Options:
    """Return the options of a target that reaches the simulator in this process."""
    values: dict[str, Any] = {
        "name": "canvas",
        "url": "http://canvas.test",
        "token": simulator.site.token,
        "allow_private_network": True,
        "transport": httpx.WSGITransport(app=simulator),
    }
    return Options(**{**values, **given})


def joined(
    users: int = 0,
    courses: int = 0,
    *,
    more: dict[str, Any] | None = None,
    attributes: dict[str, Any] | None = None,
    verify: bool = False,
    **settings: Any,
) -> Joined:
    """Return a connector on a new site; `settings` are the simulator's; calls cost nothing."""
    settings = {"call_cost": 0, "admins_can_change_passwords": True, **settings}
    simulator = create_simulator(users=users, courses=courses, **settings)
    given = options(simulator, more=more or {}, attributes=attributes or {}, verify=verify)
    return Joined(Canvas(given), simulator)
