"""What identifies a resource, for people and for finding it again, and what a write names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import orjson

from schemas.attributes import ResourceType
from schemas.changes import Change
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.group import LMS_GROUP
from schemas.messages import Operation, load_patch

Resource = dict[str, Any]


def login_of(resource_type: ResourceType, resource: Resource) -> str | None:
    """Return the name by which people know the resource: a course's code, a user's login name."""
    values = [resource.get(name) for name in resource_type.key]
    return "/".join(map(str, values)) if values and all(values) else None


def lookup_of(resource_type: ResourceType, resource: Resource) -> str:
    """Return what finds the resource again after a crash, as JSON; a group by its course too."""
    keys = (*resource_type.key, "externalId")
    known = {key: resource[key] for key in keys if key in resource}
    if course := resource.get(LMS_GROUP, {}).get("courseId"):
        known[LMS_GROUP] = {"courseId": course}
    return orjson.dumps(known).decode()


def unique_values(resource_type: ResourceType, resource: Resource) -> Iterator[str]:
    """Yield the values by which a resource is known, which nobody else may take meanwhile.

    The name of a group is not unique, but it is by it that an unfinished create is found.
    """
    if login := login_of(resource_type, resource):
        yield login
    if isinstance(resource.get("externalId"), str):
        yield resource["externalId"]
    for email in resource.get("emails", ()):
        if isinstance(email.get("value"), str):
            yield email["value"]


def changed_values(resource_type: ResourceType, changes: Iterable[Change]) -> Resource:
    """Return the changed values that no two resources may share."""
    values: Resource = {}
    for change in changes:
        if change.path.name in (*resource_type.key, "externalId"):
            values[change.path.name] = change.new
        elif change.path.name == "emails" and isinstance(change.new, str):
            values.setdefault("emails", []).append({"value": change.new})
    return values


def names_in(value: Any) -> set[str]:
    """Return the names in an object, and in the objects of its extensions."""
    if not isinstance(value, dict):
        return set()
    inner = (held for key, held in value.items() if ":" in str(key) and isinstance(held, dict))
    return {*map(str, value), *(str(name) for held in inner for name in held)}


def said_by(resource_type: ResourceType, operations: Iterable[Operation]) -> frozenset[str]:
    """Return the names of the attributes that a PATCH is about, by whatever names it uses."""
    said = (names_in(op.value) if op.path is None else {op.path} for op in operations)
    return _resolved(resource_type, set().union(*said))


def said_in(resource_type: ResourceType, body: Any) -> frozenset[str]:
    """Return the names of the attributes that the body of a write is about."""
    if any(name.lower() == "operations" for name in names_in(body)):
        return said_by(resource_type, load_patch(body))
    return _resolved(resource_type, names_in(body))


def _resolved(resource_type: ResourceType, names: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        with suppress(ScimError):
            found.add(parse_path(name, resource_type).name)
    return frozenset(found)
