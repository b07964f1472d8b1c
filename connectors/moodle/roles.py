"""Roles in courses: Moodle cannot list them, so the target's configuration names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection, Options
from connectors.mapping import Mapping, Native, Resource, read_only
from connectors.planning import Plan
from schemas.role import ROLE

USUAL = {"manager": 1, "editingteacher": 3, "teacher": 4, "student": 5}
"""The roles that people can have in the courses of a new site."""
_KIND = "course."


class RoleTable:
    """The ids of the roles in courses by their short names, and the role of who gets none named.

    Configuration of the target: `roles`, a table such as `{student = 5, tutor = 9}` (default: the
    roles of a new site), and `default_course_role` (`student`).
    """

    def __init__(self, options: Options) -> None:
        roles = options.more.get("roles", USUAL)
        if not isinstance(roles, dict) or not roles or not all(map(_is_id, roles.values())):
            raise ValueError("roles is a table of short names and ids, such as {student = 5}")
        self.ids: dict[str, int] = dict(roles)
        self.default = str(options.more.get("default_course_role", "student"))
        if self.default not in self.ids:
            raise ValueError(f"default_course_role: {self.default!r} is none of roles")
        self._seen: dict[str, int] = {}

    def id_of(self, name: str) -> int:
        """Return the id of a role that is configured, or that somebody was seen to have."""
        if (found := self.find(name)) is None:
            raise ValueError(f"{name[:80]!r} is none of {', '.join(self.ids)}")
        return found

    def find(self, name: str) -> int | None:
        """Return the id of a role, or None when it is not known."""
        return self.ids.get(name) or self._seen.get(name)

    def name_of(self, held: Sequence[Native]) -> str | None:
        """Return the short name of a person's role: of several, the one with the lowest id."""
        if not held:
            return None
        role = min(held, key=lambda row: int(row["roleid"]))
        name = str(role["shortname"])
        self._seen[name] = int(role["roleid"])
        configured = (own for own, id in self.ids.items() if id == role["roleid"])
        return next(configured, name)


class Roles(Collection):
    """The roles in courses that the target names; reading them takes no call."""

    def __init__(self, roles: RoleTable) -> None:
        self.mapping = role_mapping()
        self._roles = roles

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        yield [self._resource(name, id) for name, id in self._roles.ids.items()]

    def get(self, id: str) -> Resource | None:
        found = (self._resource(name, own) for name, own in self._roles.ids.items())
        return next((role for role in found if role["id"] == id), None)

    def _resource(self, name: str, id: int) -> Resource:
        return self.mapping.to_scim({"key": f"{_KIND}{id}", "name": name, "kind": "course"})


def role_mapping() -> Mapping:
    """Return the mapping of roles; the kind is part of the id, as in `course.5`."""
    return Mapping(
        ROLE,
        read_only("id", "key"),
        read_only("roleId", "name"),
        read_only("kind", "kind", canonical=("course",)),
        walk="no call at all: the target's configuration names the roles",
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
