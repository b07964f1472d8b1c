"""Roles of accounts and of their courses."""

from __future__ import annotations

from typing import Any

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import message, not_found
from connectors.canvas.simulator.ids import find_account, is_root, read_number
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Role

ACCOUNT_BASE = "AccountMembership"
_BASES = (
    ACCOUNT_BASE,
    "StudentEnrollment",
    "TeacherEnrollment",
    "TaEnrollment",
    "ObserverEnrollment",
    "DesignerEnrollment",
)


def show_role(call: Call, role: Role) -> Json:
    """Return a role as answers show it; those that are not built in carry their account."""
    body: Json = {
        "id": role.id,
        "role": role.name,
        "label": role.label,
        "created_at": write_time(role.created_at),
        "last_updated_at": write_time(role.updated_at),
        "base_role_type": role.base,
        "workflow_state": role.state,
        "is_account_role": role.base == ACCOUNT_BASE,
    }
    if role.state != "built_in":
        account = call.site.accounts[role.account_id]
        body["account"] = {
            "id": account.id,
            "name": account.name,
            "workflow_state": account.state,
            "parent_account_id": account.parent_id,
            "root_account_id": None if is_root(account) else call.site.root.id,
            "sis_account_id": account.sis_account_id,
        }
    body["permissions"] = role.permissions
    return body


def list_roles(call: Call, slot: str) -> Answer:
    """Return the roles of an account, inherited ones if the call asks for them."""
    account = find_account(call, slot)
    states = set(call.params.many("state")) or {"active"}
    if "active" in states:
        states.add("built_in")
    above = {account.id}
    parent = account.parent_id
    while parent is not None and call.params.flag("show_inherited"):
        above.add(parent)
        parent = call.site.accounts[parent].parent_id
    rows = [
        row
        for row in call.site.roles.values()
        if row.state in states and (row.account_id in above or row.state == "built_in")
    ]
    return answer_page(call, rows, lambda row: show_role(call, row))


def get_role(call: Call, account_slot: str, slot: str) -> Answer:
    """Return one role."""
    return Answer(show_role(call, _find(call, account_slot, slot)))


def create_role(call: Call, account_slot: str) -> Answer:
    """Add a role to an account."""
    account = find_account(call, account_slot)
    call.require(permissions.MANAGE_ROLES)
    label = call.params.filled("label") or call.params.filled("role")
    if label is None:
        raise message("missing required parameter 'role'")
    base = call.params.filled("base_role_type") or ACCOUNT_BASE
    if base not in _BASES:
        raise message("invalid base role type")
    _check_label(call, label, 0)
    number = call.site.roles.take_id()
    role = Role(number, label, label, base, account.id, call.now, call.now)
    _apply(call, role)
    return Answer(show_role(call, call.site.roles.put(role)))


def edit_role(call: Call, account_slot: str, slot: str) -> Answer:
    """Change label or permissions of a role."""
    role = _find(call, account_slot, slot)
    call.require(permissions.MANAGE_ROLES)
    label = call.params.filled("label")
    if label is not None and role.state != "built_in":
        _check_label(call, label, role.id)
        role.name = role.label = label
    _apply(call, role)
    role.updated_at = call.now
    return Answer(show_role(call, role))


def deactivate_role(call: Call, account_slot: str, slot: str) -> Answer:
    """Deactivate a role."""
    role = _find(call, account_slot, slot)
    call.require(permissions.MANAGE_ROLES)
    if role.state == "built_in":
        raise message("Cannot remove a built-in role")
    if role.state == "inactive":
        raise message("role is already inactive")
    role.state, role.updated_at = "inactive", call.now
    return Answer(show_role(call, role))


def activate_role(call: Call, account_slot: str, slot: str) -> Answer:
    """Activate a role again."""
    role = _find(call, account_slot, slot)
    call.require(permissions.MANAGE_ROLES)
    if role.state != "inactive":
        raise message("no inactive role found")
    role.state, role.updated_at = "active", call.now
    return Answer(show_role(call, role))


def _check_label(call: Call, label: str, own: int) -> None:
    for row in call.site.roles.values():
        names = (row.name.lower(), row.label.lower())
        if row.id != own and row.state != "inactive" and label.lower() in names:
            raise message(f"role name {label} already in use")


def _apply(call: Call, role: Role) -> None:
    given = call.params.sub("permissions")
    for name in given:
        role.permissions[name] = _permission(role, given.sub(name))


def _permission(role: Role, given: Params) -> dict[str, Any]:
    permission: dict[str, Any] = {
        "enabled": given.flag("enabled", True),
        "locked": given.flag("locked"),
        "readonly": False,
        "explicit": given.flag("explicit"),
        "prior_default": False,
    }
    if role.base == ACCOUNT_BASE:
        permission["applies_to_self"] = given.flag("applies_to_self", True)
        permission["applies_to_descendants"] = given.flag("applies_to_descendants", True)
    return permission


def _find(call: Call, account_slot: str, slot: str) -> Role:
    find_account(call, account_slot)
    role = call.site.roles.get(read_number(slot) or 0)
    if role is None:
        raise not_found()
    return role
