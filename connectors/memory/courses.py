"""Courses and memberships in memory: nobody is a member of what does not exist."""

from __future__ import annotations

from connectors.mapping import Mapping, Resource
from connectors.memory.people import Users
from connectors.memory.store import MemoryCollection, Store
from connectors.ticket import Ticket
from schemas.errors import invalid_value


class Courses(MemoryCollection):
    """Courses, whose memberships end with them."""

    memberships: Memberships

    def delete(self, ticket: Ticket, id: str) -> None:
        with self._store.lock:
            super().delete(ticket, id)
            self.memberships.forget("courseId", id)


class Memberships(MemoryCollection):
    """Users in courses."""

    def __init__(self, mapping: Mapping, store: Store, users: Users, courses: Courses) -> None:
        super().__init__(mapping, store)
        self._users = users
        self._courses = courses

    def forget(self, end: str, id: str) -> None:
        """Remove the memberships of a user or of a course that has been deleted."""
        ended = [own for own, held in self._resources.items() if held[end] == id]
        for own in ended:
            del self._resources[own]

    def _shown(self, id: str) -> Resource:
        shown = super()._shown(id)
        shown["userName"] = self._users.login_of(shown["userId"])
        return shown

    def _kept(self, resource: Resource) -> Resource:
        kept = super()._kept(resource)
        for name, others in (("userId", self._users), ("courseId", self._courses)):
            if kept[name] not in others:
                raise invalid_value(f"{name}: there is no {kept[name]!r}.")
        return kept
