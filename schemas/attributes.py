"""Attributes, schemas and resource types with the characteristics of RFC 7643 section 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Type = Literal[
    "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"
]
Mutability = Literal["readOnly", "readWrite", "immutable", "writeOnly"]
Returned = Literal["always", "never", "default", "request"]
Uniqueness = Literal["none", "server", "global"]

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LMS = "urn:ietf:params:scim:schemas:extension:lms:2.0:"


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One attribute with every characteristic that RFC 7643 section 7 names.

    The defaults are the standard's (section 2.2). `sub_attributes` belong to type complex only.
    What is not `declared` is set by an account action and does not stand in /Schemas.
    Names are looked up without regard to letter case (section 2.1).

    >>> email = Attribute("emails", "complex", multi_valued=True,
    ...                   sub_attributes=(Attribute("value"),))
    >>> email.sub("VALUE").name
    'value'
    """

    name: str
    type: Type = "string"
    multi_valued: bool = False
    description: str = ""
    required: bool = False
    canonical_values: tuple[str, ...] = ()
    case_exact: bool = False
    mutability: Mutability = "readWrite"
    returned: Returned = "default"
    uniqueness: Uniqueness = "none"
    reference_types: tuple[str, ...] = ()
    declared: bool = True
    sub_attributes: tuple[Attribute, ...] = ()
    index: dict[str, Attribute] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {sub.name.lower(): sub for sub in self.sub_attributes})

    def sub(self, name: str) -> Attribute | None:
        """Return the sub-attribute of that name in any letter case, or None."""
        return self.index.get(name.lower())

    @property
    def keyed(self) -> bool:
        """Tell whether a value of the list is known by its `value` alone, as a group's member."""
        value = self.sub("value")
        return value is not None and value.mutability == "immutable"

    @property
    def secret(self) -> bool:
        """Tell whether the value must never be shown, logged or kept."""
        return self.returned == "never"

    def definition(self) -> dict[str, Any]:
        """Return the attribute as /Schemas shows it (RFC 7643 section 7)."""
        shown: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "multiValued": self.multi_valued,
            "description": self.description,
            "required": self.required,
            "mutability": self.mutability,
            "returned": self.returned,
        }
        if self.type == "complex":
            shown["subAttributes"] = [sub.definition() for sub in self.sub_attributes]
            return shown
        shown["caseExact"] = self.case_exact
        shown["uniqueness"] = self.uniqueness
        if self.canonical_values:
            shown["canonicalValues"] = list(self.canonical_values)
        if self.type == "reference":
            shown["referenceTypes"] = list(self.reference_types)
        return shown


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A named set of attributes (RFC 7643 section 7)."""

    urn: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    index: dict[str, Attribute] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {a.name.lower(): a for a in self.attributes})

    def find(self, name: str) -> Attribute | None:
        """Return the attribute of that name in any letter case, or None."""
        return self.index.get(name.lower())


@dataclass(frozen=True, slots=True)
class Switch:
    """The attribute that switches a resource off in the LMS, and its values."""

    name: str
    on: Any
    off: Any


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """A kind of resource: its endpoint, its schema and its extensions (RFC 7643 section 6).

    `key` are the attributes that together are what people call the resource, and by which it is
    found again; `switch` is how it is kept but made unusable, where that makes sense.
    """

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()
    key: tuple[str, ...] = ()
    switch: Switch | None = None

    def schemas(self) -> Iterator[Schema]:
        """Yield the core schema, then the extensions."""
        yield self.schema
        yield from self.extensions

    def extension(self, urn: str) -> Schema | None:
        """Return the extension of that URN in any letter case, or None."""
        wanted = urn.lower()
        return next((e for e in self.extensions if e.urn.lower() == wanted), None)

    def find(self, name: str) -> Attribute | None:
        """Return the common or core attribute of that name in any letter case, or None."""
        return COMMON_INDEX.get(name.lower()) or self.schema.find(name)

    def attributes(self) -> Iterator[tuple[str, Attribute]]:
        """Yield (extension URN or "", attribute) for all that the type declares itself."""
        for schema in self.schemas():
            urn = "" if schema is self.schema else schema.urn
            for attribute in schema.attributes:
                yield urn, attribute


META = Attribute(
    "meta",
    "complex",
    description="What the service provider says of the resource.",
    mutability="readOnly",
    sub_attributes=(
        Attribute("resourceType", case_exact=True, mutability="readOnly"),
        Attribute("created", "dateTime", mutability="readOnly"),
        Attribute("lastModified", "dateTime", mutability="readOnly"),
        Attribute("location", "reference", case_exact=True, mutability="readOnly"),
        Attribute("version", case_exact=True, mutability="readOnly"),
    ),
)
ID = Attribute(
    "id",
    description="The identifier that the LMS gave the resource.",
    case_exact=True,
    mutability="readOnly",
    returned="always",
    uniqueness="server",
)
EXTERNAL_ID = Attribute(
    "externalId",
    description="The identifier that the provisioning client gave the resource.",
    case_exact=True,
)
SCHEMAS = Attribute(
    "schemas",
    "reference",
    multi_valued=True,
    required=True,
    description="The URNs of the schemas that the resource uses.",
    case_exact=True,
    returned="always",
    reference_types=("uri",),
)
COMMON = (SCHEMAS, ID, EXTERNAL_ID, META)
"""The attributes of every resource (RFC 7643 section 3.1)."""
COMMON_INDEX = {attribute.name.lower(): attribute for attribute in COMMON}


def reference(*types: str) -> Attribute:
    """Return the read-only `$ref` sub-attribute that points at resources of the given types."""
    return Attribute(
        "$ref",
        "reference",
        description="The URI of the resource.",
        case_exact=True,
        mutability="readOnly",
        reference_types=types,
    )


def plural(
    name: str, description: str, value: Attribute, *types: str, extra: tuple[Attribute, ...] = ()
) -> Attribute:
    """Return a multi-valued attribute with value, display, type, primary (RFC 7643 section 2.4)."""
    return Attribute(
        name,
        "complex",
        multi_valued=True,
        description=description,
        sub_attributes=(
            replace(value, name="value"),
            Attribute("display", description="A name for people.", mutability="readOnly"),
            Attribute("type", description="What the value is for.", canonical_values=types),
            Attribute("primary", "boolean", description="Whether this is the preferred value."),
            *extra,
        ),
    )
