"""Passwords: set, cleared, or a message by which a person sets one."""

from __future__ import annotations

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.errors import refused
from connectors.brightspace.simulator.records import Mail
from connectors.brightspace.simulator.shapes import FLAG, TEXT, check
from connectors.brightspace.simulator.site import Site

RESET_BODY_SINCE = (1, 50)


def check_password(site: Site, password: str) -> None:
    """Refuse a password that the tenant's policy, which nobody can read, does not accept."""
    if len(password) < site.settings.password_length:
        raise refused("The password does not meet the requirements.")


def set_password(call: Call, user_id: int) -> Answer:
    """Set a password."""
    user = call.user(user_id)
    block = {"Password": TEXT, "ForcePasswordReset": FLAG}
    body = check(call.read(), block, optional=("ForcePasswordReset",))
    check_password(call.site, body["Password"])
    call.site.set_password(user, body["Password"])
    user.must_reset = body.get("ForcePasswordReset", False)
    return DONE


def send_reset(call: Call, user_id: int) -> Answer:
    """Send the message for setting a password anew; older versions take no body."""
    user = call.user(user_id)
    if call.version >= RESET_BODY_SINCE:
        check(call.read(), {"ForcePasswordReset": FLAG})
    if not user.email:
        raise refused("The user has no e-mail address.")
    if call.version >= RESET_BODY_SINCE:
        user.must_reset = call.read()["ForcePasswordReset"]
    call.site.mails.append(Mail("reset", user.id, user.email))
    return DONE


def clear_password(call: Call, user_id: int) -> Answer:
    """Leave an account without a password."""
    call.site.set_password(call.user(user_id), "")
    return DONE
