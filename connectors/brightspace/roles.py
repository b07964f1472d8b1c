"""Roles of a Brightspace organization: one list for the organization and for its courses."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection, Options
from connectors.brightspace.client import BrightspaceClient, Rows
from connectors.brightspace.fields import ID, by_id
from connectors.mapping import Mapping, Resource, read_only
from connectors.planning import Plan
from schemas.errors import ScimError, invalid_value
from schemas.role import ROLE

PATH = "lp/roles/"


class RoleTable:
    """The roles by their ids and names, read when a name has to be looked up.

    `default` is the role of new accounts, of the target's `config = {roleId = 103}`; "" where
    there is none. Role ids differ from tenant to tenant.
    """

    def __init__(self, client: BrightspaceClient, options: Options) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        config = options.more.get("config", {})
        if not isinstance(config, dict):
            raise ValueError("config is a table, such as { roleId = 103 }")
        self.default = role_option("config.roleId", config.get("roleId"))
        self.in_courses = role_option(
            "default_course_role", options.more.get("default_course_role")
        )

    def rows(self) -> Rows:
        """Return all roles that the integration may see and give."""
        rows = self._client.get(PATH)
        if not isinstance(rows, list):
            raise ScimError(502, "Brightspace sent no list of roles.")
        return rows

    def refuse_unknown(self) -> None:
        """Raise ValueError, with the roles that there are, when a configured one is not there."""
        given = {"config.roleId": self.default, "default_course_role": self.in_courses}
        if not any(given.values()):
            return
        known = {str(row["Identifier"]): str(row["DisplayName"]) for row in self.rows()}
        for entry, id in given.items():
            if id and id not in known:
                shown = ", ".join(f"{known_id} {name}" for known_id, name in known.items())
                raise ValueError(f"{entry}: there is no role {id}; the roles are {shown}")

    def id_of(self, value: Any) -> Any:
        """Return a role's id; its name is looked up. Raises 400 when there is none of it."""
        if not isinstance(value, str) or ID.fullmatch(value):
            return value
        name = value.casefold()
        if name not in self._names:
            with self._lock:
                self._names = {
                    str(row["DisplayName"]).casefold(): str(row["Identifier"])
                    for row in self.rows()
                }
        if name not in self._names:
            raise invalid_value(f"There is no role {value[:80]!r}.")
        return self._names[name]


def role_option(name: str, given: Any) -> str:
    """Return the role id that an entry of the configuration gives, "" when it gives none."""
    if given is None:
        return ""
    if isinstance(given, bool) or not ID.fullmatch(str(given)):
        raise ValueError(f"{name} is the id of a role, such as 103")
    return str(given)


def role_mapping() -> Mapping:
    """Return the mapping of roles."""
    return Mapping(
        ROLE,
        read_only("id", "Identifier", push=by_id("GET lp/roles/{id}")),
        read_only("roleId", "Identifier", push=by_id("GET lp/roles/{id}")),
        read_only("name", "DisplayName"),
        read_only("description", "Description"),
        walk="reads the list of roles",
    )


class Roles(Collection):
    """All roles that the integration may see; they are made in Brightspace itself."""

    def __init__(self, client: BrightspaceClient, table: RoleTable) -> None:
        self.mapping = role_mapping()
        self._client = client
        self._table = table

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        if plan.branches is None:
            yield [self.mapping.to_scim(row) for row in self._table.rows()]
            return
        ids = dict.fromkeys(branch[0].values[0] for branch in plan.branches)
        yield [role for id in ids if (role := self.get(id))]

    def get(self, id: str) -> Resource | None:
        if not ID.fullmatch(id):
            return None
        row = self._client.get(f"{PATH}{id}")
        return None if row is None else self.mapping.to_scim(row)
