"""From a full resource type to what one target declares: exactly what its rows hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.fields import Row
from schemas.attributes import Attribute, ResourceType, Schema


def narrowed(full: ResourceType, rows: Sequence[Row]) -> ResourceType:
    """Return the resource type with exactly what the rows hold, as /Schemas declares it."""

    def narrow(schema: Schema, urn: str) -> Schema:
        attributes = []
        for attribute in schema.attributes:
            held = [r for r in rows if r.path.urn == urn and r.path.name == attribute.name]
            if held:
                attributes.append(_narrowed_attribute(attribute, held))
        return replace(schema, attributes=tuple(attributes))

    extensions = (narrow(extension, extension.urn) for extension in full.extensions)
    return replace(
        full,
        schema=narrow(full.schema, ""),
        extensions=tuple(extension for extension in extensions if extension.attributes),
    )


def _narrowed_attribute(attribute: Attribute, rows: list[Row]) -> Attribute:
    if rows[0].path.sub is None:
        return _characterized(attribute, rows[:1])
    subs = []
    for sub in attribute.sub_attributes:
        held = [row for row in rows if row.path.sub == sub.name]
        if held:
            subs.append(_characterized(sub, held))
        elif sub.name == "type" and rows[0].constants:
            kinds = dict.fromkeys(str(row.constants["type"]) for row in rows)
            subs.append(replace(sub, canonical_values=tuple(kinds)))
        elif sub.name == "primary" and len({str(row.path.where) for row in rows}) == 1:
            # The one value of a list is its primary one; nobody can change that.
            subs.append(replace(sub, mutability="readOnly", returned="request"))
    abilities = {row.field.mutability for row in rows}
    returned = attribute.returned
    if not any(row.field.readable for row in rows):
        returned = "never"
    elif all(row.field.returned == "request" for row in rows):
        # Who asks for the attribute by its name sees what is in it.
        returned = "request"
        named = {row.path.sub for row in rows}
        subs = [replace(s, returned="default") if s.name in named else s for s in subs]
    return replace(
        attribute,
        sub_attributes=tuple(subs),
        required=attribute.required or any(row.field.required for row in rows),
        mutability=abilities.pop() if len(abilities) == 1 else "readWrite",
        returned=returned,
    )


def _characterized(attribute: Attribute, rows: list[Row]) -> Attribute:
    fields = [row.field for row in rows]
    first = fields[0]
    keeps = attribute.mutability in ("readOnly", "immutable") and first.writable
    needed = any(field.required or field.is_always_there for field in fields)
    return replace(
        attribute,
        required=attribute.required or needed,
        mutability=attribute.mutability if keeps else first.mutability,
        returned=(first.returned or attribute.returned) if first.readable else "never",
        canonical_values=first.canonical or attribute.canonical_values,
        sub_attributes=tuple(
            replace(sub, **first.subs[sub.name]) if sub.name in first.subs else sub
            for sub in attribute.sub_attributes
        ),
    )
