"""Bodies that come in: normalised by the attribute tables, then checked by marshmallow schemas.

The marshmallow schemas are made from the tables once per resource type; they are used on writes
only.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields
from marshmallow import Schema as Form

from schemas.attributes import Attribute, ResourceType
from schemas.errors import ScimError, invalid_syntax, invalid_value
from schemas.filters import instant

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
    unknown: list[str] = []
    resource: dict[str, Any] = {}
    if strict:
        _check_schemas(resource_type, body)
    for key, value in body.items():
        if key.lower() == "schemas":
            continue
        if extension := resource_type.extension(key):
            held = _normalised_object(extension.find, value, key, unknown, strict, f"{key}:")
            if held:
                resource[extension.urn] = held
        elif attribute := resource_type.find(key):
            _put(resource, attribute, value, attribute.name, unknown, strict)
        else:
            unknown.append(key)
    if strict and unknown:
        raise invalid_syntax(f"Unknown attributes: {', '.join(sorted(unknown))}.")
    _check(_form(resource_type), resource)
    return resource, unknown


def load_value(attribute: Attribute, value: Any, shown: str, *, strict: bool = False) -> Any:
    """Return one value of an attribute in canonical names and types; None means unassigned.

    `shown` is the path for error messages. Raises as `load_resource` does.
    """
    unknown: list[str] = []
    loaded = _normalised(attribute, value, shown, unknown, strict)
    if strict and unknown:
        raise invalid_syntax(f"Unknown attributes: {', '.join(sorted(unknown))}.")
    if loaded is not None:
        _check(_value_form(attribute), {attribute.name: loaded}, shown)
    return loaded


def load_patch(body: Any, *, strict: bool = False) -> list[Operation]:
    """Return the operations of a PatchOp message (RFC 7644 section 3.5.2)."""
    message = _message(body, "schemas", "Operations")
    urns = message.get("schemas")
    if (urns is not None or strict) and (
        not isinstance(urns, list) or PATCH_OP.lower() not in [str(u).lower() for u in urns]
    ):
        raise invalid_syntax(f"schemas must hold {PATCH_OP}.")
    written = message.get("Operations")
    if not isinstance(written, list) or not written:
        raise invalid_syntax("Operations must be a list of at least one operation.")
    return [_operation(item, strict) for item in written]


class SearchForm(Form):
    """The parameters of a query, from the URL or from a SearchRequest (RFC 7644 section 3.4.3)."""

    class Meta:
        unknown = EXCLUDE

    filter = fields.String(load_default=None)
    start_index = fields.Integer(data_key="startIndex", load_default=1)
    count = fields.Integer(load_default=None)
    sort_by = fields.String(data_key="sortBy", load_default=None)
    sort_order = fields.String(data_key="sortOrder", load_default="ascending")
    attributes = fields.List(fields.String(), load_default=list)
    excluded_attributes = fields.List(
        fields.String(), data_key="excludedAttributes", load_default=list
    )


_SEARCH_FORM = SearchForm()
_SEARCH_NAMES = (
    *("schemas", "filter", "startIndex", "count", "sortBy", "sortOrder"),
    *("attributes", "excludedAttributes"),
)


def load_search(parameters: Any) -> dict[str, Any]:
    """Return the parameters of a query by their Python names, with the standard's defaults.

    Raises 400 invalidValue for wrong types, and for an unknown sortOrder.
    """
    message = _message(parameters, *_SEARCH_NAMES)
    message = {name: value for name, value in message.items() if value is not None}
    try:
        loaded: dict[str, Any] = _SEARCH_FORM.load(message)
    except ValidationError as error:
        raise invalid_value(_sentence(error)) from None
    loaded["descending"] = loaded["sort_order"].lower() == "descending"
    if loaded.pop("sort_order").lower() not in ("ascending", "descending"):
        raise invalid_value("sortOrder must be ascending or descending.")
    return loaded


def load_form(form: Form, body: Any) -> dict[str, Any]:
    """Load a small message of our own; names are taken in any letter case."""
    names = [field.data_key or name for name, field in form.fields.items()]
    try:
        loaded: dict[str, Any] = form.load(_message(body, *names))
    except ValidationError as error:
        raise invalid_value(_sentence(error)) from None
    return loaded


def _operation(item: Any, strict: bool) -> Operation:
    message = _message(item, "op", "path", "value")
    op, path = message.get("op"), message.get("path")
    if not isinstance(op, str) or op.lower() not in ("add", "replace", "remove"):
        raise invalid_syntax("op must be add, replace or remove.")
    if strict and op != op.lower():
        raise invalid_syntax("op must be written in lower case.")
    if path is not None and not isinstance(path, str):
        raise ScimError(400, "path must be a string.", "invalidPath")
    if op.lower() != "remove" and "value" not in message:
        raise invalid_value(f"{op} needs a value.")
    return Operation(op.lower(), path or None, message.get("value"))


def _message(body: Any, *names: str) -> dict[str, Any]:
    """Return the object with the given names spelled as the standard does."""
    if not isinstance(body, Mapping):
        raise invalid_syntax("The body must be a JSON object.")
    spelled = {name.lower(): name for name in names}
    return {spelled.get(str(key).lower(), str(key)): value for key, value in body.items()}


def _check_schemas(resource_type: ResourceType, body: dict[str, Any]) -> None:
    urns = next((value for key, value in body.items() if key.lower() == "schemas"), None)
    if not isinstance(urns, list) or not urns:
        raise invalid_syntax("schemas must be a list of schema URNs.")
    known = {schema.urn.lower() for schema in resource_type.schemas()}
    for urn in urns:
        if str(urn).lower() not in known:
            raise invalid_syntax(f"{urn!r} is no schema of {resource_type.name}.")


def _put(
    holder: dict[str, Any],
    attribute: Attribute,
    value: Any,
    shown: str,
    unknown: list[str],
    strict: bool,
) -> None:
    if attribute.mutability == "readOnly":
        return
    loaded = _normalised(attribute, value, shown, unknown, strict)
    if loaded is not None:
        holder[attribute.name] = loaded


def _normalised(
    attribute: Attribute, value: Any, shown: str, unknown: list[str], strict: bool
) -> Any:
    if not attribute.multi_valued:
        return _normalised_item(attribute, value, shown, unknown, strict)
    if value is None or value == "":
        return None
    if not isinstance(value, list):
        if strict:
            raise invalid_value(f"{shown} must be a list.")
        value = [value]
    items = (_normalised_item(attribute, item, shown, unknown, strict) for item in value)
    return [item for item in items if item is not None]


def _normalised_item(
    attribute: Attribute, value: Any, shown: str, unknown: list[str], strict: bool
) -> Any:
    if value is None or value == "" or value == {}:
        return None
    if attribute.type == "complex":
        if isinstance(value, str) and not strict and attribute.sub("value"):
            return {"value": value}
        return _normalised_object(attribute.sub, value, shown, unknown, strict, f"{shown}.")
    if attribute.type == "boolean" and isinstance(value, str) and not strict:
        return _TRUTH.get(value.lower(), value)
    if attribute.canonical_values and isinstance(value, str) and not attribute.case_exact:
        return next((c for c in attribute.canonical_values if c.lower() == value.lower()), value)
    return value


def _normalised_object(
    find: Callable[[str], Attribute | None],
    value: Any,
    shown: str,
    unknown: list[str],
    strict: bool,
    prefix: str,
) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid_value(f"{shown} must be an object.")
    held: dict[str, Any] = {}
    for key, item in value.items():
        if attribute := find(str(key)):
            _put(held, attribute, item, prefix + attribute.name, unknown, strict)
        else:
            unknown.append(f"{prefix}{key}")
    return held or None


class _Boolean(fields.Field[bool]):
    """A JSON boolean and nothing else: marshmallow's own takes `1`, `"yes"` and `"on"`."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false.")
        return value


