"""Users: the list and its searches, one by one, in batches, activation, and who calls."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.errors import ApiError, malformed, no_match, refused
from connectors.brightspace.simulator.paging import answer_set
from connectors.brightspace.simulator.passwords import check_password
from connectors.brightspace.simulator.people import is_searchable, show_user, unique_identifier
from connectors.brightspace.simulator.profiles import blank_profile
from connectors.brightspace.simulator.records import Mail, User
from connectors.brightspace.simulator.shapes import (
    FLAG,
    NUMBER,
    OBJECT,
    OBJECT_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    check,
    check_length,
)
from connectors.brightspace.simulator.site import ORG_ID, Site

PASSWORD_DATA_SINCE = (1, 57)

_NAMES = {
    "FirstName": TEXT,
    "MiddleName": TEXT_OR_NULL,
    "LastName": TEXT,
    "ExternalEmail": TEXT_OR_NULL,
    "UserName": TEXT,
    "Pronouns": TEXT_OR_NULL,
}
_CREATED = {
    "OrgDefinedId": TEXT_OR_NULL,
    **_NAMES,
    "RoleId": NUMBER,
    "IsActive": FLAG,
    "SendCreationEmail": FLAG,
}
_UPDATED = {"OrgDefinedId": TEXT, **_NAMES, "Activation": OBJECT}
_PASSWORD_DATA = {"Password": TEXT, "ForcePasswordReset": FLAG}
_ACTIVATION = {"IsActive": FLAG}

_SEARCHES = (
    ("orgdefinedid", "org_defined_id"),
    ("username", "user_name"),
    ("externalemail", "email"),
)
_LENGTHS = {
    "OrgDefinedId": 256,
    "FirstName": 64,
    "MiddleName": 64,
    "LastName": 64,
    "ExternalEmail": 256,
    "UserName": 270,
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")


def list_users(call: Call) -> Answer:
    """Answer a search by the first parameter that is given, or a part of the whole list."""
    for name, key in _SEARCHES:
        if name in call.args:
            return _search(call, key, call.args[name])

    def show(user_id: int) -> dict[str, Any] | None:
        user = call.site.users[user_id]
        return show_user(call, user) if is_searchable(call, user) else None

    return answer_set(call, call.site.users, show)


def _search(call: Call, key: str, value: str) -> Answer:
    found = [user for user in call.site.users.find(key, value) if is_searchable(call, user)]
    if not found:
        raise no_match()
    if key == "user_name":
        return Answer(show_user(call, found[0]))
    return Answer([show_user(call, user) for user in found])


def get_user(call: Call, user_id: int) -> Answer:
    """Answer one account."""
    return Answer(show_user(call, call.user(user_id)))


def create_user(call: Call) -> Answer:
    """Answer a new account."""
    return Answer(show_user(call, _create(call, call.read())))


def create_users(call: Call) -> Answer:
    """Make accounts and answer those that could not be made."""
    rows = call.read_list()
    if len(rows) > call.site.settings.users_batch:
        raise malformed("Too many users")
    failures = []
    for row in rows:
        try:
            _create(call, row)
        except ApiError as error:
            name = row.get("UserName") if isinstance(row, dict) else None
            message = error.detail or error.title
            status = {"StatusError": error.status, "StatusMessage": message}
            failures.append({"UserName": name, **status})
    return Answer(failures)


def _create(call: Call, given: Any) -> User:
    body = check(given, _CREATED, optional=("Pronouns",))
    password: dict[str, Any] = {}
    if call.version >= PASSWORD_DATA_SINCE:
        check(body, {"PasswordData": OBJECT_OR_NULL}, optional=("PasswordData",))
        if body.get("PasswordData") is not None:
            password = check(body["PasswordData"], _PASSWORD_DATA)
            check_password(call.site, password["Password"])
    role = call.role(body["RoleId"])
    _check_rules(call.site, body, None)
    user = add_user(call.site, body, role.id)
    if password:
        call.site.set_password(user, password["Password"])
        user.must_reset = password["ForcePasswordReset"]
    if body["SendCreationEmail"] and user.email:
        call.site.mails.append(Mail("created", user.id, user.email))
    return user


def add_user(site: Site, body: dict[str, Any], role_id: int, user_id: int | None = None) -> User:
    """Keep a new account with a role in the organization; its names become the legal ones."""
    user = User(
        id=site.users.take_id() if user_id is None else user_id,
        user_name=body["UserName"],
        legal_first=body["FirstName"],
        legal_last=body["LastName"],
        middle=body["MiddleName"],
        org_defined_id=body["OrgDefinedId"] or None,
        email=body["ExternalEmail"],
        active=body["IsActive"],
        pronouns=body.get("Pronouns") or "",
    )
    user.profile_id = hashlib.sha256(f"profile {user.id}".encode()).hexdigest()[:10]
    user.profile = blank_profile()
    site.users.add(user)
    site.enroll(ORG_ID, user.id, role_id)
    return user


def update_user(call: Call, user_id: int) -> Answer:
    """Replace an account; names go to the preferred ones if there are any."""
    user = call.user(user_id)
    body = check(call.read(), _UPDATED, optional=("Pronouns",))
    check(body["Activation"], _ACTIVATION)
    _check_rules(call.site, body, user)
    if user.preferred_first or user.preferred_last:
        user.preferred_first, user.preferred_last = body["FirstName"], body["LastName"]
    else:
        user.legal_first, user.legal_last = body["FirstName"], body["LastName"]
    if body["UserName"] != user.user_name:
        user.former_name = unique_identifier(call.site, user)
        user.renamed = call.site.clock.now()
        user.user_name = body["UserName"]
    user.middle = body["MiddleName"]
    user.email = body["ExternalEmail"]
    user.org_defined_id = body["OrgDefinedId"] or None
    user.active = body["Activation"]["IsActive"]
    if body.get("Pronouns") is not None:
        user.pronouns = body["Pronouns"]
    call.site.users.renew(user)
    return Answer(show_user(call, user))


def _check_rules(site: Site, body: dict[str, Any], user: User | None) -> None:
    for name, longest in _LENGTHS.items():
        check_length(name, body[name], longest)
    for name in ("FirstName", "LastName", "UserName"):
        if not body[name].strip():
            raise refused(f"{name} is required.")
    if body["ExternalEmail"] is not None and _EMAIL.fullmatch(body["ExternalEmail"]) is None:
        raise refused("The e-mail address is not valid.")
    if _is_taken(site, "user_name", body["UserName"], user):
        raise refused("The username is already in use.")
    key = body["OrgDefinedId"]
    unique = site.settings.unique_org_defined_ids
    if unique and key and _is_taken(site, "org_defined_id", key, user):
        raise refused("The Org Defined ID is already in use.")


def _is_taken(site: Site, key: str, value: str, user: User | None) -> bool:
    return any(other is not user for other in site.users.find(key, value))


def delete_user(call: Call, user_id: int) -> Answer:
    """Delete an account for good."""
    call.site.remove_user(call.user(user_id))
    return DONE


def get_activation(call: Call, user_id: int) -> Answer:
    """Answer whether an account is active."""
    return Answer({"IsActive": call.user(user_id).active})


def set_activation(call: Call, user_id: int) -> Answer:
    """Activate or deactivate an account, which keeps its enrolments."""
    user = call.user(user_id)
    user.active = check(call.read(), _ACTIVATION)["IsActive"]
    return DONE


def get_own_user(call: Call) -> Answer:
    """Answer whose token it is."""
    user = call.site.own_user
    return Answer(
        {
            "Identifier": str(user.id),
            "FirstName": user.first,
            "LastName": user.last,
            "UniqueName": user.user_name,
            "ProfileIdentifier": user.profile_id,
            "Pronouns": user.pronouns,
        }
    )


def end_sessions(call: Call, user_id: int) -> Answer:
    """Sign a person out everywhere."""
    call.site.logouts.append(call.user(user_id).id)
    return DONE
