"""A rehearsal: a ticket that leads nowhere, and what would have been sent with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from connectors.ticket import Ticket, demand

_SECRET = re.compile(r"passw|token|secret|accesscode", re.IGNORECASE)
_BLANKED = "(secret)"
_MADE = "0"
"""The id of what a rehearsal makes."""


@dataclass(frozen=True, slots=True)
class NativeCall:
    """A call as it would have been sent; `body` is without the values of secrets."""

    method: str
    path: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class Rehearsal(Ticket):
    """A ticket with which nothing is written: calls that write end here and are noted."""

    sequence: int = 0
    calls: list[NativeCall] = field(default_factory=list)

    def take(self, method: str, path: str, content: bytes | None) -> bytes:
        """Note a call; return what an LMS might answer: what it was sent, and an id."""
        body = _decoded(content)
        self.calls.append(NativeCall(method, path, _blanked(body)))
        return orjson.dumps({"id": _MADE, **body} if isinstance(body, dict) else body)


class Rehearsed(Exception):
    """A rehearsal has come to the end of what can be known without the LMS's answer."""


def carry_out_here(ticket: Ticket, call: str) -> None:
    """Demand the ticket of a write that this process carries out itself.

    Raises Rehearsed, once it is noted, when the ticket leads nowhere.
    """
    demand(ticket)
    if isinstance(ticket, Rehearsal):
        ticket.take("", call, None)
        raise Rehearsed


def _decoded(content: bytes | None) -> Any:
    if not content:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))


def _blanked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _BLANKED if _SECRET.search(name) else _blanked(item)
            for name, item in value.items()
        }
    return [_blanked(item) for item in value] if isinstance(value, list) else value
