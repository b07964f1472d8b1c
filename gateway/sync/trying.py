"""Trying: whether a connector would take a write, found out without the write or its reads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from connectors.http import counted
from connectors.rehearsal import Rehearsal, Rehearsed
from schemas.errors import ScimError

_MOST = 20
"""Upstream calls that trying one kind of write may make before it is given up."""


class _Trial(Rehearsal):
    """A ticket that ends a write where it would first be sent."""

    __slots__ = ()

    def take(self, method: str, path: str, content: bytes | None) -> bytes:
        raise Rehearsed


class Trials:
    """The writes that were tried: what the connector refuses, and how many calls one takes."""

    def __init__(self) -> None:
        self._spent: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        """How many native writes the first one of each kind takes."""

    def refuse(self, kind: str, write: Callable[..., Any], *given: Any) -> None:
        """Raise the ScimError with which a connector refuses a write before it sends anything.

        `write` takes a ticket first. Where that costs reads, only the first writes are tried.
        """
        if kind not in self.calls:
            self.calls[kind] = _native_calls(write, *given)
        if self._spent.get(kind, 0) > _MOST:
            return
        with counted() as counter:
            try:
                write(_Trial(), *given)
            except Rehearsed:
                pass
            except ScimError as error:
                if error.status < 500:
                    raise
            finally:
                self._spent[kind] = self._spent.get(kind, 0) + counter.calls


def _native_calls(write: Callable[..., Any], *given: Any) -> int:
    """Return how many calls a rehearsal of a write comes to, 1 when that cannot be told."""
    ticket = Rehearsal()
    # What a connector makes of the answers that a rehearsal gives does not count.
    with suppress(Exception):
        write(ticket, *given)
    return max(1, len(ticket.calls))
