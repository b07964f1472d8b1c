"""Memberships of groups."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.categories import COMMUNITIES
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import denied, not_found
from connectors.canvas.simulator.ids import find_group, find_user, read_number
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.records import Group, Membership, User

_STATES = ("accepted", "invited", "requested")


def show_membership(call: Call, row: Membership) -> Json:
    """Return a membership as answers show it."""
    body: Json = {
        "id": row.id,
        "group_id": row.group_id,
        "user_id": row.user_id,
        "workflow_state": row.state,
        "moderator": row.moderator,
        "created_at": write_time(row.created_at),
    }
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body["sis_import_id"] = None
    return body


def join(call: Call, group: Group, user: User) -> tuple[Membership, bool]:
    """Put a user into a group; tell whether he is new there.

    In an ordinary category he leaves the other groups of it. A community only invites others.
    """
    site = call.site
    category = site.categories[group.category_id]
    community = category.role == COMMUNITIES
    state = "invited" if community and user.id != call.caller.id else "accepted"
    rows = site.memberships.find("user_id", user.id)
    if not community:
        for row in rows:
            other = site.groups[row.group_id]
            if row.group_id != group.id and other.category_id == group.category_id:
                leave(row)
    for row in rows:
        if row.group_id == group.id and row.state != "deleted":
            row.state = "accepted" if row.state == "accepted" else state
            return row, False
    made = Membership(site.memberships.take_id(), group.id, user.id, call.now, state)
    return site.memberships.put(made), True


def leave(row: Membership) -> None:
    """End a membership."""
    row.state = "deleted"


def list_memberships(call: Call, slot: str) -> Answer:
    """Return the memberships of a group in the states that the call names."""
    group = find_group(call, slot)
    call.require(permissions.READ_ROSTER, permissions.MANAGE_GROUPS)
    states = set(call.params.many("filter_states")) & set(_STATES) or set(_STATES)
    rows = list(call.site.members_of(group.id, *states))
    return answer_page(call, rows, lambda row: show_membership(call, row))


def get_membership(call: Call, slot: str, number: str) -> Answer:
    """Return a membership by its number."""
    return Answer(show_membership(call, _by_number(call, slot, number)))


def get_of_user(call: Call, slot: str, user_slot: str) -> Answer:
    """Return a user's membership."""
    return Answer(show_membership(call, _by_user(call, slot, user_slot)))


def create_membership(call: Call, slot: str) -> Answer:
    """Put a user into a group; nobody but he himself may join a community."""
    group = find_group(call, slot)
    user = find_user(call, call.params.filled("user_id") or "self")
    community = call.site.categories[group.category_id].role == COMMUNITIES
    if user.id != call.caller.id:
        call.require(permissions.MANAGE_GROUPS)
        if community:
            raise denied(call.site.settings.denied_status)
    row, new = join(call, group, user)
    return Answer({**show_membership(call, row), "just_created": new})


def edit_membership(call: Call, slot: str, number: str) -> Answer:
    """Change a membership by its number."""
    return _edit(call, _by_number(call, slot, number))


def edit_of_user(call: Call, slot: str, user_slot: str) -> Answer:
    """Change a user's membership."""
    return _edit(call, _by_user(call, slot, user_slot))


def _edit(call: Call, row: Membership) -> Answer:
    if "moderator" in call.params:
        call.require(permissions.MANAGE_GROUPS)
        row.moderator = call.params.flag("moderator")
    if call.params.text("workflow_state") == "accepted":
        if row.state == "invited" and row.user_id != call.caller.id:
            raise denied(call.site.settings.denied_status)
        row.state = "accepted"
    return Answer(show_membership(call, row))


def delete_membership(call: Call, slot: str, number: str) -> Answer:
    """End a membership by its number."""
    return _delete(call, _by_number(call, slot, number))


def delete_of_user(call: Call, slot: str, user_slot: str) -> Answer:
    """End a user's membership."""
    return _delete(call, _by_user(call, slot, user_slot))


def _delete(call: Call, row: Membership) -> Answer:
    if row.user_id != call.caller.id:
        call.require(permissions.MANAGE_GROUPS)
    leave(row)
    return Answer({"ok": True})


def _by_number(call: Call, slot: str, number: str) -> Membership:
    group = find_group(call, slot)
    row = call.site.memberships.get(read_number(number) or 0)
    if row is None or row.group_id != group.id or row.state == "deleted":
        raise not_found()
    return row


def _by_user(call: Call, slot: str, user_slot: str) -> Membership:
    group, user = find_group(call, slot), find_user(call, user_slot)
    for row in call.site.members_of(group.id, *_STATES):
        if row.user_id == user.id:
            return row
    raise not_found()
