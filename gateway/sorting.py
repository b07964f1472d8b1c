"""The order of results (RFC 7644 section 3.4.2.3)."""

from __future__ import annotations

from typing import Any

from schemas.match import comparable, compile_filter, is_present
from schemas.paths import Path

Resource = dict[str, Any]


def sorted_by(path: Path, descending: bool, resources: list[Resource]) -> list[Resource]:
    """Return the resources in order; those without value come last, and first when descending.

    Of several values the primary one counts, else the first that is assigned (RFC 7644 section
    3.4.2.3).
    """
    if path.sub is None and path.attribute.type == "complex":
        value = path.attribute.sub("value")
        if value is not None:
            path = Path(path.urn, path.name, "value", attribute=path.attribute, sub_attribute=value)
    with_value: list[tuple[Any, Resource]] = []
    without: list[Resource] = []
    for resource in resources:
        key = _sort_key(path, resource)
        if key is None or isinstance(key, dict):
            without.append(resource)
        else:
            with_value.append((key, resource))
    with_value.sort(key=lambda pair: pair[0], reverse=descending)
    ordered = [resource for _, resource in with_value]
    return without + ordered if descending else ordered + without


def _sort_key(path: Path, resource: Resource) -> Any:
    holder = resource.get(path.urn, {}) if path.urn else resource
    held = holder.get(path.name)
    if path.where is not None and isinstance(held, list):
        holds = compile_filter(path.where)
        held = [item for item in held if holds(item if isinstance(item, dict) else {"value": item})]
        if not held:
            return None
    if isinstance(held, list) and held and isinstance(held[0], dict):
        valued = [item for item in held if path.sub is None or is_present(item.get(path.sub))]
        chosen = next((item for item in held if item.get("primary")), (valued or held)[0])
        resource = {path.urn: {path.name: [chosen]}} if path.urn else {path.name: [chosen]}
    value = next(path.values(resource), None)
    return None if value is None else comparable(path.leaf, value)
