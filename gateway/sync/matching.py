"""Matching: which accounts of a target have which keys, by look-ups or by reading them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import Collection
from connectors.mapping import Mapping, Resource
from connectors.planning import MAX_BRANCHES, MAX_KEYS, MAX_LOOKUPS, Plan, plan
from schemas.filters import Compare, Filter, Or
from schemas.match import comparable
from schemas.paths import Path

PAGE = 100
"""How many resources a call of a list gives, as far as costs are compared."""

Key = tuple[Any, ...]


def keys_of(paths: Sequence[Path], resource: Resource) -> list[Key]:
    """Return the keys by which a resource is known: one for each value where it has several."""
    if len(paths) == 1:
        path = paths[0]
        values = path.values(resource)
        return [(comparable(path.leaf, value),) for value in dict.fromkeys(values)]
    found = [next(iter(path.values(resource)), None) for path in paths]
    if None in found:
        return []
    return [tuple(comparable(p.leaf, v) for p, v in zip(paths, found, strict=True))]


def key_of(paths: Sequence[Path], values: dict[Path, Any]) -> Key | None:
    """Return the key that a record has, None when a part is missing."""
    found = [values.get(path) for path in paths]
    if any(value is None or isinstance(value, list | dict) for value in found):
        return None
    return tuple(comparable(p.leaf, v) for p, v in zip(paths, found, strict=True))


def at_once(mapping: Mapping, path: Path) -> int:
    """Return how many keys one query can look for, 0 when none can: everything is read then."""
    planned = _planned(mapping, path, ("0", "1"))
    if planned.branches is None:
        return 0
    if not planned.is_lookup:
        return MAX_BRANCHES
    return MAX_KEYS if len(planned.branches) == 1 else MAX_LOOKUPS


def calls_for(mapping: Mapping, path: Path, number: int) -> float:
    """Return what looking for so many keys costs, in calls; infinite when none can be."""
    most = at_once(mapping, path)
    if not most:
        return float("inf")
    calls = -(-number // most) if most == MAX_KEYS else number
    return calls + number / PAGE


def look_up(collection: Collection, path: Path, values: Iterable[Any]) -> Iterator[Resource]:
    """Yield resources that have one of the values at the path, among others."""
    wanted = list(dict.fromkeys(values))
    if path.name == "id" and collection.can_fetch:
        yield from collection.fetch(wanted)
        return
    most = at_once(collection.mapping, path) or max(1, len(wanted))
    for first in range(0, len(wanted), most):
        planned = _planned(collection.mapping, path, wanted[first : first + most])
        for batch in collection.search(planned):
            yield from batch


def walk(collection: Collection) -> Iterator[Sequence[Resource]]:
    """Yield all resources in batches."""
    return collection.stream(plan(None, collection.mapping))


def _planned(mapping: Mapping, path: Path, values: Sequence[Any]) -> Plan:
    # Any value of a list may be the one: the type says what it is for, not whose it is.
    anywhere = replace(path, where=None)
    terms = tuple(Compare(anywhere, "eq", value) for value in values)
    node: Filter = terms[0] if len(terms) == 1 else Or(terms)
    return plan(node, mapping)
