"""Users as answers show them."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Call, Json
from connectors.canvas.simulator.clock import write_local, write_time
from connectors.canvas.simulator.names import read_names
from connectors.canvas.simulator.records import User

NO_AVATAR = "/images/messages/avatar-50.png"


def show_user(call: Call, user: User) -> Json:
    """Return the user as every list shows him; SIS ids and login come from one login."""
    site = call.site
    login = site.shown_login(user.id)
    body: Json = {
        "id": user.id,
        "name": user.name,
        "created_at": write_local(user.created_at, site.settings.time_zone),
        "sortable_name": user.sortable_name,
        "short_name": user.short_name,
    }
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body["sis_user_id"] = login.sis_user_id if login else None
        body["integration_id"] = login.integration_id if login else None
    if call.may(permissions.MANAGE_SIS):
        body["sis_import_id"] = user.sis_import_id if login else None
    if login and call.may(permissions.VIEW_LOGINS, permissions.MANAGE_LOGINS):
        body["login_id"] = login.unique_id
    if user.pronouns:
        body["pronouns"] = user.pronouns
    if user.merged_into is not None:
        body["merged_into_user_id"] = user.merged_into
    return body


def show_with_includes(call: Call, user: User) -> Json:
    """Return the user with the optional parts that lists have."""
    body = show_user(call, user)
    if call.includes("email") and call.may(permissions.READ_EMAILS):
        body["email"] = call.site.email_of(user.id)
    if call.includes("last_login"):
        body["last_login"] = write_time(user.last_login)
    if call.includes("avatar_url") and call.site.settings.avatars:
        body["avatar_url"] = avatar_of(call, user)
    if call.includes("time_zone"):
        body["time_zone"] = zone_of(call, user)
    if call.includes("uuid"):
        body["uuid"] = user.uuid
    return body


def show_one(call: Call, user: User) -> Json:
    """Return the user as the address of one user shows him."""
    body = show_user(call, user)
    given, family = read_names(user.sortable_name)
    if call.site.settings.avatars:
        body["avatar_url"] = avatar_of(call, user)
        if call.includes("avatar_state"):
            body["avatar_state"] = "none" if user.avatar_url is None else "approved"
    body["last_name"], body["first_name"] = family, given
    if call.may(permissions.READ_EMAILS) or user.id == call.caller.id:
        body["email"] = call.site.email_of(user.id)
    body["locale"] = user.locale
    if user.id == call.caller.id:
        body["effective_locale"] = user.locale or "en"
    if call.includes("uuid"):
        body["uuid"] = user.uuid
    if call.includes("last_login"):
        body["last_login"] = write_time(user.last_login)
    body["permissions"] = {
        "can_update_name": True,
        "can_update_avatar": call.site.settings.avatars,
        "limit_parent_app_web_access": False,
    }
    return body


def show_edited(call: Call, user: User, changed: set[str]) -> Json:
    """Return the user as an edit answers; profile fields only when they were just set."""
    body = show_user(call, user)
    if call.site.settings.avatars:
        body["avatar_url"] = avatar_of(call, user)
        body["avatar_state"] = "none" if user.avatar_url is None else "approved"
    if call.may(permissions.READ_EMAILS) or user.id == call.caller.id:
        body["email"] = call.site.email_of(user.id)
    body["locale"] = user.locale
    body["time_zone"] = zone_of(call, user)
    for name in ("title", "bio", "pronunciation"):
        if name in changed:
            body[name] = getattr(user, name)
    return body


def show_created(call: Call, user: User) -> Json:
    """Return the user as a creation answers."""
    return {**show_user(call, user), "locale": user.locale, "uuid": user.uuid}


def show_profile(call: Call, user: User) -> Json:
    """Return the profile, the one place with a single user's time zone, title and bio."""
    login = call.site.shown_login(user.id)
    body: Json = {
        "id": user.id,
        "name": user.name,
        "short_name": user.short_name,
        "sortable_name": user.sortable_name,
        "title": user.title,
        "bio": user.bio,
        "pronunciation": user.pronunciation,
        "primary_email": call.site.email_of(user.id),
    }
    if login is not None:
        body["login_id"] = login.unique_id
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body["sis_user_id"] = login.sis_user_id if login else None
        body["integration_id"] = login.integration_id if login else None
    body |= {
        "time_zone": zone_of(call, user),
        "locale": user.locale,
        "effective_locale": user.locale or "en",
        "calendar": {"ics": f"{call.base}/feeds/calendars/user_{user.uuid}.ics"},
        "lti_user_id": user.lti_id,
        "k5_user": False,
    }
    if call.site.settings.avatars:
        body["avatar_url"] = avatar_of(call, user)
    if user.pronouns:
        body["pronouns"] = user.pronouns
    return body


def avatar_of(call: Call, user: User) -> str:
    """Return the address of a user's picture."""
    return user.avatar_url or f"{call.base}{NO_AVATAR}"


def zone_of(call: Call, user: User) -> str:
    """Return a user's time zone, the account's if he has none."""
    return user.time_zone or call.site.settings.time_zone
