"""Bodies that come in: normalised by the attribute tables, then checked by marshmallow schemas.

The marshmallow schemas are made from the tables once per resource type; they are used on writes
only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields
from marshmallow import Schema as Form

from schemas.attributes import Attribute, ResourceType
from schemas.errors import ScimError, invalid_syntax, invalid_value
from schemas.forms import resource_form, sentence, validate, value_form
from schemas.paths import shown_text

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a PatchOp: `op` in lower case, `path` as written or None."""

    op: str
    path: str | None
    value: Any


def load_resource(
    resource_type: ResourceType, body: Any, *, strict: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Return the resource in canonical names and types, and the names that no schema knows.

    Read-only attributes, nulls and empty values are left out (RFC 7643 section 2.5 and 7); an
    empty list stays, because a PUT may mean it. Without `strict`, capitalised boolean words, a
    bare string for a complex attribute and a single value for a list are taken as meant.
    Raises 400 invalidSyntax for a wrong structure, 400 invalidValue for a wrong type.
    """
    if not isinstance(body, dict):
        raise invalid_syntax("The body must be a JSON object.")
    if strict:
        _check_schemas(resource_type, body)
    reader = _Reader(strict, [])
    resource: dict[str, Any] = {}
    for key, value in body.items():
        if key.lower() == "schemas":
            continue
        if extension := resource_type.extension(key):
            if held := reader.object(extension.find, value, extension.urn, f"{extension.urn}:"):
                resource[extension.urn] = held
        elif attribute := resource_type.find(key):
            reader.put(resource, attribute, value, attribute.name)
        else:
            reader.report(key)
    reader.refuse_unknown()
    validate(resource_form(resource_type), resource)
    _drop_repeated(resource_type.find, resource)
    for extension in resource_type.extensions:
        _drop_repeated(extension.find, resource.get(extension.urn, {}))
    return resource, reader.unknown


def load_value(
    attribute: Attribute,
    value: Any,
    shown: str,
    *,
    strict: bool = False,
    unknown: list[str] | None = None,
) -> Any:
    """Return one value of an attribute in canonical names and types; None means unassigned.

    `shown` is the path for error messages; names that no schema knows are added to `unknown`.
    Raises as `load_resource` does.
    """
    reader = _Reader(strict, [] if unknown is None else unknown)
    loaded = reader.value(attribute, value, shown)
    reader.refuse_unknown()
    if loaded is None:
        return None
    held = {attribute.name: loaded}
    validate(value_form(attribute), held, shown)
    _drop_repeated(lambda _: attribute, held)
    return held[attribute.name]


def load_patch(body: Any, *, strict: bool = False) -> list[Operation]:
    """Return the operations of a PatchOp message (RFC 7644 section 3.5.2)."""
    message = message_of(body, "schemas", "Operations")
    refuse_other_message(message, PATCH_OP, strict=strict)
    written = message.get("Operations")
    if not isinstance(written, list) or not written:
        raise invalid_syntax("Operations must be a list of at least one operation.")
    return [_operation(item, strict) for item in written]


class _Integer(fields.Integer):
    """An integer, also as the text of a query parameter; a boolean is none."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **more: Any) -> Any:
        if isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **more)


class SearchForm(Form):
    """The parameters of a query, from the URL or from a SearchRequest.

    RFC 7644 section 3.4.3, RFC 9865 section 2.
    """

    class Meta:
        unknown = EXCLUDE

    filter = fields.String(load_default=None)
    start_index = _Integer(data_key="startIndex", load_default=1)
    count = _Integer(load_default=None)
    cursor = fields.String(load_default=None)
    sort_by = fields.String(data_key="sortBy", load_default=None)
    sort_order = fields.String(data_key="sortOrder", load_default="ascending")
    attributes = fields.List(fields.String(), load_default=list)
    excluded_attributes = fields.List(
        fields.String(), data_key="excludedAttributes", load_default=list
    )


_SEARCH_FORM = SearchForm()
_SEARCH_NAMES = (
    *("schemas", "filter", "startIndex", "count", "cursor", "sortBy", "sortOrder"),
    *("attributes", "excludedAttributes"),
)


def load_search(parameters: Any) -> dict[str, Any]:
    """Return the parameters of a query by their Python names, with the standard's defaults.

    Raises 400 invalidValue for wrong types, and for an unknown sortOrder.
    """
    message = message_of(parameters, *_SEARCH_NAMES)
    message = {name: value for name, value in message.items() if value is not None}
    try:
        loaded: dict[str, Any] = _SEARCH_FORM.load(message)
    except ValidationError as error:
        raise invalid_value(sentence(error)) from None
    loaded["descending"] = loaded["sort_order"].lower() == "descending"
    if loaded.pop("sort_order").lower() not in ("ascending", "descending"):
        raise invalid_value("sortOrder must be ascending or descending.")
    return loaded


def load_form(form: Form, body: Any) -> dict[str, Any]:
    """Load a small message of our own; names are taken in any letter case."""
    names = [field.data_key or name for name, field in form.fields.items()]
    try:
        loaded: dict[str, Any] = form.load(message_of(body, *names))
    except ValidationError as error:
        raise invalid_value(sentence(error)) from None
    return loaded


def _operation(item: Any, strict: bool) -> Operation:
    message = message_of(item, "op", "path", "value")
    op, path = message.get("op"), message.get("path")
    if not isinstance(op, str) or op.lower() not in ("add", "replace", "remove"):
        raise invalid_syntax("op must be add, replace or remove.")
    if strict and op != op.lower():
        raise invalid_syntax("op must be written in lower case.")
    if path is not None and not isinstance(path, str):
        raise ScimError(400, "path must be a string.", "invalidPath")
    if path == "" and strict:
        raise ScimError(400, "path cannot be empty.", "invalidPath")
    if op.lower() != "remove" and "value" not in message:
        raise invalid_value(f"{op} needs a value.")
    return Operation(op.lower(), path or None, message.get("value"))


