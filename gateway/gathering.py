"""Gathering: writes of many threads that wait at the same time go to the LMS in one call."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from connectors.base import Collection, Page
from connectors.many import alike, value_of
from connectors.mapping import Mapping, Resource
from connectors.planning import Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import ScimError

PATIENCE = 0.2
"""Seconds without a newcomer after which a write waits no more: a lock of its own may keep them."""


class Gathering(Collection):
    """A collection whose single writes are gathered for the calls that take many.

    A write waits until as many as one call takes are there, until every thread at work waits, or
    until nobody has come for `patience` seconds. Then the thread that came first makes the call for
    all of them; what it sends counts as the upstream calls of its own write alone, so that sums
    stay exact, and shows its request id. Where the LMS takes no arrays, writes go straight through,
    as reads do, and those of a rehearsal, which are not sent.

    `places` limits how many threads are at work otherwise: each holds one, and gives it back while
    it waits here.

        users = Gathering(target.connector.collections["User"])
        with users.at_work(50), ThreadPoolExecutor(50) as threads:
            threads.map(lambda body: writer.create(target, users, caller, body), bodies)
    """

    def __init__(
        self,
        collection: Collection,
        patience: float = PATIENCE,
        places: threading.Semaphore | None = None,
    ) -> None:
        self._collection = collection
        self._patience = patience
        self._places = places
        self.can_fetch = collection.can_fetch
        self.can_page = collection.can_page
        self.deletes_later = collection.deletes_later
        self.at_once = collection.at_once
        self.many_take = collection.many_take
        self.lingers = collection.lingers
        self._lock = threading.Lock()
        self._open: dict[str, _Batch] = {}
        self._at_work = 0

    @property
    def mapping(self) -> Mapping:  # type: ignore[override]
        """The mapping of the collection behind."""
        return self._collection.mapping

    @contextmanager
    def at_work(self, threads: int = 1) -> Iterator[None]:
        """Let writes wait for those of so many threads, until the end of the block."""
        with self._lock:
            self._at_work += threads
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= threads
                self._let_go()

    def offers(self, method: str) -> bool:
        return self._collection.offers(method)

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return self._collection.search(plan)

    def stream(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return self._collection.stream(plan)

    def page(self, plan: Plan, start: str, count: int) -> Page:
        return self._collection.page(plan, start, count)

    def changed(self, since: datetime) -> Plan | None:
        return self._collection.changed(since)

    def get(self, id: str) -> Resource | None:
        return self._collection.get(id)

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        return self._collection.fetch(ids)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        self._collection.complete(resources, wanted)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        created: Resource = self._written("create", ticket, resource)
        return created

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        updated: Resource = self._written("update", ticket, before, after, changes)
        return updated

    def delete(self, ticket: Ticket, id: str) -> None:
        self._written("delete", ticket, id)

    def create_many(
        self, items: Sequence[tuple[Ticket, Resource]]
    ) -> Sequence[Resource | ScimError]:
        return self._collection.create_many(items)

    def update_many(
        self, items: Sequence[tuple[Ticket, Resource, Resource, tuple[Change, ...]]]
    ) -> Sequence[Resource | ScimError]:
        return self._collection.update_many(items)

    def delete_many(self, items: Sequence[tuple[Ticket, str]]) -> Sequence[ScimError | None]:
        return self._collection.delete_many(items)

    def find_again(self, resource: Resource) -> Resource | None:
        return self._collection.find_again(resource)

    def request_password_reset(self, ticket: Ticket, resource: Resource) -> None:
        self._collection.request_password_reset(ticket, resource)

    def _written(self, method: str, ticket: Ticket, *given: Any) -> Any:
        most = self.at_once.get(method, 1)
        if most < 2 or type(ticket) is not Ticket:
            return getattr(self._collection, method)(ticket, *given)
        with self._lock:
            batch = self._open.setdefault(method, _Batch(most))
            place = batch.put((ticket, *given))
            self._let_go()
        with self._elsewhere():
            if place == 0:
                self._lead(method, batch)
            batch.done.wait()
        return batch.outcome(place)

    @contextmanager
    def _elsewhere(self) -> Iterator[None]:
        """Leave this thread's place to another one for the block."""
        if self._places is None:
            yield
            return
        self._places.release()
        try:
            yield
        finally:
            self._places.acquire()

    def _lead(self, method: str, batch: _Batch) -> None:
        """Wait for others, and make the call for all that have come."""
        try:
            come = 0
            while not batch.closed.wait(self._patience) and come < len(batch.items):
                come = len(batch.items)
            with self._lock:
                self._close(method, batch)
            batch.outcomes = getattr(self._collection, f"{method}_many")(batch.items)
        except ScimError as error:
            batch.outcomes = alike(error, batch.items)
        except BaseException as error:
            batch.error = error
        finally:
            with self._lock:
                self._close(method, batch)
            batch.done.set()

    def _let_go(self) -> None:
        """Close what is full, and everything where nobody is left who could add to it.

        Whose call is under way will be back soon: without them calls would fall to pieces.
        """
        waiting = sum(len(batch.items) for batch in self._open.values())
        for method, batch in [*self._open.items()]:
            if len(batch.items) >= batch.most or waiting >= self._at_work:
                self._close(method, batch)

    def _close(self, method: str, batch: _Batch) -> None:
        if self._open.get(method) is batch:
            del self._open[method]
        batch.closed.set()


class _Batch:
    """Writes that wait for their call."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.items: list[tuple[Any, ...]] = []
        self.closed = threading.Event()
        self.done = threading.Event()
        self.outcomes: Sequence[Any] = ()
        self.error: BaseException | None = None

    def put(self, item: tuple[Any, ...]) -> int:
        """Add a write and return its place."""
        self.items.append(item)
        return len(self.items) - 1

    def outcome(self, place: int) -> Any:
        """Return what has become of a write, or raise its error."""
        if self.error is not None:
            raise self.error
        return value_of(self.outcomes[place])
