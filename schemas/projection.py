"""Which attributes of a resource are shown (RFC 7644 section 3.9, `returned` of RFC 7643)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.attributes import ResourceType
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.paths import Path

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Projection:
    """The `attributes` or `excludedAttributes` of a request; both empty means the default."""

    included: tuple[Path, ...] = ()
    excluded: tuple[Path, ...] = ()
    restricted: bool = False

    def wants(self, name: str) -> bool:
        """Tell whether the attribute of that name (of core or of an extension) will be shown."""
        if self.restricted:
            return any(path.name in (name, "") for path in self.included)
        return not any(path.name == name and path.sub is None for path in self.excluded)


DEFAULT = Projection()


@lru_cache(maxsize=256)
def _hidden(resource_type: ResourceType) -> tuple[tuple[str, str, str], ...]:
    """Return (URN, name, sub-attribute or "") of what only some requests see, or none."""
    return tuple(
        (urn, attribute.name, "" if part is attribute else part.name)
        for urn, attribute in resource_type.attributes()
        for part in (attribute, *attribute.sub_attributes)
        if part.returned in ("never", "request")
    )


def _without_hidden(resource_type: ResourceType, resource: Resource) -> Resource:
    for urn, name, sub in _hidden(resource_type):
        holder = resource.get(urn) if urn else resource
        if holder is None or name not in holder:
            continue
        if not sub:
            del holder[name]
            if urn and not holder:
                del resource[urn]
                resource["schemas"] = [held for held in resource["schemas"] if held != urn]
            continue
        held = holder[name]
        for item in held if isinstance(held, list) else (held,):
            item.pop(sub, None)
    return resource


def parse_projection(
    resource_type: ResourceType, attributes: Iterable[str], excluded: Iterable[str]
) -> Projection:
    """Return the projection of the two lists of names; unknown names show or hide nothing.

    Raises 400 invalidValue when both are given: they exclude each other.
    """
    attributes, excluded = list(attributes), list(excluded)
    if not attributes and not excluded:
        return DEFAULT
    if attributes and excluded:
        raise ScimError(
            400, "attributes and excludedAttributes exclude each other.", "invalidValue"
        )
    return Projection(
        tuple(_known(resource_type, attributes)),
        tuple(_known(resource_type, excluded)),
        bool(attributes),
    )


def project(projection: Projection, resource_type: ResourceType, resource: Resource) -> Resource:
    """Return what is shown of a resource: what is always returned stays, secrets never show.

    The given resource is used up: its parts may be changed.
    """
    if projection is DEFAULT:
        return _without_hidden(resource_type, resource)
    shown: Resource = {}
    for name, value in resource.items():
        extension = resource_type.extension(name) if ":" in name else None
        if extension is None:
            attribute = resource_type.find(name)
            returned = attribute.returned if attribute else "default"
            kept = _kept(projection, "", name, value, returned)
        else:
            kept = {}
            for inner, item in value.items():
                found = extension.find(inner)
                returned = found.returned if found else "default"
                if (part := _kept(projection, name, inner, item, returned)) is not None:
                    kept[inner] = part
        if kept is not None and kept not in ({}, []):
            shown[name] = kept
    return shown


def _kept(projection: Projection, urn: str, name: str, value: Any, returned: str) -> Any:
    if returned == "never":
        return None
    if returned == "always":
        return value
    if projection.restricted:
        paths = [p for p in projection.included if p.urn == urn and p.name in (name, "")]
        subs = {path.sub for path in paths}
        return value if None in subs else _subs(value, lambda sub: sub in subs) if subs else None
    if returned == "request":
        return None
    hidden = {p.sub for p in projection.excluded if p.urn == urn and p.name in (name, "")}
    return None if None in hidden else _subs(value, lambda sub: sub not in hidden)


def _subs(value: Any, shows: Any) -> Any:
    if isinstance(value, list):
        return [item for item in (_subs(item, shows) for item in value) if item != {}]
    if isinstance(value, dict):
        return {sub: item for sub, item in value.items() if shows(sub)}
    return value


def _known(resource_type: ResourceType, names: Iterable[str]) -> Iterable[Path]:
    for name in names:
        try:
            yield parse_path(name.strip(), resource_type)
        except ScimError:
            continue
