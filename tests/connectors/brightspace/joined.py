"""Brightspace tenants and connectors for tests: the simulator mounted in this process."""

from __future__ import annotations

from typing import Any

from connectors.base import Options
from connectors.brightspace import Brightspace
from connectors.brightspace.simulator import Simulator, Site, create_simulator
from connectors.vault import Vault
from tests.connectors import joining

LMS_URL, AUTH_URL = "http://brightspace.test", "http://auth.test"


class Joined(joining.Joined[Site]):
    """A connector and the simulated tenant behind it, which is its token service as well."""

    records = ("calls", "queries", "exchanges")

    def shown(self, path: str) -> str:
        """Return a path such as `lp/users/3163`."""
        product, _, rest = path.removeprefix("/d2l/api/").partition("/")
        return f"{product}/{rest.partition('/')[2]}" if product in ("lp", "le") else path


def options(simulator: Simulator, **given: Any) -> Options:
    """Return the options of a target that reaches the simulator in this process."""
    site = simulator.site
    more = {
        "auth_url": AUTH_URL,
        "client_id": site.client_id,
        "client_secret": site.client_secret,
        "config": {"roleId": 103},
        **given.pop("more", {}),
    }
    if "refresh_token" not in more and "key" not in more:
        more["refresh_token"] = site.consent()
    return joining.in_process("brightspace", simulator, **{**given, "more": more})


def joined(
    users: int = 0,
    courses: int = 0,
    *,
    more: dict[str, Any] | None = None,
    vault: Vault | None = None,
    attributes: dict[str, Any] | None = None,
    **settings: Any,
) -> Joined:
    """Return a connector on a new tenant; `settings` are the simulator's."""
    simulator = create_simulator(users=users, courses=courses, **settings)
    given = options(simulator, more=more or {}, vault=vault, attributes=attributes or {})
    return Joined(Brightspace(given), simulator)
