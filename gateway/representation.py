"""How a resource is shown: schemas, meta and references added (RFC 7643 section 3.1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from connectors.mapping import Mapping
from gateway.versions import version_of, without_empty
from schemas.attributes import ResourceType

Resource = dict[str, Any]

REFERRING = {"members": "Users", "groups": "Groups"}
"""The attributes whose values are known to exist, and the endpoint of what they point at."""


def represent(mapping: Mapping, resource: Resource, base: str) -> Resource:
    """Return the resource with `schemas`, `meta` and `$ref`; `base` is the target's base URL."""
    resource_type = mapping.resource_type
    urns = [resource_type.schema.urn]
    said = without_empty(resource)
    urns.extend(e.urn for e in resource_type.extensions if e.urn in said)
    shown: Resource = {"schemas": urns, **said}
    for name, endpoint in _references(resource_type):
        if name in shown:
            shown[name] = [_referring(item, endpoint, base) for item in shown[name]]
    shown["meta"] = {
        "resourceType": resource_type.name,
        **resource.get("meta", {}),
        "location": f"{base}/{resource_type.endpoint}/{resource['id']}",
    }
    if (version := version_of(mapping, resource)) is not None:
        shown["meta"]["version"] = version
    return shown


def _referring(item: Resource, endpoint: str, base: str) -> Resource:
    if "value" not in item:
        return item
    at = "Groups" if item.get("type") == "Group" else endpoint
    return {**item, "$ref": f"{base}/{at}/{item['value']}"}


@lru_cache(maxsize=64)
def _references(resource_type: ResourceType) -> tuple[tuple[str, str], ...]:
    """Return (attribute, endpoint) of the lists whose values point at other resources."""
    names = (attribute.name for attribute in resource_type.schema.attributes)
    return tuple((name, REFERRING[name]) for name in names if name in REFERRING)
