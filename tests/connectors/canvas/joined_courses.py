"""Canvas's courses, memberships, groups and roles joined to a site in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Collection
from connectors.canvas.client import CanvasClient
from connectors.canvas.courses import Courses
from connectors.canvas.enrolling import Enroller
from connectors.canvas.groups import Groups
from connectors.canvas.memberships import Memberships
from connectors.canvas.roles import RoleBook, Roles
from connectors.canvas.simulator import Simulator, Site, create_simulator
from connectors.canvas.walking import Walker
from connectors.mapping import Resource
from connectors.planning import plan
from schemas.changes import diff
from schemas.filters import parse_filter
from tests.connectors.canvas.joined import options


@dataclass
class Joined:
    """Collections and the simulated site behind them."""

    collections: dict[str, Collection]
    simulator: Simulator

    @property
    def site(self) -> Site:
        return self.simulator.site

    def __getitem__(self, name: str) -> Collection:
        return self.collections[name]

    @property
    def calls(self) -> list[str]:
        """Return `METHOD path` of the calls since the last `forget`."""
        return [f"{method} {path.partition('/api/v1/')[2]}" for method, path in self.site.calls]

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET")]

    def forget(self) -> None:
        self.site.calls.clear()
        self.site.queries.clear()

    def create(self, name: str, resource: Resource) -> Resource:
        """Create as the gateway does: fitted, with defaults."""
        mapping = self[name].mapping
        return self[name].create(mapping.with_defaults(mapping.fit(resource)[0]))

    def change(self, name: str, before: Resource, /, **values: Any) -> Resource:
        """Change as the gateway does: only what differs."""
        mapping = self[name].mapping
        fitted, _ = mapping.fit({**before, **values})
        after = mapping.carry_over(before, mapping.patched(before, fitted))
        changes = diff(mapping.resource_type, before, after)
        return self[name].update(before, after, changes) if changes else before

    def read(self, name: str, id: str) -> Resource:
        found = self[name].get(id)
        assert found is not None
        self[name].complete([found], self[name].mapping.kept)
        return found

    def found(self, name: str, text: str | None = None) -> list[Resource]:
        """Return what the native calls of a filter give."""
        mapping = self[name].mapping
        planned = plan(parse_filter(text, mapping.full) if text else None, mapping)
        return [resource for batch in self[name].search(planned) for resource in batch]


def joined(
    users: int = 0,
    courses: int = 0,
    *,
    kinds: Sequence[str] = ("cohort",),
    more: dict[str, Any] | None = None,
    **settings: Any,
) -> Joined:
    """Return the collections on a new site; `settings` are the simulator's; calls cost nothing."""
    simulator = create_simulator(users=users, courses=courses, **{"call_cost": 0, **settings})
    given = options(simulator, more={"group_kinds": list(kinds), **(more or {})})
    client = CanvasClient(given)
    walker = Walker(client, int(given.more.get("walk_courses", 200)))
    enroller = Enroller(client, RoleBook(client))
    collections: dict[str, Collection] = {
        "Course": Courses(client),
        "Membership": Memberships(client, given, enroller, walker),
        "Group": Groups(client, given, enroller, walker),
        "Role": Roles(client),
    }
    made = Joined(collections, simulator)
    made.forget()
    return made
