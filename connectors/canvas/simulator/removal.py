"""The removal of users from the account, their return, and the merging of two."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.addresses import add_channel, retire_channel
from connectors.canvas.simulator.calls import Answer, Call
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import CanvasError, not_found
from connectors.canvas.simulator.ids import find_account, find_user, is_root
from connectors.canvas.simulator.people import show_user
from connectors.canvas.simulator.pseudonyms import check_login
from connectors.canvas.simulator.site import Site


def delete_user(call: Call, account_slot: str, slot: str) -> Answer:
    """Take a user from the root account with all that he has there; his row stays."""
    account = find_account(call, account_slot)
    user = find_user(call, slot)
    if not is_root(account) or not call.site.is_member(user, account.id):
        raise not_found()
    call.require(permissions.MANAGE_LOGINS)
    remove(call.site, user.id)
    row = {
        "id": user.id,
        "name": user.name,
        "sortable_name": user.sortable_name,
        "short_name": user.short_name,
        "workflow_state": user.state,
        "uuid": user.uuid,
        "created_at": write_time(user.created_at),
        "updated_at": write_time(call.now),
    }
    return Answer({"user": row})


def remove(site: Site, user_id: int) -> None:
    """Delete logins, enrollments, group memberships, roles and links; retire channels."""
    now = site.clock.now()
    for login in site.logins_of(user_id):
        login.state, login.deleted_at = "deleted", now
    for enrollment in site.enrollments.find("user_id", user_id):
        enrollment.state, enrollment.updated_at = "deleted", now
    for membership in site.memberships.find("user_id", user_id):
        membership.state = "deleted"
    for admin in site.admins.find("user_id", user_id):
        admin.state = "deleted"
    for other in site.users.values():
        if user_id in other.observees:
            other.observees.remove(user_id)
    site.users[user_id].observees.clear()
    for channel in site.channels_of(user_id):
        retire_channel(site, channel)


def restore_user(call: Call, account_slot: str, slot: str) -> Answer:
    """Bring a removed user back with the login that was deleted last."""
    account = find_account(call, account_slot)
    user = find_user(call, slot)
    if not is_root(account):
        raise not_found()
    call.require(permissions.MANAGE_LOGINS)
    if call.site.is_member(user, account.id):
        raise CanvasError(400, {"errors": "User not deleted"})
    gone = [row for row in call.site.logins.find("user_id", user.id) if row.state == "deleted"]
    if not gone:
        raise not_found()
    login = max(gone, key=lambda row: (row.deleted_at or 0, row.id))
    check_login(call.site, login)
    login.state, login.deleted_at = "active", None
    return Answer(show_user(call, user))


def merge_user(call: Call, slot: str, destination_slot: str) -> Answer:
    """Give all that a user has to another one; the first is then deleted for good."""
    user, other = find_user(call, slot), find_user(call, destination_slot)
    call.require(permissions.MANAGE_LOGINS)
    if user.id == other.id:
        raise not_found()
    site = call.site
    for login in site.logins.find("user_id", user.id):
        login.user_id = other.id
        site.logins.put(login)
    for channel in site.channels_of(user.id):
        add_channel(site, other.id, channel.address, channel.kind, channel.state == "active")
    for enrollment in site.enrollments.find("user_id", user.id):
        enrollment.user_id = other.id
        site.enrollments.put(enrollment)
    for membership in site.memberships.find("user_id", user.id):
        membership.user_id = other.id
        site.memberships.put(membership)
    remove(site, user.id)
    user.state, user.merged_into = "deleted", other.id
    return Answer(show_user(call, other))
