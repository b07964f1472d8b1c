"""Connectors joined to simulators for tests: mounted in this process, or on a loopback port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import httpx

from connectors.base import Collection, Connector, Options
from connectors.mapping import Resource
from connectors.simulation.application import Simulator
from tests.connectors import operations

S = TypeVar("S")


@dataclass
class Joined(Generic[S]):
    """A connector and the simulated site behind it."""

    connector: Connector
    simulator: Simulator[S]

    records: ClassVar[tuple[str, ...]] = ("calls", "queries")
    """What the site notes of calls."""

    @property
    def site(self) -> S:
        return self.simulator.site

    def __getitem__(self, name: str) -> Collection:
        return self.connector.collections[name]

    @property
    def calls(self) -> list[str]:
        """Return `METHOD path` of the calls since the last `forget`."""
        return [f"{method} {self.shown(path)}" for method, path in self.site.calls]

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET")]

    def shown(self, path: str) -> str:
        """Return a path without what all have in common."""
        return path

    def forget(self) -> None:
        for name in self.records:
            getattr(self.site, name).clear()

    def create(self, name: str, resource: Resource) -> Resource:
        return operations.create(self[name], resource)

    def change(self, name: str, before: Resource, /, **values: Any) -> Resource:
        return operations.change(self[name], before, **values)

    def read(self, name: str, id: str) -> Resource:
        return operations.read(self[name], id)

    def found(self, name: str, text: str | None = None) -> list[Resource]:
        return operations.found(self[name], text)


def in_process(name: str, simulator: Simulator[Any], **given: Any) -> Options:
    """Return the options of a target that reaches the simulator in this process."""
    values: dict[str, Any] = {
        "name": name,
        "url": f"http://{name}.test",
        "allow_private_network": True,
        "transport": httpx.WSGITransport(app=simulator),
    }
    return Options(**{**values, **given})
