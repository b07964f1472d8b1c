"""Targets: configured connectors, each with its own SCIM base URL and its own schemas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from connectors.base import Collection, Connector, Observe, Options
from connectors.blackboard import Blackboard
from connectors.brightspace import Brightspace
from connectors.canvas import Canvas
from connectors.memory import Memory
from connectors.moodle import Moodle
from connectors.overrides import is_path, limited
from connectors.vault import Vault
from gateway.references import ConfigurationError
from gateway.settings import Settings, TargetSettings
from schemas.errors import not_found

CONNECTORS: dict[str, Callable[[Options], Connector]] = {
    "memory": Memory,
    "moodle": Moodle,
    "canvas": Canvas,
    "brightspace": Brightspace,
    "blackboard": Blackboard,
}
"""The registry: adding a connector is one line here."""


@dataclass(frozen=True, slots=True)
class Place:
    """What takes a target's place in metrics and events where there is none.

    No target can be called as one of these.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Target:
    """One LMS as the gateway serves it."""

    name: str
    settings: TargetSettings
    connector: Connector

    def collection(self, endpoint: str) -> Collection:
        """Return the collection served at that endpoint, or raise 404."""
        for collection in self.connector.collections.values():
            if collection.mapping.full.endpoint.lower() == endpoint.lower():
                return collection
        raise not_found(f"There is no endpoint {endpoint!r} in target {self.name}.")


def make_targets(
    settings: Settings,
    observe: Observe | None = None,
    vault: Callable[[str], Vault] | None = None,
) -> dict[str, Target]:
    """Return the targets of the settings. Raises ConfigurationError.

    `vault` gives the one of a target; whoever calls LMSs must give it, for an exchange that nobody
    keeps loses the target's authorization.
    """
    targets = {}
    for name, target in settings.targets.items():
        factory = CONNECTORS.get(target.connector)
        if factory is None:
            known = ", ".join(sorted(CONNECTORS))
            raise ConfigurationError(
                f"targets.{name}.connector: {target.connector!r} is none of {known}"
            )
        try:
            kept = vault(name) if vault else None
            connector = factory(replace(target.options, observe=observe, vault=kept))
            if target.include:
                _limit(connector, target.include)
        except ValueError as error:
            raise ConfigurationError(f"targets.{name}: {error}") from None
        targets[name] = Target(name, target, connector)
    return targets


def _limit(connector: Connector, include: tuple[str, ...]) -> None:
    """Let only the named attributes, and those that the LMS demands, leave the gateway."""
    types = [collection.mapping.full for collection in connector.collections.values()]
    for name in include:
        if not any(is_path(name, resource_type) for resource_type in types):
            raise ValueError(f"include: {name!r} is not an attribute of any resource type")
    for collection in connector.collections.values():
        collection.mapping = limited(collection.mapping, include)
