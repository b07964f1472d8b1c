"""What a stream sends of an event: which events it wants, and in which form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.streams.configuration import StreamSettings
from gateway.streams.ocsf import ocsf
from gateway.streams.security_events import MEDIA_TYPE, SetSigner, claims, is_provisioning

Event = dict[str, Any]
Feed = Callable[[int, int], list[tuple[int, Event]]]
"""Gives the events after a leaf of the ledger, up to so many, each with its leaf.

An event is given with its last leaf only: one that a later leaf amends is left out.
"""


@dataclass(frozen=True, slots=True)
class Message:
    """An event as the receiver gets it; `id` is the same however often it is sent."""

    id: str
    content_type: str
    body: bytes


Render = Callable[[int, Event], Message]


def wanted(stream: StreamSettings, event: Event) -> bool:
    """Tell whether an event is for this stream."""
    return (
        (not stream.targets or event.get("target") in stream.targets)
        and (not stream.operations or event["operation"] in stream.operations)
        and (stream.format != "set" or is_provisioning(event))
    )


def event_at(feed: Feed, leaf: int) -> Event | None:
    """Return the event of a leaf, None when a later leaf has amended it."""
    found = feed(leaf - 1, 1)
    return found[0][1] if found and found[0][0] == leaf else None


def renderer(stream: StreamSettings, public_url: str, signer: SetSigner) -> Render:
    """Return the function that makes the message of a leaf and its event."""

    def of_set(leaf: int, event: Event) -> Message:
        id = message_id(stream, leaf, event)
        said = claims(event, public_url, id, stream.audience)
        return Message(id, MEDIA_TYPE, signer.sign(said).encode())

    def of_json(leaf: int, event: Event) -> Message:
        said = ocsf(event) if stream.format == "ocsf" else event
        return Message(message_id(stream, leaf, event), "application/json", orjson.dumps(said))

    return of_set if stream.format == "set" else of_json


def message_id(stream: StreamSettings, leaf: int, event: Event) -> str:
    """Return the id of a message: the stream, the leaf, and the moment of the event.

    With the moment it stays unique when a new database begins to count its leaves anew.
    """
    return f"{stream.name}:{leaf}:{''.join(filter(str.isdecimal, event['time']))}"


def leaf_of(stream: StreamSettings, id: str) -> int | None:
    """Return the leaf of a message of this stream, None when the id is none of it."""
    name, _, rest = id.partition(":")
    leaf = rest.partition(":")[0]
    is_ours = name == stream.name and leaf.isascii() and leaf.isdecimal() and len(leaf) < 19
    return int(leaf) if is_ours else None
