"""How a resource is shown: schemas, meta and references added (RFC 7643 section 3.1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from schemas.attributes import ResourceType

Resource = dict[str, Any]

REFERRING = {"members": "Users", "groups": "Groups"}
"""The attributes whose values are known to exist, and the endpoint of what they point at."""


def represent(resource_type: ResourceType, resource: Resource, base: str) -> Resource:
    """Return the resource with `schemas`, `meta` and `$ref`; `base` is the target's base URL.

    The given resource is used up: its parts may be changed.
    """
    for urn, name, endpoint in _references(resource_type):
        holder = resource.get(urn) if urn else resource
        if holder and (value := holder.get(name)):
            for item in value if isinstance(value, list) else (value,):
                if "value" in item:
                    item["$ref"] = f"{base}/{endpoint}/{item['value']}"
    urns = [resource_type.schema.urn]
    urns.extend(e.urn for e in resource_type.extensions if resource.get(e.urn))
    shown: Resource = {"schemas": urns}
    for name, value in resource.items():
        if value != [] and value != {}:
            shown[name] = value
    shown["meta"] = {
        "resourceType": resource_type.name,
        **resource.get("meta", {}),
        "location": f"{base}/{resource_type.endpoint}/{resource['id']}",
    }
    return shown


@lru_cache(maxsize=64)
def _references(resource_type: ResourceType) -> tuple[tuple[str, str, str], ...]:
    """Return (URN, attribute, endpoint) of the attributes that point at other resources."""
    return tuple(
        (urn, attribute.name, REFERRING[attribute.name])
        for urn, attribute in resource_type.attributes()
        if attribute.name in REFERRING
    )