class _Number(fields.Field[float]):
    """A JSON number that is no boolean; `whole` demands an integer."""

    def __init__(self, *, whole: bool, **more: Any) -> None:
        super().__init__(**more)
        self.whole = whole

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("must be a number.")
        if self.whole and not isinstance(value, int):
            raise ValidationError("must be a whole number.")
        return value


def _is_instant(value: str) -> None:
    if instant(value) is None or "T" not in value.upper():
        raise ValidationError("must be a dateTime such as 2026-01-31T12:00:00Z.")


def _is_base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValidationError("must be base64.") from None


def _is_clean(value: str) -> None:
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValidationError("must not hold NUL or half surrogate pairs.")


def _field(attribute: Attribute) -> fields.Field[Any]:
    """Return the marshmallow field of one value of the attribute."""
    match attribute.type:
        case "complex":
            form = {sub.name: _fields(sub) for sub in attribute.sub_attributes}
            return fields.Nested(Form.from_dict(form))
        case "boolean":
            return _Boolean()
        case "integer" | "decimal":
            return _Number(whole=attribute.type == "integer")
        case "dateTime":
            return fields.String(validate=_is_instant)
        case "binary":
            return fields.String(validate=_is_base64)
        case _:
            return fields.String(validate=_is_clean)


def _fields(attribute: Attribute) -> fields.Field[Any]:
    return fields.List(_field(attribute)) if attribute.multi_valued else _field(attribute)


@lru_cache(maxsize=64)
def _form(resource_type: ResourceType) -> Form:
    """Return the marshmallow schema of a resource type; extensions are nested by URN."""
    table: dict[str, Any] = {
        attribute.name: _fields(attribute) for attribute in resource_type.schema.attributes
    }
    table["externalId"] = fields.String(validate=_is_clean)
    for extension in resource_type.extensions:
        nested = {attribute.name: _fields(attribute) for attribute in extension.attributes}
        table[extension.urn] = fields.Nested(Form.from_dict(nested))
    return Form.from_dict(table)()


@lru_cache(maxsize=512)
def _value_form(attribute: Attribute) -> Form:
    return Form.from_dict({attribute.name: _fields(attribute)})()


def _check(form: Form, value: dict[str, Any], shown: str | None = None) -> None:
    problems = form.validate(value)
    if problems:
        raise invalid_value(_sentence(ValidationError(problems), shown))


def _sentence(error: ValidationError, shown: str | None = None) -> str:
    """Return `emails[1].value: must be a string.` out of marshmallow's nested messages."""
    places = list(_places(error.messages, ""))
    if shown is not None:
        places = [(shown, message) for _, message in places]
    return " ".join(f"{place}: {message}" for place, message in places[:5])


def _places(messages: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if place else str(key)
            yield from _places(inner, place + step)
    elif isinstance(messages, list):
        for inner in messages:
            yield from _places(inner, place)
    else:
        yield place, str(messages)
