"""Members of groups: their row in a mapping, and how they are sent, shown and changed."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from re import Pattern

from connectors.fields import Field
from connectors.mapping import Resource
from schemas.changes import Change
from schemas.errors import invalid_value

_MOST_NAMED = 20


def members_field(native: str) -> Field:
    """Return the row of members who are users, in calls of their own."""
    kinds = {"type": {"canonical_values": ("User",)}, "$ref": {"reference_types": ("User",)}}
    return Field("members", native, costly=True, subs=kinds)


def member_ids(resource: Resource, part: Pattern[str], example: str) -> list[str]:
    """Return the ids of a resource's members. Raises 400 for one that is no user's id."""
    return [member_id(member, part, example) for member in resource.get("members", ())]


def member_id(member: Resource, part: Pattern[str], example: str) -> str:
    """Return the id of a member that is sent. Raises 400 when it is no user's id."""
    id = str(member.get("value", ""))
    if not part.fullmatch(id):
        raise invalid_value(f"members.value: {id[:40]!r} is no user's id, such as {example}.")
    return id


def shown_members(users: Iterable[object]) -> list[Resource]:
    """Return the users of some ids as members."""
    return [{"value": str(id), "type": "User"} for id in users]


def changed_members(
    changes: Iterable[Change], id_of: Callable[[Resource], str]
) -> tuple[list[str], list[str]]:
    """Return the ids of the members that changes add, and of those that they remove."""
    members = [change for change in changes if change.path.name == "members"]
    added = [id_of(change.new) for change in members if change.new is not None]
    removed = [id_of(change.old) for change in members if change.new is None]
    return added, removed


def refuse_unenrolled(course: str, users: Sequence[str], enrolled: Container[str]) -> None:
    """Raise 400 before any write for new members who are not in the group's course."""
    if missing := [user for user in users if user not in enrolled]:
        shown = ", ".join(missing[:_MOST_NAMED])
        raise invalid_value(f"members: not in the group's course {course}: {shown}.")
