"""Base64 that has only one form for the same bytes, so that every edit of it shows."""

from __future__ import annotations

from base64 import b64decode, b64encode


def encode(data: bytes) -> str:
    """Return bytes as standard base64 with padding (RFC 4648 section 4)."""
    return b64encode(data).decode()


def decode(text: str, length: int | None = None) -> bytes:
    """Return the bytes of what `encode` made; raise ValueError for any other text or length."""
    data = b64decode(text, validate=True)
    if encode(data) != text:
        raise ValueError("The base64 has another form than the usual one.")
    if length is not None and len(data) != length:
        raise ValueError(f"The base64 holds {len(data)} bytes, not {length}.")
    return data
