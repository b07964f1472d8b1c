"""The members of groups, all of them enrolled in the group's course."""

from __future__ import annotations

from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.entitlements import VIEW_MEMBERSHIPS, WRITE_GROUPS
from connectors.blackboard.simulator.errors import bad_request, conflict, not_found
from connectors.blackboard.simulator.groups import find_entry
from connectors.blackboard.simulator.ids import visible_user
from connectors.blackboard.simulator.listing import GROUPS, answer_page
from connectors.blackboard.simulator.records import Group, User
from connectors.blackboard.simulator.site import Site


def list_members(call: Call, wanted: str, group_wanted: str) -> Answer:
    """Answer `GET courses/{id}/groups/{groupId}/users`."""
    call.require(VIEW_MEMBERSHIPS)
    group = find_entry(call, wanted, group_wanted)
    members = [call.site.users[one] for one in group.members]
    return answer_page(call, members, GROUPS, lambda user: _show(call, user))


def get_member(call: Call, wanted: str, group_wanted: str, user_wanted: str) -> Answer:
    """Answer `GET courses/{id}/groups/{groupId}/users/{userId}`."""
    call.require(VIEW_MEMBERSHIPS)
    _, user = _find(call, wanted, group_wanted, user_wanted)
    return Answer(200, _show(call, user))


def add_member(call: Call, wanted: str, group_wanted: str, user_wanted: str) -> Answer:
    """Answer `PUT courses/{id}/groups/{groupId}/users/{userId}`."""
    call.require(WRITE_GROUPS)
    site = call.site
    group = find_entry(call, wanted, group_wanted)
    user = visible_user(call, user_wanted)
    if group.is_set:
        raise bad_request("A group set has no members")
    if site.memberships.find(group.course_id, user.id) is None:
        raise bad_request("The user is not enrolled in the course")
    if user.id in group.members:
        raise conflict("The user is already a member of the group")
    limit = group.body["enrollment"]["limit"]
    if 0 < limit <= len(group.members):
        raise conflict("The group is full")
    _leave_siblings(site, group, user)
    group.members.append(user.id)
    path = f"courses/{group.course_id}/groups/{group.id}/users/{user.id}"
    return created(call.release, path, _show(call, user))


def remove_member(call: Call, wanted: str, group_wanted: str, user_wanted: str) -> Answer:
    """Answer `DELETE courses/{id}/groups/{groupId}/users/{userId}`."""
    call.require(WRITE_GROUPS)
    group, user = _find(call, wanted, group_wanted, user_wanted)
    group.members.remove(user.id)
    return Answer(204)


def _find(call: Call, wanted: str, group_wanted: str, user_wanted: str) -> tuple[Group, User]:
    group = find_entry(call, wanted, group_wanted)
    user = visible_user(call, user_wanted)
    if user.id not in group.members:
        raise not_found(user_wanted)
    return group, user


def _leave_siblings(site: Site, group: Group, user: User) -> None:
    """Take a person out of the other groups of the set, as an Ultra course does."""
    if group.set_id is None or not site.courses[group.course_id].is_ultra:
        return
    for other in site.groups_of(group.course_id):
        if other.set_id == group.set_id and user.id in other.members:
            other.members.remove(user.id)


def _show(call: Call, user: User) -> dict[str, Any]:
    body: dict[str, Any] = {"userId": user.id}
    if call.release > 1 and call.expands("user"):
        body["user"] = {"id": user.id, "uuid": user.body["uuid"]}
    return body
