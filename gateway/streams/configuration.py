"""The sections `[streams.NAME]` of the configuration: who gets which events, how, in which form."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.references import ConfigurationError, referenced, secret
from schemas.audit_event import OPERATIONS

KINDS = ("webhook", "poll")
FORMATS = ("set", "ocsf", "event")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SECRETS = ("secret", "token")


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """One stream: to a `webhook` of the receiver, or kept until the receiver does `poll` it.

    `format` is set (RFC 8417), ocsf or event (as /AuditEvents shows it). `secret` is the key of
    the signature over a webhook's body, `token` the bearer token that the receiver demands, and
    `audience` the claim `aud`. Empty `targets` and `operations` mean all of them. A webhook is
    tried `attempts` times, `timeout` seconds each; while `max_pending` deliveries wait, no
    further events are taken.
    """

    name: str
    kind: str
    format: str = "set"
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    audience: str = ""
    targets: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    attempts: int = 12
    timeout: float = 10.0
    max_pending: int = 10_000
    allow_private_network: bool = False


_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("kind", "format", "url", "secret", "token", "audience"), str),
    **dict.fromkeys(("targets", "operations"), list),
    **dict.fromkeys(("attempts", "max_pending"), int),
    "timeout": (int, float),
    "allow_private_network": bool,
}


def parse_streams(
    table: dict[str, Any], folder: Path, targets: Collection[str], public_url: str, *, clear: bool
) -> dict[str, StreamSettings]:
    """Return the streams of the section `[streams]` by name. Raises ConfigurationError."""
    streams = {name: _stream(name, entry, folder, clear) for name, entry in table.items()}
    for name, stream in streams.items():
        _check(f"streams.{name}", stream, targets)
        if stream.format == "set" and not public_url:
            raise ConfigurationError(f"streams.{name} needs server.public_url: it is the issuer")
    return streams


def _stream(name: str, entry: Any, folder: Path, clear: bool) -> StreamSettings:
    where = f"streams.{name}"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{where}: a stream's name has lower-case letters, digits, - _")
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where} must be a table")
    given: dict[str, Any] = {}
    for key, value in entry.items():
        if key not in _TYPES:
            raise ConfigurationError(f"unknown entry {where}.{key}")
        given[key] = _value(value, key, f"{where}.{key}", folder, clear)
    if "kind" not in given:
        raise ConfigurationError(f"{where} needs a kind: {' or '.join(KINDS)}")
    return StreamSettings(name, **given)


def _value(value: Any, key: str, where: str, folder: Path, clear: bool) -> Any:
    kind = _TYPES[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigurationError(f"{where} is of the wrong type")
    if isinstance(value, list):
        if not all(isinstance(word, str) for word in value):
            raise ConfigurationError(f"{where} must be a list of texts")
        return tuple(value)
    if not isinstance(value, str):
        return value
    if key in _SECRETS:
        return secret(value, where, folder, clear=clear)
    return referenced(value, where, folder)


def _check(where: str, stream: StreamSettings, targets: Collection[str]) -> None:
    choices = (
        ("kind", (stream.kind,), KINDS),
        ("format", (stream.format,), FORMATS if stream.kind == "webhook" else ("set",)),
        ("targets", stream.targets, tuple(targets)),
        ("operations", stream.operations, OPERATIONS),
    )
    for key, chosen, known in choices:
        if unknown := [word for word in chosen if word not in known]:
            raise ConfigurationError(
                f"{where}.{key}: {unknown[0]!r} is none of {', '.join(known) or 'them'}"
            )
    for key in ("attempts", "timeout", "max_pending"):
        if getattr(stream, key) <= 0:
            raise ConfigurationError(f"{where}.{key} must be positive")
    if stream.kind == "webhook":
        _check_webhook(where, stream)
    elif stream.url or stream.secret or stream.token:
        raise ConfigurationError(f"{where}: url, secret and token are for webhooks")


def _check_webhook(where: str, stream: StreamSettings) -> None:
    parts = urlsplit(stream.url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        # The value is not repeated: the path of a webhook may be all that keeps it secret.
        raise ConfigurationError(f"{where} needs the url of the receiver, https://...")
    if stream.format != "set" and not stream.secret:
        raise ConfigurationError(f"{where} needs a secret, the key of its signature")
