"""Cursors (RFC 9865): where a page goes on, as a text that only this gateway can read."""

from __future__ import annotations

from hashlib import blake2b
from time import time
from typing import Any

import orjson
from cryptography.fernet import InvalidToken, MultiFernet

from gateway.query import Query
from schemas.errors import ScimError

CURSOR_SECONDS = 600
"""How long a cursor is good for; each page brings a new one."""

Place = list[Any]
"""Where a page begins, in whatever words who reads the page has for it."""


class Cursors:
    """Writes cursors and reads them again; they are encrypted, for places may hold ids."""

    def __init__(self, keyring: MultiFernet) -> None:
        self._keyring = keyring

    def write(self, query: str, count: int, place: Place) -> str:
        """Return the cursor of a place in the results of a query, of URL-safe characters only."""
        held = orjson.dumps([int(time()), _digest(query), count, place])
        return self._keyring.encrypt(held).decode().rstrip("=")

    def place(self, query: Query, key: str) -> tuple[int, Place | None]:
        """Return the page size of a query by cursor, and the place where its page begins."""
        count = None if query.count is None else query.limit
        return self.read(query.cursor, key, count) if query.cursor else (query.limit, None)

    def read(self, text: str, query: str, count: int | None) -> tuple[int, Place]:
        """Return the page size and the place of a cursor of that query.

        Raises 400 invalidCursor, expiredCursor, or invalidCount when the page size has changed.
        """
        try:
            held = self._keyring.decrypt((text + "=" * (-len(text) % 4)).encode())
        except (InvalidToken, ValueError):
            raise _refused("invalidCursor", "The cursor is not one of this service.") from None
        issued, digest, size, place = orjson.loads(held)
        if digest != _digest(query):
            raise _refused("invalidCursor", "The cursor belongs to another query.")
        if issued + CURSOR_SECONDS < time():
            raise expired()
        if count is not None and count != size:
            raise _refused("invalidCount", f"count must stay what it was: {size}.")
        return size, place


def expired() -> ScimError:
    """Return 400 expiredCursor: the results have to be asked for anew."""
    detail = f"The cursor has expired: ask for the next page within {CURSOR_SECONDS} seconds."
    return _refused("expiredCursor", detail)


def _refused(scim_type: str, detail: str) -> ScimError:
    return ScimError(400, detail, scim_type)


def _digest(query: str) -> str:
    return blake2b(query.encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()
