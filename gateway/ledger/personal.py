"""The personal values of one event: encrypted as one, with the salt of their commitments."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.ledger.records import SALT_LENGTH
from gateway.tables import cleaned

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Personal:
    """What an event says about a person: texts by name, and those of each change.

    `values` may have login, detail and lookup; each of `changes` may have path, old and new, path
    only where a value stands in it.
    """

    salt: bytes
    values: dict[str, str]
    changes: tuple[dict[str, str], ...] = ()

    def sealed(self, key: bytes) -> bytes:
        """Return the values encrypted (AES-256-GCM) with a key of 32 bytes."""
        content: dict[str, Any] = {"salt": self.salt.hex(), **self.values}
        if any(self.changes):
            content["changes"] = self.changes
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, orjson.dumps(content), None)


def new_salt() -> bytes:
    """Return a salt for the commitments of one event."""
    return secrets.token_bytes(SALT_LENGTH)


def texts(given: dict[str, Any]) -> dict[str, str]:
    """Return what is there of the texts, as every database can hold it."""
    return {name: cleaned(text) for name, text in given.items() if text is not None}


def opened(sealed: bytes | None, key: bytes | None) -> Personal | None:
    """Return the values, or None when they or their key are gone. Raises ValueError: tampered."""
    if sealed is None or key is None:
        return None
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except InvalidTag:
        raise ValueError("The personal values of an event were tampered with.") from None
    content = orjson.loads(plain)
    salt, made = bytes.fromhex(content.pop("salt")), content.pop("changes", ())
    return Personal(salt, content, tuple(made))
