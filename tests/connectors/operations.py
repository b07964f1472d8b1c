"""What the gateway does with a collection, for tests: creates, changes, reads and finds."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.planning import plan
from schemas.changes import check, diff
from schemas.filters import parse_filter
from schemas.match import compile_filter


def create(collection: Collection, resource: Resource) -> Resource:
    """Create a resource: fitted, with defaults, checked."""
    mapping = collection.mapping
    fitted = mapping.with_defaults(mapping.fit(deepcopy(resource))[0])
    check(mapping.resource_type, fitted)
    return collection.create(fitted)


def replace(collection: Collection, before: Resource, wanted: Resource) -> Resource:
    """Replace a resource: fitted, carried over, checked, sent where it differs."""
    mapping = collection.mapping
    fitted, _ = mapping.fit(deepcopy(wanted))
    after = mapping.carry_over(before, mapping.patched(before, fitted))
    check(mapping.resource_type, after, before=before, patched=True)
    changes = diff(mapping.resource_type, before, after)
    return collection.update(before, after, changes) if changes else before


def change(collection: Collection, before: Resource, /, **values: Any) -> Resource:
    """Change some values of a resource."""
    return replace(collection, before, {**before, **values})


def read(collection: Collection, id: str) -> Resource:
    """Return a resource that is there, with what costs calls of its own and can be written."""
    held = collection.get(id)
    assert held is not None
    collection.complete([held], collection.mapping.kept)
    return held


def found(collection: Collection, text: str | None = None) -> list[Resource]:
    """Return what the native calls of a filter give."""
    mapping = collection.mapping
    planned = plan(parse_filter(text, mapping.full) if text else None, mapping)
    return [resource for batch in collection.search(planned) for resource in batch]


def matching(collection: Collection, text: str) -> list[Resource]:
    """Return the resources that fulfil a filter."""
    holds = compile_filter(parse_filter(text, collection.mapping.full))
    return [resource for resource in found(collection, text) if holds(resource)]
