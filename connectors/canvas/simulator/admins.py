"""Administrators: users with a role in an account."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.errors import message, not_found
from connectors.canvas.simulator.ids import find_account, find_user, read_number
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.people import show_user
from connectors.canvas.simulator.records import Account, Admin, Role
from connectors.canvas.simulator.roles import ACCOUNT_BASE

ACCOUNT_ADMIN = 1


def show_admin(call: Call, row: Admin) -> Json:
    """Return a user's role in an account as answers show it."""
    return {
        "id": row.id,
        "role": call.site.roles[row.role_id].name,
        "role_id": row.role_id,
        "workflow_state": row.state,
        "user": show_user(call, call.site.users[row.user_id]),
    }


def list_admins(call: Call, slot: str) -> Answer:
    """Return the administrators of an account."""
    account = find_account(call, slot)
    call.require(permissions.MANAGE_ADMINS)
    only = {find_user(call, wanted).id for wanted in call.params.many("user_id")}
    rows = [row for row in _rows(call, account) if not only or row.user_id in only]
    return answer_page(call, rows, lambda row: show_admin(call, row))


def list_own(call: Call, slot: str) -> Answer:
    """Return the caller's own roles in an account."""
    rows = [row for row in _rows(call, find_account(call, slot)) if row.user_id == call.caller.id]
    return answer_page(call, rows, lambda row: show_admin(call, row))


def _rows(call: Call, account: Account) -> list[Admin]:
    rows = call.site.admins.values()
    return [row for row in rows if row.account_id == account.id and row.state == "active"]


def create_admin(call: Call, slot: str) -> Answer:
    """Give a user a role in an account, which he may have already."""
    account = find_account(call, slot)
    call.require(permissions.MANAGE_ADMINS)
    user = find_user(call, call.params.filled("user_id") or "")
    role = _find_role(call)
    if role.state == "inactive":
        raise message("role is inactive")
    for row in call.site.admins.find("user_id", user.id):
        if row.account_id == account.id and row.role_id == role.id:
            row.state = "active"
            return Answer(show_admin(call, row))
    row = Admin(call.site.admins.take_id(), user.id, account.id, role.id)
    return Answer(show_admin(call, call.site.admins.put(row)))


def delete_admin(call: Call, slot: str, user_slot: str) -> Answer:
    """Take a role in an account from a user."""
    account, user, role = find_account(call, slot), find_user(call, user_slot), _find_role(call)
    call.require(permissions.MANAGE_ADMINS)
    for row in call.site.admins_of(user.id):
        if row.account_id == account.id and row.role_id == role.id:
            row.state = "deleted"
            return Answer(show_admin(call, row))
    raise not_found()


def _find_role(call: Call) -> Role:
    given = call.params.filled("role_id")
    number = ACCOUNT_ADMIN if given is None else read_number(given)
    role = call.site.roles.get(number or 0)
    if role is None or role.base != ACCOUNT_BASE:
        raise not_found()
    return role
