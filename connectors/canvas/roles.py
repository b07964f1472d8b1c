"""Account and course roles of a Canvas site, and the ids that enrolments need of them."""

from __future__ import annotations

import time
from typing import NamedTuple

from connectors.canvas import fields
from connectors.canvas.client import ROOT, CanvasClient
from connectors.canvas.listed import Listed, Row
from connectors.mapping import Mapping, Resource, read_only
from schemas.errors import invalid_value
from schemas.role import ROLE

KINDS = ("system", "course")
ACCOUNT_BASE = "AccountMembership"
"""What roles of accounts are based on; all others are held in courses."""
USABLE: Row = {"show_inherited": "true", "state[]": "active"}
"""The query of the roles that can be given; built-in ones count as active."""

_INSTRUCTORS = ("TeacherEnrollment", "TaEnrollment")
_FRESH = 300.0
"""Seconds for which the names of roles are remembered."""


def role_mapping() -> Mapping:
    """Return the mapping of roles: `roleId` is the name by which enrolments show a role."""
    return Mapping(
        ROLE,
        read_only("id", "id", push=fields.by_key("GET accounts/{id}/roles/{id}", "id")),
        read_only("roleId", "role"),
        read_only("name", "label"),
        read_only("kind", "kind", canonical=KINDS),
        read_only("custom", "custom"),
        read_only("actAsInstructor", "instructs"),
        read_only("available", "available", canonical=("Course",)),
        read_only("meta.created", "created_at", read=fields.moment_of),
        read_only("meta.lastModified", "last_updated_at", read=fields.moment_of),
        walk="reads the list of roles",
    )


class Roles(Listed):
    """All roles of the root account, built-in ones included; deactivated ones are none."""

    one = f"{ROOT}/roles"
    every = f"{ROOT}/roles"
    listing = USABLE
    showing: Row = {}

    def __init__(self, client: CanvasClient) -> None:
        super().__init__(role_mapping(), client)

    def resource(self, row: Row) -> Resource | None:
        """Return the role of a row, or None when it is deactivated."""
        if row.get("workflow_state") not in ("active", "built_in"):
            return None
        base = row.get("base_role_type")
        of_course: Row = {"available": "Course", "instructs": base in _INSTRUCTORS}
        known = {
            "kind": "system" if base == ACCOUNT_BASE else "course",
            "custom": row["workflow_state"] != "built_in",
            **({} if base == ACCOUNT_BASE else of_course),
        }
        return super().resource({**row, **known})


class Role(NamedTuple):
    """A role in courses; `base` is the built-in one that it is made of."""

    id: int
    name: str
    base: str


class RoleBook:
    """The course roles of a site by name, read once in a while."""

    def __init__(self, client: CanvasClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, dict[str, Role]]] = {}

    def role(self, name: str, account: str) -> Role:
        """Return the role of that name in the root account, or else in the course's account.

        Raises 400 when there is none.
        """
        for path in (ROOT, f"accounts/{account}"):
            if role := self._named(path, name):
                return role
        raise invalid_value(
            f"courseRoleId: there is no course role {name[:80]!r}; /Roles lists those that there "
            "are, such as StudentEnrollment."
        )

    def _named(self, path: str, name: str) -> Role | None:
        read_at, roles = self._known.get(path, (0.0, {}))
        if name not in roles or time.monotonic() - read_at > _FRESH:
            roles = self._read(path)
            self._known[path] = (time.monotonic(), roles)
        return roles.get(name)

    def _read(self, path: str) -> dict[str, Role]:
        rows = (row for part in self._client.rows(f"{path}/roles", USABLE) for row in part)
        return {
            row["role"]: Role(row["id"], row["role"], row["base_role_type"])
            for row in rows
            if row["base_role_type"] != ACCOUNT_BASE
        }
