"""What a request body may hold: the check of its properties, and the merge into an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.blackboard.simulator.errors import bad_request
from connectors.blackboard.simulator.settings import Settings, Version
from connectors.simulation.clock import read_date, write_date

Kind = Literal["text", "choice", "date", "day", "number", "flag", "texts", "object"]
_CLEARABLE = ("text", "date", "day", "number", "texts")
_MAX_INT = 2**31


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a body; `since` is the first release that takes it."""

    kind: Kind = "text"
    longest: int | None = None
    choices: tuple[str, ...] = ()
    parts: Mapping[str, Property] = field(default_factory=dict)
    required: bool = False
    create_only: bool = False
    since: Version = (0,)


Shape = Mapping[str, Property]


def text(longest: int | None = None, since: Version = (0,)) -> Property:
    """Return an optional text."""
    return Property(longest=longest, since=since)


def choice(*choices: str, create_only: bool = False, since: Version = (0,)) -> Property:
    """Return an enumeration."""
    return Property("choice", choices=choices, create_only=create_only, since=since)


def parts(required: bool = False, since: Version = (0,), /, **members: Property) -> Property:
    """Return an object with members."""
    return Property("object", parts=members, required=required, since=since)


def read_body(
    shape: Shape, given: Mapping[str, Any], settings: Settings, creating: bool, path: str = ""
) -> dict[str, Any]:
    """Return the checked properties of a body; None stands for a value to clear."""
    taken: dict[str, Any] = {}
    for name, value in given.items():
        rule = shape.get(name)
        usable = rule is not None and settings.version >= rule.since
        if rule is None or not usable or (rule.create_only and not creating):
            if settings.unknown_properties == "reject":
                raise bad_request(f"Unrecognized field: {path}{name}")
            continue
        taken[name] = _read(rule, value, settings, creating, f"{path}{name}")
    for name, rule in shape.items():
        if rule.required and creating and name not in taken:
            if rule.kind == "object":
                read_body(rule.parts, {}, settings, creating, f"{path}{name}.")
            raise bad_request(f"Required field missing: {path}{name}")
    return taken


def _read(rule: Property, value: Any, settings: Settings, creating: bool, path: str) -> Any:
    if rule.kind == "object":
        if value is None:
            value = {name: None for name, part in rule.parts.items() if part.kind in _CLEARABLE}
        if not isinstance(value, dict):
            raise bad_request(f"Invalid value for {path}")
        return read_body(rule.parts, value, settings, creating, f"{path}.")
    if value is None or (value == "" and rule.kind == "text"):
        if rule.required:
            raise bad_request(f"Required field missing: {path}")
        if rule.kind not in _CLEARABLE:
            raise bad_request(f"Invalid value for {path}")
        return None
    return _read_scalar(rule, value, path)


def _read_scalar(rule: Property, value: Any, path: str) -> Any:
    good = False
    match rule.kind:
        case "text":
            good = isinstance(value, str) and "\x00" not in value
        case "choice":
            good = value in rule.choices
        case "number":
            good = type(value) is int and -_MAX_INT <= value < _MAX_INT
        case "flag":
            good = isinstance(value, bool)
        case "texts":
            good = isinstance(value, list) and all(isinstance(one, str) for one in value)
        case "date" | "day":
            value = _read_moment(value, path, rule.kind == "day")
            good = True
    if not good:
        raise bad_request(f"Invalid value for {path}")
    if rule.longest and len(value) > rule.longest:
        raise bad_request(f"{path} may not exceed {rule.longest} characters")
    return value


def _read_moment(value: Any, path: str, day_only: bool) -> str:
    try:
        if day_only:
            return write_date(read_date(value[:10]))
        return write_date(read_date(value))
    except (TypeError, ValueError, OverflowError, OSError):
        raise bad_request(f"Invalid value for {path}") from None


def merge(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Merge checked properties into an object: objects member by member, lists as a whole."""
    for name, value in changes.items():
        if isinstance(value, dict):
            inner = dict(target.get(name) or {})
            merge(inner, value)
            target[name] = inner
        elif value is None:
            target.pop(name, None)
        else:
            target[name] = value


def value_at(body: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path, or None."""
    value: Any = body
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
