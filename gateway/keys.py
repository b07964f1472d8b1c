"""What identifies a resource: for people, for finding it again, and what no two may share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from schemas.changes import Change

Resource = dict[str, Any]


def login_of(resource: Resource) -> str | None:
    """Return the name by which people know the resource."""
    return resource.get("userName") or resource.get("displayName")


def lookup_of(resource: Resource) -> str:
    """Return what finds the resource again after a crash."""
    keys = ("userName", "externalId", "displayName")
    return orjson.dumps({key: resource[key] for key in keys if key in resource}).decode()


def unique_values(resource: Resource) -> Iterator[str]:
    """Yield the values by which a resource is known, which nobody else may take meanwhile."""
    for name in ("userName", "externalId"):
        if isinstance(resource.get(name), str):
            yield resource[name]
    for email in resource.get("emails", ()):
        if isinstance(email.get("value"), str):
            yield email["value"]
    if "userName" not in resource and isinstance(resource.get("displayName"), str):
        # The name of a group is not unique, but it is by it that an unfinished create is found.
        yield resource["displayName"]


def changed_values(changes: Iterable[Change]) -> Resource:
    """Return the changed values that no two accounts may share."""
    values: Resource = {}
    for change in changes:
        if change.path.name in ("userName", "externalId"):
            values[change.path.name] = change.new
        elif change.path.name == "emails" and isinstance(change.new, str):
            values.setdefault("emails", []).append({"value": change.new})
    return values
