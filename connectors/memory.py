"""A connector that keeps everything in this process: reference implementation, demo and tests."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Container, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.base import Collection, Connector, Options
from connectors.mapping import Field, Mapping, Resource
from connectors.planning import Plan
from schemas.attributes import ResourceType
from schemas.changes import Change
from schemas.errors import invalid_value, not_found_resource, uniqueness
from schemas.group import GROUP
from schemas.user import USER

_MANY = frozenset(("institutionRoleIds", "systemRoleIds", "observers", "observees"))
"""Relations that only an LMS can give a meaning to: left to those that have them."""


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
    """Resources in a dictionary by id; the `unique` attribute is compared without letter case."""

    can_fetch = True

    def __init__(self, mapping: Mapping, store: Store, unique: str | None = None) -> None:
        self.mapping = mapping
        self._store = store
        self._unique = unique
        self._resources: dict[str, Resource] = {}

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

    def create(self, resource: Resource) -> Resource:
        with self._store.lock:
            self._refuse_duplicate(resource)
            kept = self._kept(resource)
            id = str(next(self._store.numbers))
            now = _now()
            self._resources[id] = {"id": id, **kept, "meta": {"created": now, "lastModified": now}}
            return self._shown(id)

    def update(self, before: Resource, after: Resource, changes: tuple[Change, ...]) -> Resource:
        with self._store.lock:
            id = before["id"]
            held = self._resources.get(id)
            if held is None:
                raise not_found_resource(self.mapping.full.name, id)
            self._refuse_duplicate(after, id)
            meta = {**held["meta"], "lastModified": _now()}
            self._resources[id] = {"id": id, **self._kept(after), "meta": meta}
            return self._shown(id)

    def delete(self, id: str) -> None:
        with self._store.lock:
            if self._resources.pop(id, None) is None:
                raise not_found_resource(self.mapping.full.name, id)

    def find_again(self, resource: Resource) -> Resource | None:
        with self._store.lock:
            keys = (self._unique,) if self._unique else ("externalId", "displayName")
            key = next((name for name in keys if resource.get(name)), "")
            holder = self._holder_of(key, resource.get(key))
            return None if holder is None else self._shown(holder["id"])

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


class Users(MemoryCollection):
    """Users, who show the groups that they are in."""

    groups: Groups

    def delete(self, id: str) -> None:
        with self._store.lock:
            super().delete(id)
            self.groups.forget(id)

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
        super().__init__(mapping, store)
        self._users = users
        self._holders: dict[str, dict[str, None]] = {}

    def create(self, resource: Resource) -> Resource:
        with self._store.lock:
            created = super().create(resource)
            self._hold(created["id"], created)
            return created

    def update(self, before: Resource, after: Resource, changes: tuple[Change, ...]) -> Resource:
        with self._store.lock:
            held = self._resources.get(before["id"], {})
            updated = super().update(before, after, changes)
            self._release(before["id"], held)
            self._hold(before["id"], updated)
            return updated

    def delete(self, id: str) -> None:
        with self._store.lock:
            held = self._resources.get(id, {})
            super().delete(id)
            self._release(id, held)
            self.forget(id)

    def forget(self, member: str) -> None:
        """Take what has been deleted out of every group."""
        for id in self._holders.pop(member, ()):
            group = self._resources[id]
            group["members"] = [m for m in group["members"] if m["value"] != member]
            group["meta"]["lastModified"] = _now()

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


class Memory(Connector):
    """Users and groups that live as long as the process."""

    lasting = False

    def __init__(self, options: Options) -> None:
        store = Store()
        users = Users(everything(USER, _MANY), store, unique="userName")
        users.groups = Groups(everything(GROUP), store, users)
        self.collections = {"User": users, "Group": users.groups}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
