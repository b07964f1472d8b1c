"""The keys of the audit log: made once, kept in the database, encrypted with the keyring."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from cryptography.fernet import InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select

from gateway.database import Database
from gateway.references import ConfigurationError
from gateway.tables import audit_keys, cleaned

KEY_BYTES = 32
DIGEST_BYTES = 16
_NAMES = ("digests", "own", "signing")
_UNWRAPPED = 4096
"""How many subjects' keys a process keeps in memory."""


class AuditKeys:
    """What finds values without showing them, what encrypts them, and what signs the ledger.

    `own` is the key for events that are about nobody. The tables must be there. Raises
    ConfigurationError when the keyring has not the key that the database was begun with.
    """

    def __init__(self, database: Database, keyring: MultiFernet) -> None:
        self._keyring = keyring
        self.unwrap = lru_cache(_UNWRAPPED)(keyring.decrypt)
        kept = _read(database) or _make(database, self.wrapped)
        try:
            self._digests, self.own, signing = (self.unwrap(kept[name]) for name in _NAMES)
        except InvalidToken:
            raise ConfigurationError(
                "No key of security.keys opens the keys of the audit log: put the key back that "
                "the database was begun with."
            ) from None
        self.signing = Ed25519PrivateKey.from_private_bytes(signing)

    def digest(self, text: str) -> bytes:
        """Return 16 bytes by which a text is found again in any letter case, but never read."""
        folded = cleaned(text.casefold()).encode()
        return hmac.digest(self._digests, folded, sha256)[:DIGEST_BYTES]

    def wrapped(self) -> bytes:
        """Return a new key of 32 random bytes, encrypted; `unwrap` gives it back."""
        return self._keyring.encrypt(secrets.token_bytes(KEY_BYTES))


def _read(database: Database) -> dict[str, bytes]:
    with database.single() as connection:
        return {row.name: row.content for row in connection.execute(select(audit_keys))}


def _make(database: Database, new: Callable[[], bytes]) -> dict[str, bytes]:
    """Make the keys, unless another process has just made them."""
    with database.lock(("make",), 10, family="audit-keys"):
        if not (kept := _read(database)):
            kept = {name: new() for name in _NAMES}
            rows = [{"name": name, "content": content} for name, content in kept.items()]
            with database.write() as connection:
                connection.execute(insert(audit_keys), rows)
        return kept
