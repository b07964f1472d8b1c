"""Resources in a dictionary: what all collections of the memory connector have in common."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Container, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.base import Collection
from connectors.mapping import Field, Mapping, Resource
from connectors.planning import Plan
from connectors.rehearsal import carry_out_here
from connectors.ticket import Ticket
from schemas.attributes import ResourceType
from schemas.changes import Change
from schemas.errors import not_found_resource, uniqueness


def everything(resource_type: ResourceType, without: Container[str] = ()) -> Mapping:
    """Return the mapping that holds every attribute of the type under its own name."""
    fields = [Field("externalId", "externalId")]
    for urn, attribute in resource_type.attributes():
        if attribute.name in without:
            continue
        path = f"{urn}:{attribute.name}" if urn else attribute.name
        hidden = attribute.returned == "never"
        given = attribute.mutability != "readOnly"
        fields.append(Field(path, path, readable=not hidden, at_create=given, modifiable=given))
    return Mapping(resource_type, *fields, walk="reads everything from this process's memory")


@dataclass(slots=True)
class Store:
    """What the collections share: one lock, and numbers that make ids unique over all types."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class MemoryCollection(Collection):
    """Resources in a dictionary by id.

    `is_unique`: no two may have the same key, which is compared without letter case.
    """

    can_fetch = True

    def __init__(self, mapping: Mapping, store: Store, *, is_unique: bool = True) -> None:
        self.mapping = mapping
        self._store = store
        self._is_unique = is_unique
        self._resources: dict[str, Resource] = {}

    def __contains__(self, id: str) -> bool:
        """Tell whether there is a resource of that id."""
        return id in self._resources

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        if plan.branches is None or plan.branches:
            with self._store.lock:
                everything = [self._shown(id) for id in self._resources]
            yield everything

    def get(self, id: str) -> Resource | None:
        with self._store.lock:
            return self._shown(id) if id in self._resources else None

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        with self._store.lock:
            return [self._shown(id) for id in ids if id in self._resources]

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        carry_out_here(ticket, "create")
        with self._store.lock:
            self._refuse_duplicate(resource)
            kept = self._kept(resource)
            id = str(next(self._store.numbers))
            moment = now()
            meta = {"created": moment, "lastModified": moment}
            self._resources[id] = {"id": id, **kept, "meta": meta}
            return self._shown(id)

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        carry_out_here(ticket, "update")
        with self._store.lock:
            id = before["id"]
            held = self._resources.get(id)
            if held is None:
                raise not_found_resource(self.mapping.full.name, id)
            self._refuse_duplicate(after, id)
            meta = {**held["meta"], "lastModified": now()}
            self._resources[id] = {"id": id, **self._kept(after), "meta": meta}
            return self._shown(id)

    def delete(self, ticket: Ticket, id: str) -> None:
        carry_out_here(ticket, "delete")
        with self._store.lock:
            if self._resources.pop(id, None) is None:
                raise not_found_resource(self.mapping.full.name, id)

    def find_again(self, resource: Resource) -> Resource | None:
        with self._store.lock:
            own = self.mapping.full.key
            for key in (own,) if self._is_unique else (("externalId",), own):
                if all(resource.get(name) for name in key):
                    holder = self._holder_of(key, resource)
                    return None if holder is None else self._shown(holder["id"])
            return None

    def _shown(self, id: str) -> Resource:
        return deepcopy(self._resources[id])

    def _kept(self, resource: Resource) -> Resource:
        """Return what is stored of a resource: what a client may write and anybody may read."""
        rows = [row for row in self.mapping.rows if row.field.readable and row.field.writable]
        names = {(row.path.urn, row.path.name) for row in rows}
        kept: Resource = {}
        for name, value in deepcopy(resource).items():
            if ":" in name:
                value = {k: v for k, v in value.items() if (name, k) in names}
            elif ("", name) not in names:
                continue
            if value not in ([], {}, None):
                kept[name] = value
        return kept

    def _holder_of(self, key: tuple[str, ...], like: Resource) -> Resource | None:
        wanted = [str(like.get(name, "")).casefold() for name in key]
        for resource in self._resources.values():
            if [str(resource.get(name, "")).casefold() for name in key] == wanted:
                return resource
        return None

    def _refuse_duplicate(self, resource: Resource, own: str | None = None) -> None:
        key = self.mapping.full.key
        if not self._is_unique or not all(resource.get(name) for name in key):
            return
        holder = self._holder_of(key, resource)
        if holder is not None and holder["id"] != own:
            raise uniqueness(f"{' and '.join(key)} is already in use.")


def now() -> str:
    """Return the present moment as SCIM writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
