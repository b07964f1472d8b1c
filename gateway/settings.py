"""The configuration: one TOML file, secrets by reference, every value checked at start."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors.base import Options
from gateway.attribute_tables import as_json, read_json
from gateway.guards.configuration import GuardSettings, parse_guard
from gateway.jobs.configuration import JobSettings, parse_jobs
from gateway.ledger.configuration import AuditSettings, parse_audit
from gateway.references import (
    ConfigurationError,
    expanded,
    is_reference,
    referenced,
    secret,
)
from gateway.security import Security, parse_security
from gateway.streams.configuration import StreamSettings, parse_streams

_TARGET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_RESERVED = {"health", "ready", "metrics", "console", "scim", "integrations", "streams"}
_SECRETS = {"token", "client_secret", "refresh_token", "key", "password"}
SQLITE = "sqlite:///"
COLORS = ("none", "blue", "green", "orange", "red", "violet")
_POLICIES = {
    "delete": ("disable", "delete", "refuse"),
    "changes": ("all", "add", "remove"),
    "unknown_members": ("refuse", "ignore"),
    "mode": ("live", "shadow", "paused"),
    "color": COLORS,
}


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """One target: which connector, and the policies that hold for all connectors.

    `delete` is disable, delete or refuse; `changes` is all, add (nothing is ever removed) or
    remove (nothing is ever added); `unknown_members` of a group refuse the write, or are ignored
    and named in the audit event; `enrol_members` lets those of a course's group into the course
    first; `strict` refuses what the standard does not allow; `audit_reads` writes an event for
    every read, not only for those by people; `max_scan` is how many resources one query may read;
    `include` names the only attributes that leave the gateway, all when empty. In the `mode`
    shadow every write is only planned, and the plan kept; `guard` limits what may do harm. `label`
    is what pages for people call the target, `color` what they mark it with. `attribute_file` is
    where its attribute table comes from, None where that stands in the configuration itself.
    """

    connector: str
    options: Options = field(repr=False)
    delete: str = "disable"
    changes: str = "all"
    unknown_members: str = "refuse"
    enrol_members: bool = False
    strict: bool = False
    audit_reads: bool = False
    max_scan: int = 20_000
    include: tuple[str, ...] = ()
    mode: str = "live"
    label: str = ""
    color: str = "none"
    guard: GuardSettings = field(default_factory=GuardSettings)
    attribute_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration; `version` is a hash of it without the secrets' values.

    `plans` is the folder of what jobs have planned.
    """

    database: str = field(repr=False)
    targets: dict[str, TargetSettings] = field(default_factory=dict)
    public_url: str = ""
    version: str = ""
    security: Security = field(default_factory=Security)
    streams: dict[str, StreamSettings] = field(default_factory=dict)
    audit: AuditSettings = field(default_factory=AuditSettings)
    jobs: dict[str, JobSettings] = field(default_factory=dict)
    plans: Path = Path("plans")


_SECTIONS: dict[str, dict[str, type]] = {
    "database": {"url": str},
    "server": {"public_url": str, "plans": str},
}

_COMMON: dict[str, type | tuple[type, ...]] = {
    "connector": str,
    "url": str,
    "token": str,
    "timeout": (int, float),
    "connections": int,
    "allow_private_network": bool,
    "verify": bool,
    "attributes": (dict, str),
    "delete": str,
    "changes": str,
    "unknown_members": str,
    "enrol_members": bool,
    "strict": bool,
    "audit_reads": bool,
    "max_scan": int,
    "include": list,
    "mode": str,
    "label": str,
    "color": str,
    "guard": dict,
}


def load(path: Path) -> Settings:
    """Return the settings of a TOML file. Raises ConfigurationError."""
    try:
        content = path.read_bytes()
        table = tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    settings = parse(table, path.parent)
    return replace(settings, version=_version(content, settings.targets))


def _version(content: bytes, targets: dict[str, TargetSettings]) -> str:
    """Return a hash of the configuration and of the attribute tables that it has in files."""
    tables = (t.options.attributes for t in targets.values() if t.attribute_file is not None)
    return sha256(b"".join([content, *map(as_json, tables)])).hexdigest()[:16]


