"""Bodies: what a client's message leads to in a target, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.base import Collection
from connectors.mapping import Resource
from gateway.targets import Target
from schemas.changes import apply_patch, check
from schemas.errors import ScimError, invalid_syntax
from schemas.filters import parse_path
from schemas.messages import load_resource, refuse_two_primary

Held = tuple[Resource, tuple[str, ...]]
"""A resource as the target can hold it, and the names of what it cannot."""


def held(target: Target, collection: Collection, body: Any) -> Held:
    """Return what a message of a whole resource says. Raises ScimError 400."""
    strict = target.settings.strict
    resource, unknown = load_resource(collection.mapping.full, body, strict=strict)
    # Before the target takes only one of them.
    refuse_two_primary(resource)
    return _fitted(target, collection, resource, unknown, {})


def completed(collection: Collection, resource: Resource) -> Resource:
    """Return a new resource with its defaults. Raises ScimError 400 for one that cannot be."""
    resource = collection.mapping.with_defaults(resource)
    check(collection.mapping.resource_type, resource)
    return resource


def patched(target: Target, collection: Collection, before: Resource, operations: Any) -> Held:
    """Return what the operations of a PATCH make of a resource. Raises ScimError 400."""
    mapping, strict = collection.mapping, target.settings.strict
    resource, unknown = apply_patch(mapping.full, before, operations, strict=strict)
    fitted, ignored = _fitted(target, collection, resource, unknown, before)
    mapping.refuse_removal(before, fitted)
    return mapping.patched(before, fitted), ignored


def _fitted(
    target: Target,
    collection: Collection,
    resource: Resource,
    unknown: Iterable[str],
    before: Resource,
) -> Held:
    """Return what the target can hold; a strict one refuses the rest. Raises ScimError 400."""
    fitted, unheld = collection.mapping.fit(resource)
    ignored = [name for name in unheld if not _is_as_before(collection, name, before, resource)]
    if ignored and target.settings.strict:
        raise invalid_syntax(f"This target does not hold: {', '.join(sorted(ignored))}.")
    return fitted, tuple(dict.fromkeys([*ignored, *unknown]))


def _is_as_before(collection: Collection, name: str, before: Resource, resource: Resource) -> bool:
    """Tell whether the client left an attribute as it was that it cannot change anyway."""
    if not before:
        return False
    try:
        path = parse_path(name, collection.mapping.full)
    except ScimError:
        return False
    return list(path.values(before)) == list(path.values(resource))
