"""Which attributes of a resource are shown (RFC 7644 section 3.9, `returned` of RFC 7643)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.attributes import Attribute, ResourceType
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.paths import Path

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Projection:
    """The `attributes` or `excludedAttributes` of a request; both empty means the default.

    `said` are attributes that the request has written: its answer shows them even when they are
    returned on request only (RFC 7643 section 7).
    """

    included: tuple[Path, ...] = ()
    excluded: tuple[Path, ...] = ()
    restricted: bool = False
    said: frozenset[str] = frozenset()

    def wants(self, name: str, *, asked: bool = False) -> bool:
        """Tell whether `members`, of core or an extension, or `members.display` will be shown.

        `asked`: it is shown only when it is asked for by its name.
        """
        name, _, sub = name.partition(".")
        if asked:
            return any(p.name == name and (not sub or p.sub == sub) for p in self.included)
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


def on_request(resource_type: ResourceType, resource: Resource) -> frozenset[str]:
    """Return the names of what a resource has that is returned on request only."""
    return frozenset(
        name
        for urn, name, sub in _hidden(resource_type)
        if not sub and name in ((resource.get(urn) or {}) if urn else resource)
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
            kept = _kept(projection, "", name, resource_type.find(name), value)
        else:
            parts = {n: _kept(projection, name, n, extension.find(n), v) for n, v in value.items()}
            kept = {n: part for n, part in parts.items() if part is not None}
        if kept is not None and kept not in ({}, []):
            shown[name] = kept
    if "schemas" in shown:
        gone = {e.urn for e in resource_type.extensions} - shown.keys()
        shown["schemas"] = [urn for urn in shown["schemas"] if urn not in gone]
    return shown


def _kept(
    projection: Projection, urn: str, name: str, attribute: Attribute | None, value: Any
) -> Any:
    """Return what is shown of an attribute, None for nothing."""
    returned = attribute.returned if attribute else "default"
    if returned == "never":
        return None
    named = projection.included if projection.restricted else projection.excluded
    subs = {path.sub for path in named if path.urn == urn and path.name in (name, "")}
    whole = None in subs
    if returned != "always":
        if projection.restricted and not subs:
            return None
        hidden = returned == "request" and name not in projection.said
        if not projection.restricted and (whole or hidden):
            return None
    every = whole or (returned == "always" and not subs)

    def shows(sub: str) -> bool:
        found = attribute.sub(sub) if attribute else None
        wish = found.returned if found else "default"
        if wish in ("always", "never"):
            return wish == "always"
        if projection.restricted:
            return sub in subs or (every and wish == "default")
        return wish == "default" and sub not in subs

    return _subs(value, shows)


def _subs(value: Any, shows: Callable[[str], bool]) -> Any:
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
