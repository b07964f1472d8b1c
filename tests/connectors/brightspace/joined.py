"""Brightspace tenants and connectors for tests: the simulator mounted in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from connectors.base import Collection, Options
from connectors.brightspace import Brightspace
from connectors.brightspace.simulator import Simulator, Site, create_simulator
from connectors.vault import Vault

LMS_URL, AUTH_URL = "http://lms.test", "http://auth.test"


@dataclass
class Joined:
    """A connector and the simulated tenant behind it, which is its token service as well."""

    connector: Brightspace
    simulator: Simulator

    @property
    def site(self) -> Site:
        return self.simulator.site

    def __getitem__(self, name: str) -> Collection:
        return self.connector.collections[name]

    @property
    def calls(self) -> list[str]:
        """Return `METHOD path` of the calls since the last `forget`, tokens apart."""
        return [f"{method} {shown(path)}" for method, path in self.site.calls]

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET")]

    def forget(self) -> None:
        self.site.calls.clear()
        self.site.queries.clear()
        self.site.exchanges.clear()


def shown(path: str) -> str:
    """Return a path without what all have in common: `lp/users/3163`."""
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
    values: dict[str, Any] = {
        "name": "brightspace",
        "url": LMS_URL,
        "allow_private_network": True,
        "transport": httpx.WSGITransport(app=simulator),
        "more": more,
    }
    return Options(**{**values, **given})


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
