"""What is about to be written, what it would change, and what is known when it has ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from schemas.filters import And, Compare, Filter, attribute_names

_VALUE_FILTER = re.compile(r'\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\]')


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One changed attribute as text; the caller has blanked what is secret."""

    path: str | None
    native: str | None = None
    op: str | None = None
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be written, by whom, and what it would change.

    `resource_id` is None for a create; `target` is "" for what is about the gateway itself.
    `lookup` is JSON text with what is needed to find the resource again when the outcome is
    unknown; it is not shown in SCIM.
    """

    target: str
    operation: str
    resource_type: str
    resource_id: str | None = None
    login: str | None = None
    changes: tuple[ChangeRecord, ...] = ()
    ignored: tuple[str, ...] = ()
    actor: str | None = None
    client_address: str | None = None
    client: str | None = None
    request_id: str | None = None
    configuration: str | None = None
    lookup: str | None = None


class Known(TypedDict, total=False):
    """What is known at the end of a write, besides its outcome.

    `changes` replace those of the intent; `duration` is in milliseconds.
    """

    status: int | None
    detail: str | None
    resource_id: str | None
    changes: Sequence[ChangeRecord] | None
    upstream_calls: int
    duration: float


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """An event whose outcome is not known yet (`open`) or could not be told (`unknown`)."""

    sequence: int
    time: datetime
    outcome: str
    intent: Intent


def unfiltered(path: str) -> str:
    """Return a path without the filters in it, which hold values: whose address, which member."""
    return _VALUE_FILTER.sub("", path)


def login_in(node: Filter | None) -> str | None:
    """Return the login that a filter looks for, None when it does not ask for one."""
    match node:
        case Compare(path, "eq", str() as value) if path.leaf.name in ("login", "userName"):
            return value
        case And(terms):
            return next(filter(None, map(login_in, terms)), None)
    return None


def names_in(node: Filter | None) -> str | None:
    """Return what a filter asks about: attributes only, for its values may be personal."""
    return ", ".join(sorted(set(attribute_names(node)))) or None
