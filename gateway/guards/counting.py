"""What a write counts as before a guard: an account disabled, a resource deleted, roles granted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.mapping import Mapping
from schemas.changes import Change

_UNGUARDED = ("Membership",)
"""Types that come and go with every term."""
_ROLES = {
    "User": ("roles", "systemRoleIds", "institutionRoleIds"),
    "Membership": ("courseRoleId",),
}
"""The attributes that hold roles."""


def counted(mapping: Mapping, operation: str, changes: Iterable[Change]) -> dict[str, int]:
    """Return how many writes of which kind an operation with its changes is.

    A role that is granted is one that an account, or a member of a course, did not have, other
    than the role that the target gives by default.
    """
    name = mapping.full.name
    if operation == "delete":
        return {} if name in _UNGUARDED else {"delete": 1}
    kinds: dict[str, int] = {}
    # A new account that cannot be used takes nothing from anybody.
    switch = mapping.switch if name == "User" and operation != "create" else None
    for change in changes:
        if switch and change.path.name == switch.name and change.new == switch.off:
            kinds["disable"] = 1
        if (granted := _granted(mapping, change)) > 0:
            kinds["grant"] = kinds.get("grant", 0) + granted
    return kinds


def _granted(mapping: Mapping, change: Change) -> int:
    if change.path.name not in _ROLES.get(mapping.full.name, ()):
        return 0
    row = mapping.row(change.path)
    usual = _names(row.field.default) if row else set()
    return len(_names(change.new) - _names(change.old) - usual)


def _names(value: Any) -> set[str]:
    """Return the roles in a changed value: a list of them, one, or a part of one."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return {str(item.get("value") if isinstance(item, dict) else item) for item in items}
