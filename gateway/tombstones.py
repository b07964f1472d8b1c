"""Tombstones: resources that are only disabled in the LMS but gone for SCIM."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, select

from gateway.database import Database, now
from gateway.tables import tombstones

# Made once, for every read of a resource asks.
_ALL = select(tombstones.c.id).where(
    tombstones.c.target == bindparam("target"), tombstones.c.resource_type == bindparam("type")
)


class Tombstones:
    """Which resources of which target were deleted through SCIM and still exist in the LMS.

    `digest` is that of the audit log's keys, in any letter case: no login is kept in clear.
    """

    def __init__(self, database: Database, digest: Callable[[str], bytes]) -> None:
        self._database = database
        self._digest = digest
        self._known: dict[tuple[str, str], tuple[int | None, frozenset[str]]] = {}
        self._is_fixed = False

    def fixed(self) -> Tombstones:
        """Return the tombstones as they stand, for rehearsals: none is put up or taken away."""
        tombstones = copy(self)
        tombstones._is_fixed = True
        return tombstones

    def add(self, target: str, type: str, id: str, login: str | None) -> None:
        """Put up a tombstone; one that already stands is renewed."""
        if self._is_fixed:
            return
        with self._database.write() as connection:
            self._database.renew(connection)
            connection.execute(delete(tombstones).where(*_one(target, type, id)))
            connection.execute(
                insert(tombstones).values(
                    target=target,
                    resource_type=type,
                    id=id,
                    login=None if login is None else self._digest(login),
                    time=now(),
                )
            )

    def remove(self, target: str, type: str, id: str) -> None:
        """Take the tombstone away, if there is one: the resource lives again."""
        if self._is_fixed:
            return
        with self._database.write() as connection:
            self._database.renew(connection)
            connection.execute(delete(tombstones).where(*_one(target, type, id)))

    def clear(self, target: str) -> None:
        """Take all tombstones of a target away: what they stood for is gone."""
        with self._database.write() as connection:
            self._database.renew(connection)
            connection.execute(delete(tombstones).where(tombstones.c.target == target))

    def has(self, target: str, type: str, id: str) -> bool:
        """Tell whether the resource has a tombstone."""
        return id in self.all(target, type)

    def among(self, target: str, type: str, ids: Iterable[str]) -> frozenset[str]:
        """Return those of the ids that have a tombstone."""
        return self.all(target, type).intersection(ids)

    def hide_members(self, target: str, resources: Iterable[dict[str, Any]]) -> None:
        """Take the members out of groups that are gone for SCIM, though the LMS has them still."""
        held = [resource for resource in resources if resource.get("members")]
        if held and (hidden := self.all(target, "User")):
            for resource in held:
                members = resource["members"]
                resource["members"] = [m for m in members if m.get("value") not in hidden]

    def by_login(self, target: str, type: str, login: str) -> str | None:
        """Return the id of the newest tombstone with that login in any letter case, or None."""
        wanted = tombstones.c.login == self._digest(login)
        newest = tombstones.c.time.desc()
        with self._database.single() as connection:
            query = _ALL.where(wanted).order_by(newest)
            return connection.scalars(query, {"target": target, "type": type}).first()

    def all(self, target: str, type: str) -> frozenset[str]:
        """Return the ids of all tombstones of a type of resource on a target.

        What was read last is good until anybody changes a tombstone: every read of a resource asks.
        """
        generation = self._database.generation()
        known = self._known.get((target, type))
        if known is not None and generation is not None and known[0] == generation:
            return known[1]
        with self._database.single() as connection:
            ids = frozenset(connection.scalars(_ALL, {"target": target, "type": type}))
        self._known[target, type] = generation, ids
        return ids


def _of(target: str, type: str) -> tuple[ColumnElement[bool], ...]:
    return tombstones.c.target == target, tombstones.c.resource_type == type


def _one(target: str, type: str, id: str) -> tuple[ColumnElement[bool], ...]:
    return *_of(target, type), tombstones.c.id == id
