"""Vaults in the database: a target's secret that its LMS replaces, encrypted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cryptography.fernet import InvalidToken, MultiFernet
from sqlalchemy import bindparam, delete, insert, select

from gateway.database import Database, now
from gateway.tables import secrets
from schemas.errors import ScimError

PATIENCE = 90.0
"""Seconds that one waits for the exchange of another."""

_CHANGED = select(secrets.c.time).where(secrets.c.target == bindparam("target"))
_HELD = select(secrets.c.content).where(secrets.c.target == bindparam("target"))


class DatabaseVault:
    """The vault of one target (connectors.vault): one exchange at a time over all machines."""

    def __init__(self, database: Database, keys: MultiFernet, target: str) -> None:
        self._database = database
        self._keys = keys
        self._target = target

    def read(self) -> str | None:
        """Return the text that is kept, or None. Raises 503 when no key opens it."""
        with self._database.single() as connection:
            content = connection.scalar(_HELD, {"target": self._target})
        if content is None:
            return None
        try:
            return self._keys.decrypt(content).decode()
        except InvalidToken:
            raise ScimError(
                503,
                f"No key of security.keys opens what is kept for target {self._target}. Put the "
                f"key back that it was kept with, or run `matricula connect {self._target}`.",
            ) from None

    def changed(self) -> datetime | None:
        """Return when the text was kept, or None."""
        with self._database.single() as connection:
            moment: datetime | None = connection.scalar(_CHANGED, {"target": self._target})
        return moment

    def renew(self, exchange: Callable[[str | None], str]) -> str:
        """Replace what is kept by what `exchange` makes of it, commit that and return it.

        What no key opens counts as nothing, so that a new consent heals it. Raises what `exchange`
        raises, and 503 when somebody else's takes too long.
        """
        with self._database.lock([self._target], PATIENCE, family="vaults"):
            try:
                kept = self.read()
            except ScimError:
                kept = None
            text = exchange(kept)
            content = self._keys.encrypt(text.encode())
            with self._database.write() as connection:
                connection.execute(delete(secrets).where(secrets.c.target == self._target))
                connection.execute(
                    insert(secrets).values(target=self._target, content=content, time=now())
                )
        return text
