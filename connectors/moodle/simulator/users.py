"""Writing accounts: core_user_create_users, core_user_update_users, core_user_delete_users."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from connectors.moodle.simulator.countries import COUNTRIES
from connectors.moodle.simulator.database import USER_COLUMNS, check_lengths, lower
from connectors.moodle.simulator.enrolments import leave_everything
from connectors.moodle.simulator.errors import (
    MoodleError,
    invalid_parameter,
    invalid_response,
    missing_user,
    plain_error,
    write_refused,
)
from connectors.moodle.simulator.parameters import PHP_BLANKS, clean_username, is_email
from connectors.moodle.simulator.preferences import FORCE_CHANGE, set_preference
from connectors.moodle.simulator.records import INTERNAL_METHODS, Mail, User
from connectors.moodle.simulator.settings import Settings
from connectors.moodle.simulator.site import GUEST_ID, Caller, Site

Reply = dict[str, Any]

_POLICY = (
    ("digit(s)", str.isdigit),
    ("lower case letter(s)", str.islower),
    ("upper case letter(s)", str.isupper),
)
_NOT_COLUMNS = ("password", "createpassword", "customfields", "preferences", "userpicture")


def create_users(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_user_create_users: one transaction, new passwords mailed at its end."""
    caller.require("moodle/user:create")
    created: list[Reply] = []
    mails: list[Mail] = []
    with site.transaction() as changes:
        for values in arguments["users"]:
            _check_new(site, values)
            user = _new_user(site, values)
            changes.insert(site.users, user)
            if values.get("createpassword"):
                site.set_password(user, secrets.token_urlsafe(12) + "aA1!")
                user.preferences[FORCE_CHANGE] = "1"
                mails.append(Mail("newpassword", user.email))
            elif user.auth in INTERNAL_METHODS:
                site.set_password(user, values["password"])
            _set_extras(site, caller, user, values)
            created.append({"id": user.id, "username": user.username})
    site.mails.extend(mails)
    return created


