"""The section `[security]` of the configuration: keys, limits, and whose tokens are trusted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.references import ConfigurationError, expanded, secret

SCOPE = re.compile(r"admin|[a-z]+:(read|write)")
"""What a scope of ours looks like."""

_ALGORITHMS = frozenset(
    "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split()
)
"""Signatures by a private key: with a shared secret whoever can check a token could make one."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues JSON web tokens that are taken here, and what they allow.

    `jwks` is a URL or `file:PATH`. `scopes` translates the words of the claim `scope_claim` into
    scopes of ours, `grant` is given to every token, `targets` are those it is good for.
    """

    name: str
    issuer: str
    audience: tuple[str, ...]
    jwks: str
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    scope_claim: str = "scope"
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    grant: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("all",)
    actor_claim: str = "sub"
    leeway: int = 30
    allow_private_network: bool = False


@dataclass(frozen=True, slots=True)
class Security:
    """Keys for what is stored encrypted, newest first; limits (0 is none); issuers of tokens.

    `failed_authentications` a minute are allowed to one address, `requests_per_minute` to a token.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    failed_authentications: int = 20
    requests_per_minute: int = 0
    issuers: tuple[Issuer, ...] = ()


def parse_security(table: dict[str, Any], folder: Path, *, clear: bool) -> Security:
    """Return the section's settings. Raises ConfigurationError."""
    known = ("keys", "failed_authentications", "requests_per_minute", "issuers")
    if unknown := table.keys() - set(known):
        raise ConfigurationError(f"unknown entry security.{min(unknown)}")
    keys, issuers = table.get("keys", []), table.get("issuers", {})
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ConfigurationError("security.keys must be a list of texts")
    if not isinstance(issuers, dict):
        raise ConfigurationError("security.issuers must be a table")
    return Security(
        keys=tuple(secret(key, "security.keys", folder, clear=clear) for key in keys),
        issuers=tuple(_issuer(name, entry, folder) for name, entry in issuers.items()),
        **{name: _number(table[name], f"security.{name}") for name in known[1:3] if name in table},
    )


def _issuer(name: str, entry: Any, folder: Path) -> Issuer:
    where = f"security.issuers.{name}"
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where} must be a table")
    given: dict[str, Any] = {}
    for key, value in entry.items():
        if key not in _READ:
            raise ConfigurationError(f"unknown entry {where}.{key}")
        given[key] = _READ[key](value, f"{where}.{key}")
    for key in ("issuer", "audience", "jwks"):
        if not given.get(key):
            raise ConfigurationError(f"{where} needs {key}")
    if given["jwks"].startswith("file:"):
        given["jwks"] = f"file:{(folder / given['jwks'].removeprefix('file:')).resolve()}"
    return Issuer(name, **given)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"{where} must be a text")
    return expanded(value, where)


def _words(value: Any, where: str) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ConfigurationError(f"{where} must be a text or a list of texts")
    return tuple(expanded(word, where) for word in words)


def _scopes(value: Any, where: str) -> tuple[str, ...]:
    words = _words(value, where)
    if wrong := [word for word in words if not SCOPE.fullmatch(word)]:
        raise ConfigurationError(f"{where}: {wrong[0]!r} is no scope: admin, users:read and so on")
    return words


def _translations(value: Any, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{where} must be a table")
    return {word: _scopes(scopes, f"{where}.{word}") for word, scopes in value.items()}


def _algorithms(value: Any, where: str) -> tuple[str, ...]:
    words = _words(value, where)
    if wrong := [word for word in words if word not in _ALGORITHMS]:
        raise ConfigurationError(f"{where}: {wrong[0]!r} is not a signature by a private key")
    return words


def _number(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{where} must be a whole number, 0 or more")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{where} must be true or false")
    return value


_READ: dict[str, Callable[[Any, str], Any]] = {
    "issuer": _text,
    "audience": _words,
    "jwks": _text,
    "algorithms": _algorithms,
    "scope_claim": _text,
    "scopes": _translations,
    "grant": _scopes,
    "targets": _words,
    "actor_claim": _text,
    "leeway": _number,
    "allow_private_network": _flag,
}
