"""How a resource is shown: schemas, meta and references added (RFC 7643 section 3.1)."""

from __future__ import annotations

from typing import Any

from schemas.attributes import Attribute, ResourceType

Resource = dict[str, Any]

ENDPOINTS = {"User": "Users", "Group": "Groups"}


def represent(resource_type: ResourceType, resource: Resource, base: str) -> Resource:
    """Return the resource with `schemas`, `meta` and `$ref`; `base` is the target's base URL.

    The given resource is used up: its parts may be changed.
    """
    urns = [resource_type.schema.urn]
    urns.extend(e.urn for e in resource_type.extensions if resource.get(e.urn))
    for attribute in resource_type.schema.attributes:
        if attribute.type == "complex" and attribute.name in resource:
            _add_references(attribute, resource[attribute.name], base)
    for extension in resource_type.extensions:
        held = resource.get(extension.urn) or {}
        for attribute in extension.attributes:
            if attribute.type == "complex" and attribute.name in held:
                _add_references(attribute, held[attribute.name], base)
    shown: Resource = {"schemas": urns}
    shown.update((name, value) for name, value in resource.items() if value not in ([], {}))
    shown["meta"] = {
        "resourceType": resource_type.name,
        **resource.get("meta", {}),
        "location": f"{base}/{resource_type.endpoint}/{resource['id']}",
    }
    return shown


def _add_references(attribute: Attribute, value: Any, base: str) -> None:
    reference = attribute.sub("$ref")
    if reference is None or not reference.reference_types:
        return
    endpoint = ENDPOINTS[reference.reference_types[0]]
    for item in value if isinstance(value, list) else (value,):
        if "value" in item:
            item["$ref"] = f"{base}/{endpoint}/{item['value']}"
