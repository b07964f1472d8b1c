"""Scopes of the form `group:resource:action`, where a part of a granted one may be `*`."""

from __future__ import annotations

CORE = "core:*:*"
"""The scope of the routes that have, or once had, none of their own."""

EVERY_SCOPE = " ".join(
    (
        CORE,
        "accountsettings:*:*",
        "attributes:*:*",
        "enrollment:*:*",
        "grades:*:*",
        "groups:*:*",
        "organizations:*:*",
        "orgunits:*:*",
        "role:*:*",
        "sections:*:*",
        "sessions:*:*",
        "users:*:*",
    )
)


def covers(granted: str, wanted: str) -> bool:
    """Tell whether one of the granted scopes, separated by spaces, includes the wanted one."""
    parts = wanted.split(":")
    return any(_includes(scope.split(":"), parts) for scope in granted.split())


def _includes(granted: list[str], wanted: list[str]) -> bool:
    return len(granted) == len(wanted) and all(
        mine in ("*", part) for mine, part in zip(granted, wanted, strict=True)
    )
