"""Bearer tokens: made and shown once, kept as a hash only, checked on every request."""

from __future__ import annotations

import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from time import monotonic
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, or_, select, update
from sqlalchemy.engine import Connection

from gateway.database import Database, now
from gateway.tables import tokens
from schemas.errors import InvalidToken

TRUST_SECONDS = 0.5
"""How long a worker trusts what it last read of a token: a revoked one stops within this time."""

_MADE = re.compile(r"mtr_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}")
_LENGTHS = range(8, 513)
_LETTERS = string.ascii_letters + string.digits
_CACHED = 1024

_LIVE = tokens.c.revoked.is_(None)
_BY_PREFIX = select(tokens).where(tokens.c.prefix == bindparam("wanted"), _LIVE)


@dataclass(frozen=True, slots=True)
class Token:
    """What a token may do: its scopes on its targets, until it expires."""

    prefix: str
    name: str
    targets: tuple[str, ...]
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None = None

    def allows(self, target: str, scope: str) -> bool:
        """Tell whether the token has the scope, or `admin`, on the target."""
        return ("all" in self.targets or target in self.targets) and (
            scope in self.scopes or "admin" in self.scopes
        )

    def expired(self) -> bool:
        """Tell whether the token's time is over."""
        return self.expires is not None and self.expires <= now()


class Tokens:
    """The tokens of all targets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._trusted: dict[bytes, tuple[float, Token]] = {}

    def create(
        self,
        name: str,
        targets: Iterable[str],
        scopes: Iterable[str],
        expires: datetime | None = None,
    ) -> str:
        """Make a token of 256 random bits and return its text, which cannot be had again.

        `targets` are names of targets or "all".
        """
        text = new_text()
        self.add(text, name, targets, scopes, expires)
        return text

    def add(
        self,
        text: str,
        name: str,
        targets: Iterable[str],
        scopes: Iterable[str],
        expires: datetime | None = None,
    ) -> None:
        """Keep a token whose text somebody else chose; the same text again replaces it.

        Raises ValueError for a text that is too short or too long, and for unusable names.
        """
        with self._database.write() as connection:
            keep(connection, text, name, targets, scopes, expires)
        self._trusted.clear()

    def verify(self, text: str) -> Token:
        """Return the token of that text. Raises InvalidToken: unknown, expired or revoked."""
        token = None
        if len(text) in _LENGTHS:
            digest = _hash(text)
            trusted = self._trusted.get(digest)
            if trusted is None or trusted[0] < monotonic():
                token = self._read(text, digest)
            else:
                token = trusted[1]
        if token is None or token.expired():
            raise InvalidToken("The token is unknown, has expired or was revoked.")
        return token

    def has_accepted(self, text: str) -> bool:
        """Tell whether this process has accepted the token before."""
        return _hash(text) in self._trusted

    def list(self) -> tuple[Token, ...]:
        """Return the tokens that are not revoked, oldest first."""
        with self._database.single() as connection:
            rows = connection.execute(select(tokens).where(_LIVE).order_by(tokens.c.created))
            return tuple(map(_token, rows.all()))

    def of(self, prefix: str) -> Token | None:
        """Return the token of that prefix, None when there is none or it was revoked."""
        with self._database.single() as connection:
            row = connection.execute(_BY_PREFIX, {"wanted": prefix}).first()
        return None if row is None else _token(row)

    def revoke(self, prefix_or_name: str) -> int:
        """Revoke the tokens of that prefix or name and return how many there were."""
        with self._database.write() as connection:
            revoked = revoke(connection, prefix_or_name)
        self._trusted.clear()
        return revoked

    def _read(self, text: str, digest: bytes) -> Token | None:
        read = monotonic()
        with self._database.single() as connection:
            row = connection.execute(_BY_PREFIX, {"wanted": prefix_of(text)}).first()
        if row is None or not hmac.compare_digest(bytes.fromhex(row.sha256), digest):
            self._trusted.pop(digest, None)
            return None
        if len(self._trusted) >= _CACHED:
            self._trusted.clear()
        token = _token(row)
        self._trusted[digest] = read + TRUST_SECONDS, token
        return token


def new_text() -> str:
    """Return the text of a new token: a public prefix and 256 random bits."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"mtr_{prefix}_{secrets.token_urlsafe(32)}"


def keep(
    connection: Connection,
    text: str,
    name: str,
    targets: Iterable[str],
    scopes: Iterable[str],
    expires: datetime | None,
) -> None:
    """Keep a token in a transaction, as `Tokens.add` does. Raises ValueError."""
    if len(text) not in _LENGTHS:
        raise ValueError("A token has 8 to 512 characters.")
    values = {
        "prefix": prefix_of(text),
        "sha256": _hash(text).hex(),
        "name": name,
        "targets": _words(targets),
        "scopes": _words(scopes),
        "created": now(),
        "expires": expires,
    }
    connection.execute(delete(tokens).where(tokens.c.sha256 == values["sha256"]))
    connection.execute(insert(tokens), values)


def revoke(connection: Connection, prefix_or_name: str) -> int:
    """Revoke the tokens of that prefix or name in a transaction; return how many there were."""
    chosen = or_(tokens.c.prefix == prefix_or_name, tokens.c.name == prefix_or_name)
    return connection.execute(update(tokens).where(chosen, _LIVE).values(revoked=now())).rowcount


def prefix_of(text: str) -> str:
    """Return the public part of a token, or for one made elsewhere the begin of its hash."""
    made = _MADE.fullmatch(text)
    return made[1] if made else _hash(text).hex()[:8]


def _hash(text: str) -> bytes:
    return sha256(text.encode("utf-8", "backslashreplace")).digest()


def _words(names: Iterable[str]) -> str:
    words = tuple(names)
    if not words or any(not word or word.split() != [word] for word in words):
        raise ValueError("Targets and scopes are lists of names without spaces.")
    return " ".join(words)


def _token(row: Row[Any]) -> Token:
    return Token(
        row.prefix,
        row.name,
        tuple(row.targets.split()),
        tuple(row.scopes.split()),
        row.created,
        row.expires,
    )