def parse(table: dict[str, Any], folder: Path) -> Settings:
    """Return the settings of a parsed configuration; relative files are below `folder`."""
    known = {*_SECTIONS, "audit", "jobs", "security", "streams", "targets", "allow_clear_secrets"}
    for name in table:
        if name not in known:
            raise ConfigurationError(f"unknown section or entry {name!r}")
    sections = {name: _section(table, name, entries) for name, entries in _SECTIONS.items()}
    clear = table.get("allow_clear_secrets", False)
    if not isinstance(clear, bool):
        raise ConfigurationError("allow_clear_secrets is true or false")
    database = sections["database"].get("url", "sqlite:///matricula.db")
    _refuse_clear_password(database, clear)
    targets = {
        name: _target(name, _resolved(entry, f"targets.{name}", folder, clear), folder)
        for name, entry in _table(table, "targets").items()
    }
    public_url = sections["server"].get("public_url", "").rstrip("/")
    streams = _table(table, "streams")
    return Settings(
        database=_database_url(expanded(database, "database.url"), folder),
        targets=targets,
        public_url=public_url,
        security=parse_security(_table(table, "security"), folder, clear=clear),
        audit=parse_audit(_table(table, "audit"), folder),
        streams=parse_streams(streams, folder, targets, public_url, clear=clear),
        jobs=parse_jobs(_table(table, "jobs"), folder, targets),
        plans=folder / sections["server"].get("plans", "plans"),
    )


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise ConfigurationError(f"{name} must be a section: [{name}]")
    return found


def _section(table: dict[str, Any], name: str, entries: dict[str, type]) -> dict[str, Any]:
    section = _table(table, name)
    for key, value in section.items():
        if key not in entries:
            raise ConfigurationError(f"unknown entry {name}.{key}")
        if not isinstance(value, entries[key]):
            raise ConfigurationError(f"{name}.{key} is of the wrong type")
    return section


def _refuse_clear_password(database: str, clear: bool) -> None:
    try:
        password = urlsplit(database).password
    except ValueError:
        raise ConfigurationError("database.url is no URL") from None
    if password and not clear and not is_reference(password):
        raise ConfigurationError(
            "database.url holds a password in clear: write it as ${NAME} (environment), "
            "or set allow_clear_secrets = true"
        )


def _target(name: str, entry: dict[str, Any], folder: Path) -> TargetSettings:
    where = f"targets.{name}"
    if not _TARGET_NAME.fullmatch(name) or name in _RESERVED:
        raise ConfigurationError(
            f"{where}: a target's name has lower-case letters, digits, - and _, "
            f"and is none of {', '.join(sorted(_RESERVED))}"
        )
    for key, kind in _COMMON.items():
        value = entry.get(key)
        wrong = value is not None and not isinstance(value, kind)
        if wrong or (isinstance(value, bool) and kind is not bool):
            shown = "the value" if key in _SECRETS else repr(value)
            raise ConfigurationError(f"{where}.{key}: {shown} is of the wrong type")
    if "connector" not in entry:
        raise ConfigurationError(f"{where} needs a connector")
    for key, allowed in _POLICIES.items():
        if entry.get(key, allowed[0]) not in allowed:
            raise ConfigurationError(f"{where}.{key} must be one of {', '.join(allowed)}")
    for key in ("timeout", "connections", "max_scan"):
        if entry.get(key, 1) <= 0:
            raise ConfigurationError(f"{where}.{key} must be positive")
    file = None
    if isinstance(named := entry.get("attributes"), str):
        file = folder / named
        entry = entry | {"attributes": _table_in(file, f"{where}.attributes")}
    options = Options(
        name=name,
        **{key: entry[key] for key in _OPTIONS if key in entry},
        more={key: value for key, value in entry.items() if key not in _COMMON},
    )
    own = (*_POLICIES, "label", "enrol_members", "strict", "audit_reads", "max_scan")
    policies = {key: entry[key] for key in own if key in entry}
    include = entry.get("include", [])
    if not all(isinstance(path, str) for path in include):
        raise ConfigurationError(f"{where}.include must be a list of attribute paths")
    guard = parse_guard(entry.get("guard", {}), f"{where}.guard")
    return TargetSettings(
        entry["connector"],
        options,
        **policies,
        include=tuple(include),
        guard=guard,
        attribute_file=file,
    )


def _table_in(file: Path, where: str) -> dict[str, Any]:
    try:
        return read_json(file)
    except OSError as error:
        raise ConfigurationError(f"{where}: {file}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from None


_OPTIONS = (
    *("url", "token", "timeout", "connections", "allow_private_network", "verify", "attributes"),
)


def _resolved(entry: Any, where: str, folder: Path, clear: bool) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where} must be a table")
    resolved: dict[str, Any] = {}
    for key, value in entry.items():
        if not isinstance(value, str):
            resolved[key] = value
            continue
        place = f"{where}.{key}"
        if key in _SECRETS:
            resolved[key] = secret(value, place, folder, clear=clear)
        elif key == "attributes":
            resolved[key] = expanded(value, place)
        else:
            resolved[key] = referenced(value, place, folder)
    return resolved


def _database_url(url: str, folder: Path) -> str:
    """Return the URL with a relative SQLite file placed beside the configuration file."""
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        return url
    path = url.removeprefix(SQLITE)
    if not url.startswith(SQLITE) or not path or path.startswith((":memory:", "file:")):
        raise ConfigurationError(
            "database.url must be a file, sqlite:///matricula.db, or postgresql+psycopg://..."
        )
    return url if path.startswith("/") else SQLITE + str((folder / path).resolve())
