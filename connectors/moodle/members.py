"""Members of groups of a Moodle site: their numbers and their names."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.moodle.fields import user_number
from schemas.errors import invalid_value


def member_id(member: Resource) -> str:
    """Return the id of a member that is sent. Raises 400 when it is no user's id."""
    try:
        return user_number(member.get("value", ""))
    except ValueError as problem:
        raise invalid_value(f"members.value: {problem}.") from None


def name_members(users: Collection, groups: Sequence[Resource]) -> None:
    """Fill in the names of the members of groups, in one look-up."""
    members = [member for group in groups for member in group["members"]]
    ids = sorted({member["value"] for member in members}, key=int)
    names = {user["id"]: user.get("displayName") for user in users.fetch(ids)}
    for member in members:
        if name := names.get(member["value"]):
            member["display"] = name
