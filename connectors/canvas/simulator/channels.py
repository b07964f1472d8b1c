"""Communication channels of users."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.addresses import (
    add_channel,
    is_email,
    retire_channel,
    seek_channel,
)
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import invalid, not_found
from connectors.canvas.simulator.ids import find_user, read_number
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.records import Channel, User

_KINDS = ("email", "sms", "push")


def show_channel(channel: Channel) -> Json:
    """Return a channel as answers show it."""
    return {
        "id": channel.id,
        "address": channel.address,
        "type": channel.kind,
        "position": channel.position,
        "user_id": channel.user_id,
        "workflow_state": channel.state,
        "created_at": write_time(channel.created_at),
    }


def list_channels(call: Call, slot: str) -> Answer:
    """Return a user's channels by position."""
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.READ_EMAILS, permissions.MANAGE_DETAILS)
    return answer_page(call, call.site.channels_of(user.id), show_channel)


def create_channel(call: Call, slot: str) -> Answer:
    """Append an address to a user's."""
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.MANAGE_DETAILS)
    given = call.params.sub("communication_channel")
    address, kind = given.text("address") or "", given.text("type") or "email"
    if kind not in _KINDS:
        raise invalid("path_type", "inclusion", "is not included in the list")
    if kind == "email" and not is_email(address):
        raise invalid("path", "not_email")
    found = seek_channel(call.site, user.id, address, kind)
    if found is not None and found.state != "retired":
        raise invalid("path", "unique!")
    active = call.params.flag("skip_confirmation")
    return Answer(show_channel(add_channel(call.site, user.id, address, kind, active)))


def delete_channel(call: Call, slot: str, channel_slot: str) -> Answer:
    """Take a channel from a user by its number."""
    user = find_user(call, slot)
    channel = call.site.channels.get(read_number(channel_slot) or 0)
    return _delete(call, user, channel)


def delete_address(call: Call, slot: str, kind: str, address: str) -> Answer:
    """Take a channel from a user by its type and address."""
    user = find_user(call, slot)
    return _delete(call, user, seek_channel(call.site, user.id, address, kind))


def _delete(call: Call, user: User, channel: Channel | None) -> Answer:
    if channel is None or channel.user_id != user.id or channel.state == "retired":
        raise not_found()
    if user.id != call.caller.id:
        call.require(permissions.MANAGE_DETAILS)
    retire_channel(call.site, channel)
    return Answer(show_channel(channel))