def update_users(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_user_update_users: a transaction an element, failures as warnings.

    A refused password has the policy's text as warning code, which no reply can hold: the call
    ends as `invalidresponse`, with the other elements applied.
    """
    caller.require("moodle/user:update")
    warnings: list[Reply] = []
    for values in arguments["users"]:
        try:
            with site.transaction() as changes:
                user = _updatable(site, caller, values)
                changes.change(user)
                _update(site, caller, user, values)
        except MoodleError as error:
            warnings.append(
                {
                    "item": "user",
                    "itemid": values["id"],
                    "warningcode": error.errorcode,
                    "message": error.message,
                }
            )
    for warning in warnings:
        if not warning["warningcode"].isalnum():
            raise invalid_response(
                "warnings => Invalid response value detected: warningcode => Invalid response "
                "value detected: Invalid external api response: the value is "
                f'"{warning["warningcode"]}", the server was expecting "alphanum" type'
            )
    return {"warnings": warnings}


def delete_users(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_user_delete_users: one transaction; the rows stay under other names."""
    caller.require("moodle/user:delete")
    with site.transaction() as changes:
        for user_id in arguments["userids"]:
            user = site.users.get(user_id)
            if user is None or user.deleted:
                raise missing_user(user_id)
            if user.id in site.admins:
                raise plain_error("useradminodelete", "Administrator accounts cannot be deleted.")
            if user.id == caller.user.id:
                raise plain_error("usernotdeletederror", "User not deleted - error")
            if user.id == GUEST_ID:
                continue
            changes.change(user)
            _delete(site, user)
            for cohort in site.cohorts.values():
                if user.id in cohort.members:
                    changes.change(cohort)
                    cohort.members.discard(user.id)
            leave_everything(site, changes, user.id)
    gone = {user_id for user_id in arguments["userids"] if user_id != GUEST_ID}
    site.tokens = {value: t for value, t in site.tokens.items() if t.user_id not in gone}


def broken_policy(password: str) -> str:
    """Return the rules that a password breaks, as Moodle words them in HTML; empty if none."""
    rules: list[str] = []
    if len(password) < 8:
        rules.append("Passwords must be at least 8 characters long.")
    rules.extend(
        f"Passwords must have at least 1 {what}."
        for what, belongs in _POLICY
        if not any(map(belongs, password))
    )
    if all(char.isalnum() for char in password):
        rules.append("The password must have at least 1 special character(s) such as *, -, or #.")
    return "".join(f"<div>{rule}</div>" for rule in rules)


def _check_new(site: Site, values: Reply) -> None:
    for name in ("username", "firstname", "lastname"):
        if not values[name].strip(PHP_BLANKS):
            raise invalid_parameter(f"The field {name} cannot be blank")
    username, email, auth = values["username"], values["email"], values["auth"]
    if site.is_taken("username", username):
        raise invalid_parameter(f"Username already exists: {username}")
    if not auth:
        raise invalid_parameter(f"Invalid authentication type: {auth}")
    if not values["lang"]:
        raise invalid_parameter(f"Invalid language code: {values['lang']}")
    generated = values.get("createpassword")
    if auth in INTERNAL_METHODS and not generated and not values.get("password"):
        raise invalid_parameter(
            "Invalid password: you must provide a password, or set createpassword."
        )
    if not is_email(email):
        raise invalid_parameter(f"Email address is invalid: {email}")
    if _email_taken(site, email):
        raise invalid_parameter(f"Email address already exists: {email}")
    if auth in INTERNAL_METHODS and not generated:
        _check_policy(site.settings, values["password"])


def _new_user(site: Site, values: Reply) -> User:
    columns = _columns(values)
    check_lengths(USER_COLUMNS, columns)
    now = site.now()
    return User(id=site.take_user_id(), timecreated=now, timemodified=now, **columns)


def _columns(values: Reply) -> Reply:
    """Return the stored fields among the parameters; a country that does not exist is blanked."""
    columns = {name: value for name, value in values.items() if name not in _NOT_COLUMNS}
    if columns.get("country", "") not in COUNTRIES:
        columns["country"] = ""
    return columns


def _updatable(site: Site, caller: Caller, values: Reply) -> User:
    user = site.users.get(values["id"])
    if user is None:
        raise plain_error("invaliduserid", "Invalid user ID")
    if user.id in site.admins and user.id != caller.user.id and not caller.is_admin:
        raise plain_error("usernotupdatedadmin", "Cannot update admin accounts")
    if user.deleted:
        raise plain_error("usernotupdateddeleted")
    if user.id == GUEST_ID:
        raise plain_error("usernotupdatedguest")
    email = values.get("email")
    if email is not None and email != user.email:
        if not is_email(email):
            raise plain_error("useremailinvalid")
        if _email_taken(site, email, but=user.id):
            raise plain_error("useremailduplicate", "Duplicate address")
    return user


def _update(site: Site, caller: Caller, user: User, values: Reply) -> None:
    if "password" in values:
        _check_policy(site.settings, values["password"])
    columns = _columns(values)
    check_lengths(USER_COLUMNS, columns)
    username = columns.get("username")
    if username is not None and site.is_taken("username", username, but=user.id):
        raise write_refused("Duplicate entry for key 'mdl_user_mneuse_uix'")
    changed = {name: value for name, value in columns.items() if getattr(user, name) != value}
    for name, value in changed.items():
        setattr(user, name, value)
    if changed:
        user.timemodified = site.now()
    if "password" in values:
        site.set_password(user, values["password"])
    _set_extras(site, caller, user, values)


def _set_extras(site: Site, caller: Caller, user: User, values: Reply) -> None:
    """Store custom fields that exist and preferences that the caller may edit; skip the others."""
    known = {declared.shortname for declared in site.settings.profile_fields}
    for custom in values.get("customfields", ()):
        if custom["type"] in known:
            user.customfields[custom["type"]] = custom["value"]
    for preference in values.get("preferences", ()):
        set_preference(caller, user, preference["type"], preference["value"])


def _check_policy(settings: Settings, password: str) -> None:
    broken = broken_policy(password) if settings.password_policy else ""
    if broken:
        raise plain_error(broken)


def _email_taken(site: Site, email: str, but: int | None = None) -> bool:
    wanted = lower(email)
    return not site.settings.same_email_allowed and any(
        lower(user.email) == wanted for user in site.users.values() if user.id != but
    )


def _delete(site: Site, user: User) -> None:
    now = site.now()
    stem = clean_username(user.email, site.settings)[: 100 - len(str(now)) - 1]
    number = now
    while site.is_taken("username", f"{stem}.{number}"):
        number += 1
    user.email = hashlib.md5(user.username.encode(), usedforsecurity=False).hexdigest()
    user.username = f"{stem}.{number}"
    user.idnumber = ""
    user.deleted = True
    user.password_hash = None
    user.customfields.clear()
    user.preferences.clear()
    user.timemodified = now
