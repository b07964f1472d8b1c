"""Canvas sites and connectors for tests: the simulator mounted in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.base import Options
from connectors.canvas import Canvas
from connectors.canvas.simulator import Simulator, Site, create_simulator
from tests.connectors import joining


class Joined(joining.Joined[Site]):
    """A connector and the simulated site behind it."""

    def shown(self, path: str) -> str:
        """Return a path such as `users/7`."""
        return path.partition("/api/v1/")[2]


def options(simulator: Simulator, **given: Any) -> Options:
    """Return the options of a target that reaches the simulator in this process."""
    return joining.in_process("canvas", simulator, **{"token": simulator.site.token, **given})


def joined(
    users: int = 0,
    courses: int = 0,
    *,
    kinds: Sequence[str] = ("cohort",),
    more: dict[str, Any] | None = None,
    attributes: dict[str, Any] | None = None,
    verify: bool = False,
    **settings: Any,
) -> Joined:
    """Return a connector on a new site; `settings` are the simulator's; calls cost nothing."""
    settings = {"call_cost": 0, "admins_can_change_passwords": True, **settings}
    simulator = create_simulator(users=users, courses=courses, **settings)
    more = {"group_kinds": list(kinds), **(more or {})}
    given = options(simulator, more=more, attributes=attributes or {}, verify=verify)
    return Joined(Canvas(given), simulator)
