"""The marshmallow schemas that check bodies, made from the attribute tables."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from marshmallow import Schema as Form
from marshmallow import ValidationError, fields

from schemas.attributes import Attribute, ResourceType
from schemas.errors import invalid_value
from schemas.filters import instant, is_text

_XSD_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


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
        if self.whole and not (isinstance(value, int) and -(2**63) <= value < 2**63):
            raise ValidationError("must be a whole number of at most 64 bits.")
        if not math.isfinite(value):
            raise ValidationError("must be a finite number.")
        return value


def _is_instant(value: str) -> None:
    if not _XSD_DATE_TIME.fullmatch(value) or instant(value) is None:
        raise ValidationError("must be a dateTime such as 2026-01-31T12:00:00Z.")


def _is_base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValidationError("must be base64.") from None


def _is_clean(value: str) -> None:
    if not is_text(value):
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
def resource_form(resource_type: ResourceType) -> Form:
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
def value_form(attribute: Attribute) -> Form:
    """Return the marshmallow schema of an object that holds this one attribute."""
    return Form.from_dict({attribute.name: _fields(attribute)})()


def validate(form: Form, value: dict[str, Any], shown: str | None = None) -> None:
    """Raise 400 invalidValue when the value does not fit; `shown` stands for its only key."""
    if problems := form.validate(value):
        raise invalid_value(sentence(ValidationError(problems), shown))


def sentence(error: ValidationError, shown: str | None = None) -> str:
    """Return `emails[1].value: must be a string.` out of marshmallow's nested messages."""
    messages: Any = error.messages
    if shown is not None and isinstance(messages, dict):
        messages = dict(zip([shown], messages.values(), strict=True))
    return " ".join(f"{place}: {message}" for place, message in _places(messages, ""))[:1000]


def _places(messages: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            name = str(key).encode(errors="backslashreplace").decode()
            step = f"[{key}]" if isinstance(key, int) else f".{name}" if place else name
            yield from _places(inner, place + step)
    elif isinstance(messages, list):
        for inner in messages:
            yield from _places(inner, place)
    else:
        yield place, str(messages)
