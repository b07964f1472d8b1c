"""Addresses of users: which are valid, how one is added, retired and made the first."""

from __future__ import annotations

import re

from connectors.canvas.simulator.records import Channel
from connectors.canvas.simulator.site import Site

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+")


def is_email(text: str) -> bool:
    """Tell whether a text has the form of an address."""
    return len(text) <= 255 and _EMAIL.fullmatch(text) is not None


def seek_channel(site: Site, user_id: int, address: str, kind: str = "email") -> Channel | None:
    """Return a user's channel of an address, a retired one as well."""
    rows = site.channels.find("address", address)
    return next((row for row in rows if row.user_id == user_id and row.kind == kind), None)


def add_channel(
    site: Site, user_id: int, address: str, kind: str = "email", active: bool = False
) -> Channel:
    """Append an address to a user's, or take up a retired one again."""
    found = seek_channel(site, user_id, address, kind)
    if found is not None and found.state != "retired":
        if active:
            found.state = "active"
        return found
    position = len(site.channels_of(user_id)) + 1
    state = "active" if active else "unconfirmed"
    if found is None:
        made = Channel(
            site.channels.take_id(), user_id, address, kind, position, site.clock.now(), state
        )
        return site.channels.put(made)
    found.position, found.state, found.address = position, state, address
    return site.channels.put(found)


def retire_channel(site: Site, channel: Channel) -> None:
    """Take an address from a user; those behind it move up."""
    channel.state = "retired"
    _number(site.channels_of(channel.user_id))


def put_first(site: Site, user_id: int, address: str) -> None:
    """Make an address a user's first, adding it if he does not have it."""
    channel = add_channel(site, user_id, address)
    others = [row for row in site.channels_of(user_id) if row is not channel]
    _number([channel, *others])


def _number(channels: list[Channel]) -> None:
    for position, channel in enumerate(channels, 1):
        channel.position = position
