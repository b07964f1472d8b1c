"""The section `[audit]` of the configuration: the ledger, its checkpoints, how values are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.intents import unfiltered
from gateway.references import ConfigurationError, expanded, referenced
from schemas.attributes import ResourceType
from schemas.course import COURSE
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.user import USER

_DEFAULT_NAME = "matricula"
POLICIES = ("encrypted", "hash", "omit")
_NAME = re.compile(r"[^\s+\x00-\x1f]{1,200}")
_TYPES: tuple[ResourceType, ...] = (USER, GROUP, COURSE, MEMBERSHIP)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How the audit log is kept.

    `name` is the ledger's: the origin of its checkpoints and the name of its key. `checkpoints`
    is a directory that they are written to, `webhook` a URL that they are posted to. `values` says
    of attributes, by path without brackets, that their values are not encrypted but only found
    again (`hash`), or not kept (`omit`).
    """

    name: str = _DEFAULT_NAME
    checkpoints: Path | None = None
    webhook: str = field(default="", repr=False)
    allow_private_network: bool = False
    values: dict[str, str] = field(default_factory=dict)


def parse_audit(table: dict[str, Any], folder: Path) -> AuditSettings:
    """Return the section's settings. Raises ConfigurationError."""
    known = {"name": str, "checkpoints": str, "webhook": str, "allow_private_network": bool}
    known |= {"values": dict}
    for key, value in table.items():
        if key not in known:
            raise ConfigurationError(f"unknown entry audit.{key}")
        if not isinstance(value, known[key]):
            raise ConfigurationError(f"audit.{key} is of the wrong type")
    name = expanded(table.get("name", _DEFAULT_NAME), "audit.name")
    if not _NAME.fullmatch(name):
        raise ConfigurationError("audit.name has no spaces and no plus signs")
    webhook = referenced(table.get("webhook", ""), "audit.webhook", folder)
    parts = urlsplit(webhook)
    if webhook and (parts.scheme not in ("https", "http") or not parts.netloc):
        raise ConfigurationError("audit.webhook is no URL: https://...")
    checkpoints = expanded(table.get("checkpoints", ""), "audit.checkpoints")
    return AuditSettings(
        name=name,
        checkpoints=(folder / checkpoints).resolve() if checkpoints else None,
        webhook=webhook,
        allow_private_network=table.get("allow_private_network", False),
        values=_values(table.get("values", {})),
    )


def _values(table: dict[str, Any]) -> dict[str, str]:
    values = {}
    for written, policy in table.items():
        where = f"audit.values.{written}"
        if policy not in POLICIES:
            raise ConfigurationError(f"{where} must be one of {', '.join(POLICIES)}")
        path = _path(written)
        if path is None:
            raise ConfigurationError(f"{where}: no resource type has such an attribute")
        if policy != "encrypted":
            values[unfiltered(path)] = policy
    return values


def _path(written: str) -> str | None:
    for resource_type in _TYPES:
        try:
            return str(parse_path(written, resource_type))
        except ScimError:
            continue
    return None
