"""Reading ahead: what a bulk request will change is read in few calls, and used while it is fresh.

A resource is read without its lock. Whoever holds the lock later takes it only when nobody has
written to the resource through the gateway since then; else it is to be read anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from connectors.base import Collection
from connectors.mapping import Resource
from gateway.audit import AuditLog
from schemas.errors import ScimError

PART = 100
"""How many resources are read at once, so that few wait in memory, and none for long."""


class Ahead:
    """The resources of some places in one target, each read once, with others of its type."""

    def __init__(
        self, audit: AuditLog, target: str, places: Iterable[tuple[Collection, str]]
    ) -> None:
        self._audit = audit
        self._target = target
        ids: dict[Collection, list[str]] = {}
        for collection, id in dict.fromkeys(places):
            if collection.can_fetch:
                ids.setdefault(collection, []).append(id)
        self._parts: dict[tuple[Collection, str], _Part] = {}
        for collection, all_ids in ids.items():
            for first in range(0, len(all_ids), PART):
                some = all_ids[first : first + PART]
                if len(some) > 1:
                    part = _Part(audit, target, collection, some)
                    self._parts.update({(collection, id): part for id in some})

    def take(self, collection: Collection, id: str) -> Resource | None:
        """Return the resource whose lock the caller holds, or None when it is to be read anew.

        Of what is returned no event is open, for none was when it was read.
        """
        part = self._parts.pop((collection, id), None)
        resource = part.take(id) if part else None
        if part is None or resource is None:
            return None
        name = collection.mapping.full.name
        if self._audit.last_of(self._target, name, id) > part.last:
            return None
        return resource


class _Part:
    """Some resources of a collection; who first asks for one of them reads them all."""

    def __init__(
        self, audit: AuditLog, target: str, collection: Collection, ids: Sequence[str]
    ) -> None:
        self.last = 0
        """The last event of the audit log before the resources were read."""
        self._audit = audit
        self._target = target
        self._collection = collection
        self._ids = ids
        self._resources: dict[str, Resource] | None = None
        self._lock = threading.Lock()

    def take(self, id: str) -> Resource | None:
        """Return a resource once, or None when it is not there."""
        with self._lock:
            if self._resources is None:
                self._resources = self._read()
            return self._resources.pop(id, None)

    def _read(self) -> dict[str, Resource]:
        self.last = self._audit.last()
        # What is being written right now may be read as it was before.
        at_work = {event.intent.resource_id for event in self._audit.unsettled(self._target)}
        left = [id for id in self._ids if id not in at_work]
        try:
            return {resource["id"]: resource for resource in self._collection.fetch(left)}
        except ScimError:
            # Each will be read on its own, and fail on its own.
            return {}
