"""What the gateway does with a collection, for tests: creates, changes, reads and finds."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from connectors.base import Collection
from connectors.many import outcome_of
from connectors.mapping import Resource
from connectors.planning import plan
from connectors.ticket import Ticket
from schemas.changes import Change, check, diff
from schemas.filters import parse_filter
from schemas.match import compile_filter

TICKET = Ticket(0)
"""What every write of a test shows; no audit log has given it."""


def fitted(collection: Collection, resource: Resource) -> Resource:
    """Return a new resource as it is sent: fitted, with defaults, checked."""
    mapping = collection.mapping
    new = mapping.with_defaults(mapping.fit(deepcopy(resource))[0])
    check(mapping.resource_type, new)
    return new


def changed(
    collection: Collection, before: Resource, wanted: Resource
) -> tuple[Resource, tuple[Change, ...]]:
    """Return a resource as it shall be, fitted, carried over and checked, and what differs."""
    mapping = collection.mapping
    after = mapping.carry_over(before, mapping.patched(before, mapping.fit(deepcopy(wanted))[0]))
    check(mapping.resource_type, after, before=before, patched=True)
    return after, diff(mapping.resource_type, before, after)


def create(collection: Collection, resource: Resource) -> Resource:
    """Create a resource."""
    return collection.create(TICKET, fitted(collection, resource))


def replace(collection: Collection, before: Resource, wanted: Resource) -> Resource:
    """Replace a resource where it differs."""
    after, changes = changed(collection, before, wanted)
    return collection.update(TICKET, before, after, changes) if changes else before


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


Changed = list[tuple[Resource, Resource]]
"""Resources as they are and as they shall be."""


def create_many(collection: Collection, resources: list[Resource]) -> Sequence[Any]:
    """Create resources, which are fitted, in as few calls as possible; return the outcomes."""
    return collection.create_many([(TICKET, resource) for resource in resources])


def create_singly(collection: Collection, resources: list[Resource]) -> Sequence[Any]:
    """Create resources, which are fitted, one by one; return the outcomes."""
    return [outcome_of(collection.create, TICKET, resource) for resource in resources]


def update_many(collection: Collection, pairs: Changed) -> Sequence[Any]:
    """Change resources in as few calls as possible; return the outcomes."""
    return collection.update_many([_update(collection, *pair) for pair in pairs])


def update_singly(collection: Collection, pairs: Changed) -> Sequence[Any]:
    """Change resources one by one; return the outcomes."""
    return [outcome_of(collection.update, *_update(collection, *pair)) for pair in pairs]


def delete_many(collection: Collection, ids: list[str]) -> Sequence[Any]:
    """Delete resources in as few calls as possible; return the outcomes."""
    return collection.delete_many([(TICKET, id) for id in ids])


def delete_singly(collection: Collection, ids: list[str]) -> Sequence[Any]:
    """Delete resources one by one; return the outcomes."""
    return [outcome_of(collection.delete, TICKET, id) for id in ids]


def _update(collection: Collection, before: Resource, wanted: Resource) -> Any:
    after, changes = changed(collection, before, wanted)
    return TICKET, before, after, changes
