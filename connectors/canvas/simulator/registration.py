"""The creation of users, and the revival of one whose SIS id a removed login keeps."""

from __future__ import annotations

from typing import Any

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.addresses import add_channel, is_email
from connectors.canvas.simulator.calls import Answer, Call
from connectors.canvas.simulator.errors import CanvasError, Invalid, not_root
from connectors.canvas.simulator.ids import find_account, is_root
from connectors.canvas.simulator.names import guess_sortable
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.people import show_created
from connectors.canvas.simulator.pseudonyms import check_login, check_password, find_provider
from connectors.canvas.simulator.records import Login, User
from connectors.canvas.simulator.site import Site, new_lti_id, new_uuid
from connectors.canvas.simulator.users import check_locale, check_zone, read_zone


def create_user(call: Call, account_slot: str) -> Answer:
    """Add a user with a login and a channel; what is not known here is passed over."""
    if not is_root(find_account(call, account_slot)):
        raise not_root()
    call.require(permissions.MANAGE_LOGINS)
    given, pseudonym = call.params.sub("user"), call.params.sub("pseudonym")
    channel = call.params.sub("communication_channel")
    login = _read_login(call, pseudonym)
    _check(call, login, given, pseudonym)
    user = call.site.users.get(login.user_id)
    if user is None:
        user = add_user(call.site, given.filled("name") or login.unique_id)
        login.user_id = user.id
    elif name := given.filled("name"):
        user.name = name
        user.sortable_name, user.short_name = guess_sortable(name), name
    revived = login.state == "deleted"
    login.state, login.deleted_at = "active", None
    call.site.logins.put(login)
    _fill(user, given)
    if password := pseudonym.filled("password"):
        call.site.set_password(login, password)
    _add_address(call, user, login, channel, revived and given.flag("skip_registration"))
    return Answer(show_created(call, user))


def add_user(site: Site, name: str) -> User:
    """Add a user without a login."""
    user = User(
        site.users.take_id(),
        name,
        guess_sortable(name),
        name,
        site.clock.now(),
        new_uuid(),
        new_lti_id(),
    )
    return site.users.put(user)


def _read_login(call: Call, given: Params) -> Login:
    """Return the login that is asked for: a new one, or a deleted one with the same SIS id."""
    sis = call.may(permissions.MANAGE_SIS)
    values: dict[str, Any] = {
        "unique_id": (given.text("unique_id") or "").strip(),
        "sis_user_id": given.filled("sis_user_id") if sis else None,
        "integration_id": given.filled("integration_id") if sis else None,
        "provider_id": find_provider(call.site.settings, given.text("authentication_provider_id")),
    }
    if call.params.flag("enable_sis_reactivation") and values["sis_user_id"]:
        for old in call.site.logins.find("sis_user_id", values["sis_user_id"]):
            if old.state == "deleted" and call.site.users[old.user_id].state != "deleted":
                kept = values["integration_id"] or old.integration_id
                probe = Login(old.id, old.user_id, values["unique_id"], old.created_at)
                probe.sis_user_id, probe.integration_id = old.sis_user_id, kept
                probe.provider_id, probe.state = values["provider_id"], "deleted"
                probe.password_hash, probe.declared_user_type = (
                    old.password_hash,
                    old.declared_user_type,
                )
                return probe
    return Login(call.site.logins.take_id(), 0, created_at=call.now, **values)


def _check(call: Call, login: Login, given: Params, pseudonym: Params) -> None:
    user_fields: dict[str, Any] = {}
    login_fields: dict[str, Any] = {}
    try:
        check_login(call.site, login)
    except Invalid as error:
        login_fields |= error.fields
    try:
        if password := pseudonym.filled("password"):
            check_password(call.site.settings, password)
    except Invalid as error:
        login_fields |= error.fields
    try:
        if zone := given.filled("time_zone"):
            check_zone(zone)
        if locale := given.filled("locale"):
            check_locale(call, locale)
    except Invalid as error:
        user_fields |= error.fields
    if login_fields:
        wrong = {"attribute": "pseudonyms", "type": "invalid", "message": "is invalid"}
        user_fields["pseudonyms"] = [wrong]
    if user_fields or login_fields:
        errors = {"user": user_fields, "pseudonym": login_fields, "observee": {}}
        raise CanvasError(400, {"errors": {**errors, "pairing_code": {}, "recaptcha": None}})


def _fill(user: User, given: Params) -> None:
    for name in ("short_name", "sortable_name"):
        if value := given.filled(name):
            setattr(user, name, value)
    user.time_zone = read_zone(given.filled("time_zone")) or user.time_zone
    user.locale = given.filled("locale") or user.locale


def _add_address(
    call: Call, user: User, login: Login, channel: Params, revived_silently: bool
) -> None:
    site = call.site
    confirmed = channel.flag("skip_confirmation")
    if revived_silently and confirmed:
        rows = [row for row in site.channels.find("user_id", user.id) if row.kind == "email"]
        if rows:
            add_channel(site, user.id, max(rows, key=lambda row: row.id).address, active=True)
    address = channel.text("address")
    if address is None:
        address = login.unique_id
    if is_email(address):
        add_channel(site, user.id, address, active=confirmed)
