"""User preferences, and core_auth_request_password_reset."""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.database import lower
from connectors.moodle.simulator.errors import missing_user
from connectors.moodle.simulator.parameters import is_email
from connectors.moodle.simulator.records import PASSWORD_METHODS, Mail, User
from connectors.moodle.simulator.site import Caller, Site

Reply = dict[str, Any]

FORCE_CHANGE = "auth_forcepasswordchange"

_MAY_BE_SENT = "<p>If the account exists, instructions were sent to its address.</p>"
_EITHER = "Enter either username or email address"


def set_preference(caller: Caller, user: User, name: str, value: str | None) -> bool:
    """Store a preference (None removes it) if the caller may, and tell whether it may."""
    if name != FORCE_CHANGE or not caller.has("moodle/user:update"):
        return False
    if value is None:
        user.preferences.pop(name, None)
    else:
        user.preferences[name] = value
    return True


def set_user_preferences(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_user_set_user_preferences: what could not be saved becomes a warning."""
    saved: list[Reply] = []
    warnings: list[Reply] = []
    for preference in arguments["preferences"]:
        user_id = preference["userid"] or caller.user.id
        user = _active_user(site, user_id)
        if user is None:
            code, message = "invaliduser", "Invalid user"
        elif set_preference(caller, user, preference["name"], preference["value"]):
            saved.append({"name": preference["name"], "userid": user_id})
            continue
        else:
            code = "nopermission"
            message = f"The preference {preference['name']} may not be changed by this account"
        warnings.append(
            {"item": "user", "itemid": user_id, "warningcode": code, "message": message}
        )
    return {"saved": saved, "warnings": warnings}


def update_user_preferences(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_user_update_user_preferences; a preference without a value is removed."""
    user_id = arguments["userid"] or caller.user.id
    user = _active_user(site, user_id)
    if user is None:
        raise missing_user(user_id)
    if "emailstop" in arguments:
        caller.require("moodle/user:editmessageprofile")
        user.emailstop = arguments["emailstop"]
    for preference in arguments.get("preferences", ()):
        set_preference(caller, user, preference["type"], preference.get("value"))


def get_user_preferences(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_user_get_user_preferences; those of others are for site administrators."""
    user_id = arguments["userid"] or caller.user.id
    user = _active_user(site, user_id)
    if user is None:
        raise missing_user(user_id)
    if user_id != caller.user.id:
        caller.require("moodle/site:config")
    stored: list[Reply] = [
        {"name": name, "value": value} for name, value in user.preferences.items()
    ]
    if wanted := arguments["name"]:
        stored = [{"name": wanted, "value": user.preferences.get(wanted)}]
    else:
        stored.append({"name": "_lastloaded", "value": site.now()})
    return {"preferences": stored, "warnings": []}


def request_password_reset(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_auth_request_password_reset: the same answer whether the account exists or not."""
    username, email = arguments["username"], arguments["email"]
    if bool(username) == bool(email):
        return _data_error({"username": _EITHER, "email": _EITHER})
    if email and not is_email(email):
        return _data_error({"email": "Invalid email address"})
    found = [
        user
        for user in site.users.values()
        if (user.username == username if username else lower(user.email) == lower(email))
    ]
    site.mails.extend(
        Mail("passwordreset", user.email)
        for user in found
        if not user.deleted and not user.suspended and user.auth in PASSWORD_METHODS
    )
    return {"status": "emailpasswordconfirmmaybesent", "notice": _MAY_BE_SENT, "warnings": []}


def _data_error(problems: dict[str, str]) -> Reply:
    warnings = [
        {"item": item, "itemid": 0, "warningcode": "fielderror", "message": message}
        for item, message in problems.items()
    ]
    return {"status": "dataerror", "notice": "", "warnings": warnings}


def _active_user(site: Site, user_id: int) -> User | None:
    user = site.users.get(user_id)
    return None if user is None or user.deleted else user
