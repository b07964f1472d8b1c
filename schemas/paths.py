"""Resolved attribute paths (RFC 7644 section 3.10) and how to read a resource along one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.attributes import Attribute, ResourceType, Schema

if TYPE_CHECKING:
    from schemas.filters import Filter


def shown_text(text: str) -> str:
    """Return a client's text in quotes as an error message can hold it: short and printable."""
    return repr(text if len(text) <= 80 else text[:77] + "...")


@dataclass(frozen=True, slots=True)
class Path:
    """A resolved path: extension URN ("" for core and common), attribute, sub-attribute, filter.

    `name` is empty when the path is a whole extension. `where` is the filter of a value path
    such as `emails[type eq "work"].value`. Two paths are equal when their names and filters are.
    """

    urn: str
    name: str
    sub: str | None = None
    where: Filter | None = None
    attribute: Attribute = field(kw_only=True, compare=False, repr=False)
    sub_attribute: Attribute | None = field(default=None, kw_only=True, compare=False, repr=False)

    def __str__(self) -> str:
        text = ":".join(part for part in (self.urn, self.name) if part)
        if self.where is not None:
            text += f"[{self.where}]"
        return f"{text}.{self.sub}" if self.sub else text

    @property
    def leaf(self) -> Attribute:
        """Return the attribute at the end of the path."""
        return self.sub_attribute or self.attribute

    @property
    def secret(self) -> bool:
        """Tell whether values at the path must never be shown, logged or kept."""
        return self.attribute.secret or self.leaf.secret

    @property
    def whole(self) -> Path:
        """Return the path of the whole attribute, without sub-attribute and filter."""
        return Path(self.urn, self.name, attribute=self.attribute)

    def values(self, resource: dict[str, Any]) -> Iterator[Any]:
        """Yield every value that the resource has at the path; `where` is not looked at."""
        holder = resource.get(self.urn) if self.urn else resource
        value = holder.get(self.name) if isinstance(holder, dict) else None
        for item in value if isinstance(value, list) else (value,):
            if item is None:
                continue
            if self.sub is None:
                yield item
            elif isinstance(item, dict) and (leaf := item.get(self.sub)) is not None:
                if isinstance(leaf, list):
                    yield from leaf
                else:
                    yield leaf


def attribute_path(resource_type: ResourceType, urn: str, dotted: str) -> Path | None:
    """Return the path of a standard name, or None; `urn` is "" where none was written.

    A core URN qualifies core names. A bare name that the core lacks is looked up in the
    extensions, so that `department` and `studentId` can be written without their URN.
    """
    name, _, sub = dotted.partition(".")
    if urn:
        if urn.lower() == resource_type.schema.urn.lower():
            return _within(resource_type.find(name), "", sub)
        extension = resource_type.extension(urn)
        return _within(extension.find(name), extension.urn, sub) if extension else None
    if found := resource_type.find(name):
        return _within(found, "", sub)
    for extension in resource_type.extensions:
        if found := extension.find(name):
            return _within(found, extension.urn, sub)
    return None


def extension_path(extension: Schema) -> Path:
    """Return the path of a whole extension, whose attributes act as sub-attributes."""
    holder = Attribute(extension.urn, "complex", sub_attributes=extension.attributes)
    return Path(extension.urn, "", attribute=holder)


def _within(attribute: Attribute | None, urn: str, sub: str) -> Path | None:
    if attribute is None:
        return None
    if not sub:
        return Path(urn, attribute.name, attribute=attribute)
    found = attribute.sub(sub)
    if found is None:
        return None
    return Path(urn, attribute.name, found.name, attribute=attribute, sub_attribute=found)
