"""Deltas: what was created, changed and deleted since the last run, told by kept digests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

import orjson

from gateway.exporting.forms import Difference
from gateway.exporting.journals import Digests
from schemas.paths import Path

Resource = dict[str, Any]

_BETWEEN = "/"
"""Stands between the parts of an attribute's name, as in a JSON Pointer: `name/givenName`."""


def digests_of(resource: Resource, salt: bytes) -> Digests:
    """Return digests of all that a resource says, by attribute; lists of objects have no order."""
    return {
        name: blake2b(_text(value), digest_size=8, key=salt).digest()
        for name, value in _leaves(resource)
    }


def difference(
    resource: Resource,
    now: Digests,
    before: Digests | None,
    *,
    whole: bool,
    always: Iterable[Path] = (),
) -> Difference | None:
    """Return how a resource differs from what it was, None when it does not.

    `before` is None for a new one. Unless the `whole` is wanted, a changed one is told by its
    changes, with the attributes that are `always` wanted, changed or not.
    """
    id = resource["id"]
    if before is None:
        return Difference("created", id, resource)
    changed = [name for name, digest in now.items() if before.get(name) != digest]
    gone = [name for name in before if name not in now]
    if not changed and not gone:
        return None
    names = tuple(_shown(name) for name in (*changed, *gone))
    if whole:
        return Difference("changed", id, resource, names)
    wanted = [name for name in now if any(_is_at(name, path) for path in always)]
    changes = merge_patch(resource, dict.fromkeys((*changed, *wanted)), gone)
    return Difference("changed", id, resource, names, changes)


def merge_patch(resource: Resource, changed: Iterable[str], gone: Iterable[str]) -> Resource:
    """Return the JSON Merge Patch (RFC 7396) that sets some attributes and removes others."""
    patch: Resource = {}
    for name in changed:
        source, target = resource, patch
        *holders, last = name.split(_BETWEEN)
        for holder in holders:
            source, target = source[holder], target.setdefault(holder, {})
        target[last] = source[last]
    for name in gone:
        source, target = resource, patch
        for part in name.split(_BETWEEN):
            if part not in source:
                target[part] = None
                break
            source, target = source[part], target.setdefault(part, {})
    return patch


def _leaves(resource: Resource, within: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in resource.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{within}{name}{_BETWEEN}")
        elif value is not None:
            yield f"{within}{name}", value


def _text(value: Any) -> bytes:
    if isinstance(value, list):
        items = [orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in value]
        return b"\n".join(sorted(items) if value and isinstance(value[0], dict) else items)
    return orjson.dumps(value)


def _shown(name: str) -> str:
    """Return an attribute's name as SCIM writes it."""
    parts = name.split(_BETWEEN)
    urn = f"{parts.pop(0)}:" if ":" in parts[0] else ""
    return urn + ".".join(parts)


def _is_at(name: str, path: Path) -> bool:
    parts = [part for part in (path.urn, path.name) if part]
    if path.sub is not None and not path.attribute.multi_valued:
        parts.append(path.sub)
    return name.split(_BETWEEN)[: len(parts)] == parts
