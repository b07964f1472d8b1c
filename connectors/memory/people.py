"""Users and groups in memory, which know of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.mapping import Mapping, Resource
from connectors.memory.store import MemoryCollection, Store, now
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import invalid_value

if TYPE_CHECKING:
    from connectors.memory.courses import Memberships


class Users(MemoryCollection):
    """Users, who show the groups that they are in."""

    groups: Groups
    memberships: Memberships

    def delete(self, ticket: Ticket, id: str) -> None:
        with self._store.lock:
            super().delete(ticket, id)
            self.groups.forget(id)
            self.memberships.forget("userId", id)

    def login_of(self, id: str) -> str:
        """Return the login name of a user that exists."""
        return str(self._resources[id]["userName"])

    def name_of(self, id: str) -> str | None:
        """Return the name to show for a user, None when there is no such user."""
        user = self._resources.get(id)
        return None if user is None else str(user.get("displayName") or user["userName"])

    def _shown(self, id: str) -> Resource:
        shown = super()._shown(id)
        if groups := self.groups.of(id):
            shown["groups"] = groups
        return shown


class Groups(MemoryCollection):
    """Groups of users and of other groups."""

    def __init__(self, mapping: Mapping, store: Store, users: Users) -> None:
        super().__init__(mapping, store, is_unique=False)
        self._users = users
        self._holders: dict[str, dict[str, None]] = {}

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        with self._store.lock:
            created = super().create(ticket, resource)
            self._hold(created["id"], created)
            return created

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        with self._store.lock:
            held = self._resources.get(before["id"], {})
            updated = super().update(ticket, before, after, changes)
            self._release(before["id"], held)
            self._hold(before["id"], updated)
            return updated

    def delete(self, ticket: Ticket, id: str) -> None:
        with self._store.lock:
            held = self._resources.get(id, {})
            super().delete(ticket, id)
            self._release(id, held)
            self.forget(id)

    def forget(self, member: str) -> None:
        """Take what has been deleted out of every group."""
        for id in self._holders.pop(member, ()):
            group = self._resources[id]
            group["members"] = [m for m in group["members"] if m["value"] != member]
            group["meta"]["lastModified"] = now()

    def of(self, member: str) -> list[Resource]:
        """Return the groups of a member, those that hold it themselves first."""
        direct = self._holders.get(member, {})
        found = dict.fromkeys(direct, "direct")
        waiting = list(direct)
        while waiting:
            for id in self._holders.get(waiting.pop(), ()):
                if id not in found:
                    found[id] = "indirect"
                    waiting.append(id)
        return [
            {"value": id, "display": self._resources[id]["displayName"], "type": type}
            for id, type in found.items()
        ]

    def _shown(self, id: str) -> Resource:
        shown = super()._shown(id)
        for member in shown.get("members", ()):
            member["display"] = self._name_of(member["value"])
        return shown

    def _kept(self, resource: Resource) -> Resource:
        kept = super()._kept(resource)
        unknown = []
        for member in kept.get("members", ()):
            id = member.get("value", "")
            if self._name_of(id) is None:
                unknown.append(id)
            member["type"] = "Group" if id in self._resources else "User"
            member.pop("display", None)
            member.pop("$ref", None)
        if unknown:
            raise invalid_value(f"members: no such user: {', '.join(sorted(unknown)[:20])}.")
        return kept

    def _name_of(self, member: str) -> str | None:
        group = self._resources.get(member)
        return self._users.name_of(member) if group is None else str(group["displayName"])

    def _hold(self, id: str, group: Resource) -> None:
        for member in group.get("members", ()):
            self._holders.setdefault(member["value"], {})[id] = None

    def _release(self, id: str, group: Resource) -> None:
        for member in group.get("members", ()):
            self._holders.get(member["value"], {}).pop(id, None)
