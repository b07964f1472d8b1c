"""Logins of users: lists, new ones, edits, deletion, and mails for a new password."""

from __future__ import annotations

from dataclasses import replace

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import CanvasError, denied, invalid, not_found, not_root
from connectors.canvas.simulator.ids import find_account, find_login, find_user, is_root
from connectors.canvas.simulator.listing import answer_bookmarked, answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.pseudonyms import (
    check_login,
    check_password,
    check_user_type,
    find_provider,
    takes_password,
)
from connectors.canvas.simulator.records import Login

_STATES = ("active", "suspended")
_FIELDS = (
    "unique_id",
    "password",
    "sis_user_id",
    "integration_id",
    "authentication_provider_id",
    "declared_user_type",
    "workflow_state",
)
_SIS = ("sis_user_id", "integration_id")
_NO_PASSWORD = "password can only be set for Canvas authentication"
_LAST = "Users must have at least one login"


def show_login(call: Call, login: Login) -> Json:
    """Return a login as answers show it."""
    body: Json = {
        "id": login.id,
        "user_id": login.user_id,
        "account_id": call.site.root.id,
        "workflow_state": login.state,
        "unique_id": login.unique_id,
        "created_at": write_time(login.created_at),
    }
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body |= {"sis_user_id": login.sis_user_id, "integration_id": login.integration_id}
    body["authentication_provider_id"] = login.provider_id
    body["declared_user_type"] = login.declared_user_type
    if login.provider_id is not None:
        kind = call.site.settings.auth_providers.get(login.provider_id)
        body["authentication_provider_type"] = kind
    return body


def list_of_user(call: Call, slot: str) -> Answer:
    """Return the logins of a user."""
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.VIEW_LOGINS, permissions.MANAGE_LOGINS)
    rows = call.site.logins_of(user.id)
    return answer_bookmarked(call, rows, lambda login: show_login(call, login))


def list_of_account(call: Call, account_slot: str) -> Answer:
    """Return the logins of the user that the call names, the caller's own if it names none."""
    if not is_root(find_account(call, account_slot)):
        raise not_root()
    slot = call.params.filled("user_id") or call.params.sub("user").filled("id") or "self"
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.VIEW_LOGINS, permissions.MANAGE_LOGINS)
    rows = call.site.logins_of(user.id)
    return answer_page(call, rows, lambda login: show_login(call, login))


def create_login(call: Call, account_slot: str) -> Answer:
    """Give a user one more login."""
    if not is_root(find_account(call, account_slot)):
        raise not_root()
    call.require(permissions.MANAGE_LOGINS)
    user = find_user(call, call.params.sub("user").filled("id") or "self")
    given = call.params.sub("login")
    login = Login(call.site.logins.take_id(), user.id, "", call.now)
    _apply(call, login, given, new=True)
    return Answer(show_login(call, _store(call, login, given)))


def edit_login(call: Call, account_slot: str, slot: str) -> Answer:
    """Change a login; nothing is saved if one field is refused."""
    if not is_root(find_account(call, account_slot)):
        raise not_root()
    login = find_login(call, slot)
    call.require(permissions.MANAGE_LOGINS)
    given = call.params.sub("login")
    if not any(name in given for name in _FIELDS):
        raise CanvasError(400, None)
    if not call.params.flag("override_sis_stickiness", True):
        for name in login.sticky:
            given.drop(name)
    changed = replace(login, sticky=set(login.sticky))
    _apply(call, changed, given)
    return Answer(show_login(call, _store(call, changed, given)))


def _apply(call: Call, login: Login, given: Params, new: bool = False) -> None:
    settings = call.site.settings
    if any(name in given for name in _SIS):
        call.require(permissions.MANAGE_SIS)
    for name in _SIS:
        if name in given:
            setattr(login, name, given.filled(name))
    if "authentication_provider_id" in given:
        provider = given.text("authentication_provider_id")
        login.provider_id = find_provider(settings, provider)
    if "declared_user_type" in given:
        if kind := given.filled("declared_user_type"):
            check_user_type(kind)
        login.declared_user_type = given.filled("declared_user_type")
    if "unique_id" in given:
        login.unique_id = (given.text("unique_id") or "").strip()
    if "workflow_state" in given:
        state = given.text("workflow_state") or ""
        if state not in _STATES:
            raise invalid("workflow_state", "invalid workflow_state")
        login.state = state
    if password := given.filled("password"):
        own = login.user_id == call.caller.id
        if not (own or new or settings.admins_can_change_passwords):
            raise denied(settings.denied_status)
        if not takes_password(settings, login.provider_id):
            raise invalid("password", _NO_PASSWORD)
        check_password(settings, password)
    check_login(call.site, login)


def _store(call: Call, login: Login, given: Params) -> Login:
    login.sticky.update(name for name in ("unique_id", "declared_user_type") if name in given)
    if "workflow_state" in given:
        login.sticky.add("status")
    if password := given.filled("password"):
        call.site.set_password(login, password)
    return call.site.logins.put(login)


def delete_login(call: Call, user_slot: str, slot: str) -> Answer:
    """Delete one of several logins of a user."""
    user = find_user(call, user_slot)
    login = find_login(call, slot)
    if login.user_id != user.id:
        raise not_found()
    call.require(permissions.MANAGE_LOGINS)
    if len(call.site.logins_of(user.id)) == 1:
        raise invalid("base", _LAST)
    login.state, login.deleted_at = "deleted", call.now
    return Answer(show_login(call, login))


def request_password(call: Call) -> Answer:
    """Pretend to send a mail with a link for a new password to a known address."""
    address = call.params.text("email") or ""
    channels = call.site.channels.find("address", address)
    logins = call.site.logins.find("unique_id", address)
    known = any(row.state != "retired" for row in channels)
    known = known or any(row.state == "active" for row in logins)
    return Answer({"requested": known}, 200 if known else 404)
