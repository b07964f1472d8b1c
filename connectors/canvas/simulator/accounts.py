"""Accounts and sub-accounts."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.errors import invalid, not_found
from connectors.canvas.simulator.ids import find_account, is_root
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Account
from connectors.canvas.simulator.site import new_uuid


def show_account(call: Call, account: Account) -> Json:
    """Return an account as answers show it."""
    body: Json = {
        "id": account.id,
        "name": account.name,
        "workflow_state": account.state,
        "parent_account_id": account.parent_id,
        "root_account_id": None if is_root(account) else call.site.root.id,
        "uuid": account.uuid,
        "default_storage_quota_mb": 500,
        "default_user_storage_quota_mb": 50,
        "default_group_storage_quota_mb": 50,
        "default_time_zone": account.time_zone,
    }
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body |= {
            "sis_account_id": account.sis_account_id,
            "sis_import_id": None,
            "integration_id": account.integration_id,
        }
    return body


def list_accounts(call: Call) -> Answer:
    """Return the accounts that the caller administers."""
    rows = [call.site.accounts[row.account_id] for row in call.site.admins_of(call.caller.id)]
    unique = list({row.id: row for row in rows}.values())
    return answer_page(call, unique, lambda account: show_account(call, account))


def get_account(call: Call, slot: str) -> Answer:
    """Return one account."""
    return Answer(show_account(call, find_account(call, slot)))


def get_permissions(call: Call, slot: str) -> Answer:
    """Tell which of the rights that are asked for the caller has in an account."""
    find_account(call, slot)
    names = call.params.many("permissions")
    return Answer({name: call.may(name) for name in names})


def list_sub_accounts(call: Call, slot: str) -> Answer:
    """Return the accounts right below one, or all below it."""
    account = find_account(call, slot)
    wanted = {account.id}
    if call.params.flag("recursive"):
        wanted = call.site.subtree(account.id)
    rows = [
        row
        for row in call.site.accounts.values()
        if row.parent_id in wanted and row.state != "deleted"
    ]
    return answer_page(call, rows, lambda row: show_account(call, row))


def create_sub_account(call: Call, slot: str) -> Answer:
    """Add an account below another one."""
    parent = find_account(call, slot)
    call.require(permissions.MANAGE_ACCOUNT)
    given = call.params.sub("account")
    name = given.filled("name")
    if name is None:
        raise invalid("name", "blank", "can't be blank")
    account = Account(call.site.accounts.take_id(), name, new_uuid(), parent.id)
    account.time_zone = parent.time_zone
    _apply(call, account, given)
    return Answer(show_account(call, call.site.accounts.put(account)))


def edit_account(call: Call, slot: str) -> Answer:
    """Change an account."""
    account = find_account(call, slot)
    call.require(permissions.MANAGE_ACCOUNT)
    _apply(call, account, call.params.sub("account"))
    return Answer(show_account(call, account))


def _apply(call: Call, account: Account, given: Params) -> None:
    sis_id = given.filled("sis_account_id")
    if sis_id is not None:
        others = (row for row in call.site.accounts.values() if row.id != account.id)
        if any(row.sis_account_id == sis_id for row in others):
            raise invalid("sis_source_id", "taken", f'SIS ID "{sis_id}" is already in use')
    for field in ("sis_account_id", "integration_id"):
        if field in given:
            setattr(account, field, given.filled(field))
    account.name = given.filled("name") or account.name
    account.time_zone = given.filled("default_time_zone") or account.time_zone


def delete_sub_account(call: Call, parent_slot: str, slot: str) -> Answer:
    """Delete an account below another one, unless it has courses or accounts."""
    parent, account = find_account(call, parent_slot), find_account(call, slot)
    if account.parent_id != parent.id:
        raise not_found()
    call.require(permissions.MANAGE_ACCOUNT)
    courses = call.site.courses.find("account_id", account.id)
    if any(row.state != "deleted" for row in courses):
        raise invalid("workflow_state", "invalid", "You can't delete an account with courses")
    account.state = "deleted"
    return Answer(show_account(call, account))
