"""Versions of resources, and what a request demands of them (RFC 7644 section 3.14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from connectors.mapping import Mapping
from schemas.errors import ScimError

Resource = dict[str, Any]


OF_OTHERS = frozenset(("groups",))
"""What other resources say of this one: a new member does not make another version of a user."""


def version_of(mapping: Mapping, resource: Resource) -> str | None:
    """Return the weak entity tag of what a resource shows by itself; None when not all is read.

    Lists of objects have no order; that of plain lists counts: the first role is the primary.
    A costly attribute that was looked at and has no value is there as None. Call it before
    anything is added to what the LMS says.
    """
    if not (mapping.whole <= resource.keys() or mapping.whole <= _all_names(resource)):
        return None
    said = {
        name: _unordered(value) if type(value) is list and len(value) > 1 else value
        for name, value in without_empty(resource).items()
        if name not in OF_OTHERS
    }
    for name, asked in mapping.costly.items():
        if asked:
            _leave_out(said, name)
    text = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return f'W/"{blake2b(text, digest_size=12).hexdigest()}"'


def without_empty(resource: Resource) -> Resource:
    """Return a resource without what has no value, in its extensions as well."""
    said = {}
    for name, value in resource.items():
        if ":" in name:
            value = {inner: held for inner, held in value.items() if held is not None}
        if value is not None and value != [] and value != {}:
            said[name] = value
    return said


def _all_names(resource: Resource) -> set[str]:
    """Return the names of all attributes, those in extensions included."""
    inner = (name for urn, held in resource.items() if ":" in urn for name in held)
    return {*resource, *inner}


def _unordered(values: list[Any]) -> list[Any]:
    if not isinstance(values[0], dict):
        return values
    return sorted(values, key=lambda value: orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def _leave_out(said: Resource, name: str) -> None:
    name, _, sub = name.partition(".")
    for urn, held in list(said.items()):
        if ":" in urn and name in held:
            said[urn] = {k: v for k, v in held.items() if k != name}
            if not said[urn]:
                del said[urn]
    if not sub:
        said.pop(name, None)
    elif name in said:
        said[name] = [{k: v for k, v in item.items() if k != sub} for item in said[name]]


@dataclass(frozen=True, slots=True)
class Condition:
    """The versions that a request accepts and those that it does not; `*` is any.

    None means that the request says nothing of it.
    """

    match: tuple[str, ...] | None = None
    none_match: tuple[str, ...] | None = None

    @property
    def is_set(self) -> bool:
        """Tell whether there is anything to compare."""
        return self.match is not None or self.none_match is not None

    def is_known(self, version: str) -> bool:
        """Tell whether a reader has this version already (If-None-Match)."""
        return self.none_match is not None and _names(self.none_match, version)

    def check(self, version: str) -> None:
        """Raise 412 when a write must not change this version."""
        if self.match is not None and not _names(self.match, version):
            raise ScimError(412, f"The resource has changed: its version is {version}.")
        if self.is_known(version):
            raise ScimError(412, f"The resource has the version {version}.")


ANY = Condition()


def entity_tags(header: str | None) -> tuple[str, ...] | None:
    """Return the entity tags of an If-Match or If-None-Match header, None when there is none.

    >>> entity_tags('W/"a", "b"')
    ('W/"a"', '"b"')
    """
    if header is None or not header.strip():
        return None
    return tuple(tag.strip() for tag in header.split(",") if tag.strip())


def _names(tags: Iterable[str], version: str) -> bool:
    """Tell whether the tags name the version; SCIM's are weak and compared as such."""
    wanted = _opaque(version)
    return any(tag == "*" or _opaque(tag) == wanted for tag in tags)


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')
