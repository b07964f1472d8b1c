"""Ids at the root have their target's name before them, in resources and in filters: `moodle:5`.

A filter of the root becomes a filter of one target by partial evaluation: what it says of the
target is known, and what it says of ids is said without the name. The law: the filter of a target
holds for a resource when the root's filter holds for the resource as the root shows it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from schemas.attributes import ResourceType
from schemas.course import COURSE
from schemas.filters import (
    EVERYTHING,
    NOTHING,
    And,
    Compare,
    Filter,
    Not,
    Or,
    Present,
    Where,
    any_of,
    conjunction,
)
from schemas.group import GROUP
from schemas.match import COMPARISONS, comparable, compile_filter
from schemas.membership import MEMBERSHIP
from schemas.origin import ORIGIN, with_origin
from schemas.role import ROLE
from schemas.user import USER

Resource = dict[str, Any]
Place = tuple[str, str, str | None]
"""Where an id stands: extension URN or "", attribute, sub-attribute."""

TYPES = tuple(map(with_origin, (USER, GROUP, COURSE, MEMBERSHIP, ROLE)))
"""The resource types of the root."""

_SIMPLE = {
    "Group": ("courseId", "parentId"),
    "Course": ("parentId",),
    "Membership": ("userId", "courseId", "childCourseId"),
}
"""The ids of other resources that stand alone; where they have a `$ref`, the tables tell."""

_OWN_ID: Place = ("", "id", None)
_IN_BRACKETS: Place = ("", "value", None)


def prefix_of(target: str) -> str:
    """Return what the ids of a target's resources begin with."""
    return f"{target}:"


@lru_cache(maxsize=16)
def places_of(resource_type: ResourceType) -> frozenset[Place]:
    """Return where resources of a type hold ids, their own and those of others."""
    simple = _SIMPLE.get(resource_type.name, ())
    found = {_OWN_ID}
    for urn, attribute in resource_type.attributes():
        if attribute.sub("$ref"):
            found.add((urn, attribute.name, "value"))
        elif attribute.name in simple:
            found.add((urn, attribute.name, None))
    return frozenset(found)


def qualified(resource: Resource, target: str, resource_type: ResourceType) -> Resource:
    """Return a target's resource as the root has it; the given one stays as it is."""
    prefix = prefix_of(target)
    made = {**resource, **_stamp(target)}
    made["schemas"] = [*resource.get("schemas", ()), ORIGIN.urn]
    for urn, name, sub in places_of(resource_type):
        holder = made.get(urn) if urn else made
        if holder and name in holder:
            held = {name: _prefixed(holder[name], sub, prefix)}
            made |= {urn: {**holder, **held}} if urn else held
    return made


def specialised(node: Filter, target: str, resource_type: ResourceType) -> Filter:
    """Return what a filter of the root asks of one target: EVERYTHING and NOTHING are its ends."""
    return _specialised(node, prefix_of(target), _stamp(target), places_of(resource_type))


def _stamp(target: str) -> Resource:
    return {"schemas": [ORIGIN.urn], ORIGIN.urn: {"target": target}}


def _prefixed(value: Any, sub: str | None, prefix: str) -> Any:
    if isinstance(value, list):
        return [_prefixed(item, sub, prefix) for item in value]
    if isinstance(value, dict):
        return {**value, sub: _prefixed(value[sub], None, prefix)} if sub in value else value
    return prefix + value if value else value


def _specialised(node: Filter, prefix: str, stamp: Resource, ids: frozenset[Place]) -> Filter:
    match node:
        case And(terms):
            parts = [_specialised(term, prefix, stamp, ids) for term in terms]
            return NOTHING if NOTHING in parts else conjunction(*parts)
        case Or(terms):
            parts = [_specialised(term, prefix, stamp, ids) for term in terms]
            return EVERYTHING if EVERYTHING in parts else any_of(*parts)
        case Not(term):
            part = _specialised(term, prefix, stamp, ids)
            return NOTHING if part == EVERYTHING else EVERYTHING if part == NOTHING else Not(part)
        case Where(path) | Present(path) | Compare(path) if path.urn == ORIGIN.urn:
            return EVERYTHING if compile_filter(node)(stamp) else NOTHING
        case Where(path) | Present(path) | Compare(path) if path.name == "schemas":
            return EVERYTHING if compile_filter(node)(stamp) else node
        case Where(path, term):
            inside = {_IN_BRACKETS} if (path.urn, path.name, "value") in ids else set()
            part = _specialised(term, prefix, stamp, frozenset(inside))
            return NOTHING if part == NOTHING else Where(path, part)
        case Compare(path) if (path.urn, path.name, path.sub) in ids:
            return _without_prefix(node, prefix)
        case _:
            return node


def _without_prefix(node: Compare, prefix: str) -> Filter:
    """Return what holds for an id when the comparison holds for it behind the prefix."""
    path, operator = node.path, node.op
    wanted = comparable(path.leaf, node.value)
    if operator in ("co", "ew"):
        # What is wanted may also begin within the prefix, and go on with the id.
        begun = [wanted[n:] for n in range(1, len(wanted)) if prefix.endswith(wanted[:n])]
        rest = "sw" if operator == "co" else "eq"
        within = [Present(path)] if operator == "co" and wanted in prefix else []
        return any_of(node, *(Compare(path, rest, text) for text in begun), *within)
    if wanted.startswith(prefix):
        return Compare(path, operator, wanted[len(prefix) :])
    if operator == "ne":
        return EVERYTHING
    # The two differ within the prefix, which is the same for all: it decides for every id.
    return Present(path) if COMPARISONS[operator](prefix, wanted) else NOTHING
