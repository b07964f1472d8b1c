"""A collection in memory that pages by itself, with people that no LMS has to be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from connectors.base import Page
from connectors.mapping import Resource
from connectors.memory.store import MemoryCollection
from connectors.planning import Plan
from gateway.exporting.sources import Source
from schemas.errors import ScimError
from tests.campaign.exports import source_of
from tests.gateway.service import Scim


class Paged(MemoryCollection):
    """Users in pages of three, from a place on.

    `meanwhile` is called before each page; one that `is_forgetful` refuses the next place, once.
    """

    can_page = True
    meanwhile: Callable[[], object] = staticmethod(lambda: None)
    asked: list[str]
    is_forgetful = False

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return super(MemoryCollection, self).search(plan)

    def page(self, plan: Plan, start: str, count: int) -> Page:
        self.asked.append(start)
        if self.is_forgetful and start:
            self.is_forgetful = False
            raise ScimError(404, "There is no such page.")
        self.meanwhile()
        first = int(start or 0)
        every = list(self._resources)
        found = [self._shown(id) for id in every[first : first + 3]]
        return Page(found, str(first + 3) if first + 3 < len(every) else "")

    def remove(self, id: str) -> None:
        """Let a resource be gone, so that all that follow move up."""
        del self._resources[id]


def paged(scim: Scim, people: int) -> tuple[Source, Paged]:
    """Return a source of so many people in memory, and what is behind it."""
    source = source_of(scim, "User")
    plain = source.collection
    assert isinstance(plain, MemoryCollection)
    own = Paged(plain.mapping, plain._store)
    own.asked = []
    source.target.connector.collections["User"] = own
    for number in range(people):
        scim.add(f"user{number:02}")
    own.asked.clear()
    return source_of(scim, "User"), own