def message_of(body: Any, *names: str) -> dict[str, Any]:
    """Return the object with the given names spelled as the standard does; 400 for no object."""
    if not isinstance(body, Mapping):
        raise invalid_syntax("The body must be a JSON object.")
    spelled = {name.lower(): name for name in names}
    return {spelled.get(str(key).lower(), str(key)): value for key, value in body.items()}


def refuse_other_message(message: dict[str, Any], urn: str, *, strict: bool) -> None:
    """Raise 400 when `schemas` names another kind of message, or, where strict, none."""
    urns = message.get("schemas")
    if (urns is not None or strict) and urn.lower() not in _lower(urns):
        raise invalid_syntax(f"schemas must hold {urn}.")


def _check_schemas(resource_type: ResourceType, body: dict[str, Any]) -> None:
    urns = _lower(next((value for key, value in body.items() if key.lower() == "schemas"), None))
    if resource_type.schema.urn.lower() not in urns:
        raise invalid_syntax(f"schemas must be a list that holds {resource_type.schema.urn}.")
    known = {schema.urn.lower() for schema in resource_type.schemas()}
    if others := [urn for urn in urns if urn not in known]:
        raise invalid_syntax(f"{shown_text(others[0])} is no schema of {resource_type.name}.")


def _lower(urns: Any) -> list[str]:
    """Return the URNs of a list in lower case; what is no string becomes a question mark."""
    if not isinstance(urns, list):
        return []
    return [urn.lower() if isinstance(urn, str) else "?" for urn in urns]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns values into canonical names and types; what no schema knows is put on a list."""

    strict: bool
    unknown: list[str]

    def value(self, attribute: Attribute, value: Any, place: str) -> Any:
        """Return the value of an attribute; None when it is unassigned."""
        if not attribute.multi_valued:
            return self.item(attribute, value, place)
        if value is None or value == "":
            return None
        if not isinstance(value, list):
            if self.strict:
                raise invalid_value(f"{place} must be a list.")
            value = [value]
        items = [self.item(attribute, v, f"{place}[{i}]") for i, v in enumerate(value)]
        return [item for item in items if item is not None and not is_void(item)]

    def item(self, attribute: Attribute, value: Any, place: str) -> Any:
        """Return one value of an attribute; None when it is unassigned."""
        if value is None or value == "":
            return None
        if attribute.type == "complex":
            if isinstance(value, str) and not self.strict and attribute.sub("value"):
                return {"value": value}
            return self.object(attribute.sub, value, place, f"{place}.")
        if isinstance(value, str) and not self.strict and attribute.type == "boolean":
            return _TRUTH.get(value.lower(), value)
        if isinstance(value, str) and attribute.canonical_values and not attribute.case_exact:
            known = (c for c in attribute.canonical_values if c.lower() == value.lower())
            return next(known, value)
        return value

    def object(
        self, find: Callable[[str], Attribute | None], value: Any, place: str, prefix: str
    ) -> dict[str, Any] | None:
        """Return an object with the names as `find` spells them; None when nothing is left."""
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid_value(f"{place} must be an object.")
        held: dict[str, Any] = {}
        for key, item in value.items():
            if attribute := find(key):
                self.put(held, attribute, item, prefix + attribute.name)
            else:
                self.report(prefix + key)
        return held or None

    def put(self, holder: dict[str, Any], attribute: Attribute, value: Any, place: str) -> None:
        """Set an attribute that may be written and has a value."""
        if attribute.mutability == "readOnly":
            return
        loaded = self.value(attribute, value, place)
        if loaded is not None:
            holder[attribute.name] = loaded

    def report(self, name: str) -> None:
        """Note a name that no schema knows, once, without the place in a list."""
        name = re.sub(r"\[\d+\]", "", name)
        if name not in self.unknown:
            self.unknown.append(name)

    def refuse_unknown(self) -> None:
        """Raise 400 invalidSyntax in strict mode when there were unknown names."""
        if self.strict and self.unknown:
            names = ", ".join(shown_text(name) for name in sorted(self.unknown)[:10])
            raise invalid_syntax(f"Unknown attributes: {names}.")


def is_void(item: Any) -> bool:
    """Tell whether a value of a list says nothing: `{"type": "work", "primary": true}`."""
    return isinstance(item, dict) and not (item.keys() - {"type", "primary", "$ref", "display"})


def refuse_two_primary(resource: dict[str, Any]) -> None:
    """Raise 400 when a list has more than one primary value (RFC 7643 section 2.4)."""
    for name, values in resource.items():
        if isinstance(values, dict):
            refuse_two_primary(values)
        elif isinstance(values, list):
            primary = [v for v in values if isinstance(v, dict) and v.get("primary") is True]
            if len(primary) > 1:
                raise invalid_value(f"{name} has {len(primary)} primary values; one is allowed.")


def _drop_repeated(find: Callable[[str], Attribute | None], held: dict[str, Any]) -> None:
    """Keep the first of equal values in each list, in place (RFC 7643 section 2.4)."""
    for name, items in held.items():
        if isinstance(items, list) and (attribute := find(name)):
            first: dict[str, Any] = {}
            for item in items:
                first.setdefault(_identity(attribute, item), item)
            held[name] = list(first.values())


def _identity(attribute: Attribute, item: Any) -> str:
    if isinstance(item, dict):
        return repr(item.get("value") if attribute.keyed else sorted(item.items()))
    return repr(item)
