"""A connector that keeps everything in this process: reference implementation, demo and tests."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from connectors.base import Collection, Connector, Options
from connectors.mapping import Field, Mapping, Resource
from connectors.planning import Plan
from schemas.attributes import ResourceType
from schemas.changes import Change
from schemas.errors import not_found_resource, uniqueness
from schemas.group import GROUP
from schemas.user import USER


def everything(resource_type: ResourceType) -> Mapping:
    """Return the mapping that holds every attribute of the type under its own name."""
    fields = [Field("externalId", "externalId")]
    for urn, attribute in resource_type.attributes():
        path = f"{urn}:{attribute.name}" if urn else attribute.name
        hidden = attribute.returned == "never"
        given = attribute.mutability != "readOnly"
        fields.append(Field(path, path, readable=not hidden, at_create=given, modifiable=given))
    return Mapping(resource_type, *fields, walk="reads everything from this process's memory")


class MemoryCollection(Collection):
    """Resources in a dictionary, numbered from 1; the unique attribute is compared without case."""

    can_fetch = True

    def __init__(self, mapping: Mapping, unique: str | None = None) -> None:
        self.mapping = mapping
        self._unique = unique
        self._resources: dict[str, Resource] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        if plan.branches is None or plan.branches:
            with self._lock:
                everything = [deepcopy(resource) for resource in self._resources.values()]
            yield everything

    def get(self, id: str) -> Resource | None:
        with self._lock:
            return deepcopy(self._resources.get(id))

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        with self._lock:
            return [deepcopy(self._resources[id]) for id in ids if id in self._resources]

    def create(self, resource: Resource) -> Resource:
        with self._lock:
            self._refuse_duplicate(resource)
            id = str(next(self._numbers))
            now = _now()
            meta = {"created": now, "lastModified": now}
            self._resources[id] = {"id": id, **self._kept(resource), "meta": meta}
            return deepcopy(self._resources[id])

    def update(self, before: Resource, after: Resource, changes: tuple[Change, ...]) -> Resource:
        with self._lock:
            held = self._resources.get(before["id"])
            if held is None:
                raise not_found_resource(self.mapping.full.name, before["id"])
            self._refuse_duplicate(after, before["id"])
            meta = {**held["meta"], "lastModified": _now()}
            kept = {**self._kept(after), "id": before["id"], "meta": meta}
            self._resources[before["id"]] = kept
            return deepcopy(kept)

    def delete(self, id: str) -> None:
        with self._lock:
            if self._resources.pop(id, None) is None:
                raise not_found_resource(self.mapping.full.name, id)

    def find_again(self, resource: Resource) -> Resource | None:
        with self._lock:
            keys = (self._unique,) if self._unique else ("externalId", "displayName")
            key = next((name for name in keys if resource.get(name)), "")
            return deepcopy(self._holder_of(key, resource.get(key)))

    def _kept(self, resource: Resource) -> Resource:
        hidden = {row.path.name for row in self.mapping.rows if not row.field.readable}
        kept: Resource = {}
        for name, value in deepcopy(resource).items():
            if isinstance(value, dict):
                value = {k: v for k, v in value.items() if k not in hidden}
            if name not in hidden and value not in ([], {}, None):
                kept[name] = value
        return kept

    def _holder_of(self, key: str, value: Any) -> Resource | None:
        if not isinstance(value, str):
            return None
        wanted = value.casefold()
        for resource in self._resources.values():
            if str(resource.get(key, "")).casefold() == wanted:
                return resource
        return None

    def _refuse_duplicate(self, resource: Resource, own: str | None = None) -> None:
        if self._unique is None:
            return
        holder = self._holder_of(self._unique, resource.get(self._unique))
        if holder is not None and holder["id"] != own:
            raise uniqueness(f"{self._unique} is already in use.")


class Memory(Connector):
    """Users and groups that live as long as the process."""

    def __init__(self, options: Options) -> None:
        self.collections = {
            "User": MemoryCollection(everything(USER), unique="userName"),
            "Group": MemoryCollection(everything(GROUP)),
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
