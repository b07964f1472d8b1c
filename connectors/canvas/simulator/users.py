"""Users: lists, one, edits, profiles, sessions."""

from __future__ import annotations

from zoneinfo import available_timezones

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.addresses import is_email, put_first
from connectors.canvas.simulator.calls import Answer, Call
from connectors.canvas.simulator.errors import denied, invalid
from connectors.canvas.simulator.ids import find_account, find_user
from connectors.canvas.simulator.listing import answer_bookmarked, answer_page
from connectors.canvas.simulator.names import guess_sortable
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.people import (
    show_edited,
    show_one,
    show_profile,
    show_with_includes,
)
from connectors.canvas.simulator.records import User
from connectors.canvas.simulator.search import (
    has_enrollment,
    in_order,
    matches,
    read_term,
    read_types,
)

_ZONES = {
    "UTC": "Etc/UTC",
    "London": "Europe/London",
    "Berlin": "Europe/Berlin",
    "Eastern Time (US & Canada)": "America/New_York",
    "Central Time (US & Canada)": "America/Chicago",
    "Mountain Time (US & Canada)": "America/Denver",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
}
_PROFILE = ("bio", "title", "pronunciation")
_TEXTS = ("name", "short_name", "sortable_name")
_KNOWN = frozenset(
    {*_PROFILE, *_TEXTS, "time_zone", "email", "locale", "pronouns", "event", "avatar"}
)
_EVENTS = {"suspend": "suspended", "unsuspend": "active"}
MAX_NAME = 255


def list_users(call: Call, account_slot: str) -> Answer:
    """Return the users of an account and of those below it; suspended ones are among them."""
    account = find_account(call, account_slot)
    call.require(permissions.READ_ROSTER)
    term, types = read_term(call), read_types(call)
    role_id = call.params.number("role_filter_id")
    deleted = call.params.flag("include_deleted_users")
    uuids = set(call.params.many("uuids"))
    rows = [
        user
        for user in call.site.users.values()
        if call.site.is_member(user, account.id, deleted)
        and (term is None or matches(call, user, term, deleted))
        and (not (types or role_id) or has_enrollment(call, user, types, role_id))
        and (not uuids or user.uuid in uuids)
    ]

    if call.params.text("sort") == "id":
        descending = (call.params.text("order") or "").lower() == "desc"
        return answer_bookmarked(
            call, rows, lambda user: show_with_includes(call, user), descending
        )
    counted = call.includes("ui_invoked")
    return answer_page(
        call, in_order(call, rows), lambda user: show_with_includes(call, user), counted
    )


def get_user(call: Call, slot: str) -> Answer:
    """Return one user; one that was merged into another comes whole, with status 404."""
    user = find_user(call, slot, merged=True)
    if user.id != call.caller.id:
        call.require(permissions.READ_ROSTER, permissions.MANAGE_LOGINS)
    return Answer(show_one(call, user), 404 if user.state == "deleted" else 200)


def get_profile(call: Call, slot: str) -> Answer:
    """Return the profile of a user."""
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.READ_ROSTER, permissions.MANAGE_LOGINS)
    return Answer(show_profile(call, user))


def edit_user(call: Call, slot: str) -> Answer:
    """Change a user; a field that the caller or the site does not allow refuses all of them."""
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.MANAGE_LOGINS, permissions.MANAGE_DETAILS)
    given = call.params.sub("user")
    _check_fields(call, given)
    if not call.params.flag("override_sis_stickiness", True):
        for name in user.sticky:
            given.drop(name)
    _check_values(call, given)
    _apply(call, user, given)
    return Answer(show_edited(call, user, set(given)))


def _check_fields(call: Call, given: Params) -> None:
    settings = call.site.settings
    allowed = set(_KNOWN)
    if not settings.profiles:
        allowed.difference_update(_PROFILE)
    if not settings.pronouns:
        allowed.discard("pronouns")
    if not settings.avatars:
        allowed.discard("avatar")
    if not call.may(permissions.MANAGE_DETAILS):
        allowed.discard("email")
    if any(name not in allowed for name in given):
        raise denied(settings.denied_status)


def _check_values(call: Call, given: Params) -> None:
    for name in _TEXTS:
        if len(given.text(name) or "") > MAX_NAME:
            raise invalid(name, "too_long")
    if zone := given.filled("time_zone"):
        check_zone(zone)
    if locale := given.filled("locale"):
        check_locale(call, locale)
    email = given.filled("email")
    if email is not None and not is_email(email):
        raise invalid("email", "not_email")


def check_zone(zone: str) -> None:
    """Refuse a time zone that is neither IANA's nor Rails'."""
    if zone not in _ZONES and zone not in available_timezones():
        raise invalid("time_zone", "inclusion", "is not included in the list")


def read_zone(zone: str | None) -> str | None:
    """Return the IANA name of a time zone, None for none."""
    return _ZONES.get(zone, zone) if zone else None


def check_locale(call: Call, locale: str) -> None:
    """Refuse a language that the site does not have."""
    if locale not in call.site.settings.locales:
        raise invalid("locale", "inclusion", "is not included in the list")


def _apply(call: Call, user: User, given: Params) -> None:
    old_sortable = guess_sortable(user.name)
    for name in _TEXTS:
        value = given.text(name)
        if value is not None:
            setattr(user, name, value)
    if "name" in given and "sortable_name" not in given and user.sortable_name == old_sortable:
        user.sortable_name = guess_sortable(user.name)
    if "time_zone" in given:
        user.time_zone = read_zone(given.text("time_zone"))
    for name in ("locale", *_PROFILE):
        if name in given:
            setattr(user, name, given.filled(name))
    _apply_pronouns(call, user, given)
    if email := given.filled("email"):
        put_first(call.site, user.id, email)
    picture = given.sub("avatar").filled("url")
    if picture is not None:
        user.avatar_url = picture
    _apply_event(call, user, given.text("event") or "")
    user.sticky.update(name for name in given if name in (*_TEXTS, "pronouns"))


def _apply_pronouns(call: Call, user: User, given: Params) -> None:
    if "pronouns" not in given:
        return
    wanted = (given.text("pronouns") or "").strip()
    if not wanted:
        user.pronouns = None
    for known in call.site.settings.pronouns:
        if known.lower() == wanted.lower():
            user.pronouns = known


def _apply_event(call: Call, user: User, event: str) -> None:
    if event not in _EVENTS or (user.id == call.caller.id and event == "suspend"):
        return
    if not call.may(permissions.MANAGE_LOGINS):
        return
    for login in call.site.logins_of(user.id):
        if login.sis_user_id is None or call.may(permissions.MANAGE_SIS):
            login.state = _EVENTS[event]
            login.sticky.add("status")


def end_sessions(call: Call, slot: str) -> Answer:
    """End the web sessions and all access tokens of a user."""
    user = find_user(call, slot)
    call.require(permissions.MANAGE_LOGINS)
    for token in call.site.tokens.values():
        if token.user_id == user.id:
            token.revoked = True
    return Answer("ok")


def end_mobile_sessions(call: Call, slot: str) -> Answer:
    """End the sessions of a user's phones, of which the site keeps none."""
    find_user(call, slot)
    call.require(permissions.MANAGE_LOGINS)
    return Answer("ok")
