"""Institution, system and course roles of a Learn site, which its API only reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.fields import ID
from connectors.blackboard.listed import MOST
from connectors.flat import flat
from connectors.mapping import Impossible, Mapping, Push, Resource, read_only
from connectors.planning import Branch, Plan
from schemas.role import ROLE

KINDS = ("institution", "system", "course")
LIST = "GET v1/{kind}Roles"

_AVAILABLE = {"Both": "CourseAndOrganization", "None": "No"}


def _key(value: Any) -> str:
    kind, _, own = value.partition(".")
    if kind not in KINDS or not ID.fullmatch(own):
        raise Impossible
    return str(value)


def role_mapping() -> Mapping:
    """Return the mapping of roles; the kind is part of the id, as in `course._12_1`."""

    return Mapping(
        ROLE,
        read_only("id", "key", push={
            "eq": Push("GET v1/{kind}Roles/{id}", "id", key=True, alone=True, value=_key)}),
        read_only("kind", "kind", push={"eq": Push(LIST, "kind", exact=True, value=_kind)}),
        read_only("roleId", "roleId", push={
            operator: Push(LIST, "roleId", value=_plain) for operator in ("eq", "co", "sw", "ew")}),
        read_only("name", "name"),
        read_only("organizationName", "nameForOrganizations"),
        read_only("description", "description"),
        read_only("custom", "custom",
              push={"eq": Push(LIST, "custom", value=lambda on: "true" if on else "false")}),
        read_only("actAsInstructor", "actAsInstructor"),
        read_only("available", "availability.available",
              read=lambda held: _AVAILABLE.get(held, held)),
        walk="reads the three lists of roles",
    )  # fmt: skip


def _kind(value: Any) -> str:
    if value.lower() not in KINDS:
        raise Impossible
    return str(value.lower())


def _plain(value: Any) -> str | None:
    """Return a text whose letter case cannot hide a role."""
    return value if value and value == value.strip() and value.upper() == value.lower() else None


class Roles(Collection):
    """All roles of the three kinds."""

    def __init__(self, client: BlackboardClient) -> None:
        self.mapping = role_mapping()
        self._client = client

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        found: dict[str, Resource] = {}
        for branch in plan.searches:
            found |= {role["id"]: role for role in self._found(branch)}
        yield list(found.values())

    def get(self, id: str) -> Resource | None:
        kind, _, own = id.partition(".")
        if kind not in KINDS or not ID.fullmatch(own):
            return None
        row = self._client.get(f"v1/{kind}Roles/{own}")
        return None if row is None else self._resource(kind, row)

    def _found(self, branch: Branch) -> Iterator[Resource]:
        given = {condition.push.parameter: condition.values[0] for condition in branch}
        if "id" in given:
            role = self.get(given["id"])
            yield from [] if role is None else [role]
            return
        kinds = [given.pop("kind")] if "kind" in given else KINDS
        for kind in kinds:
            for rows in self._client.rows(f"v1/{kind}Roles", {"limit": MOST, **given}):
                yield from (self._resource(kind, row) for row in rows)

    def _resource(self, kind: str, row: dict[str, Any]) -> Resource:
        named = {"name": row.get("name", row.get("nameForCourses"))}
        return self.mapping.to_scim(
            {**flat(row), **named, "kind": kind, "key": f"{kind}.{row['id']}"}
        )
