"""A target's configuration of a mapping: other native fields, fewer attributes, defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import replace
from typing import Any

from connectors.mapping import Field, Mapping, Row
from schemas.attributes import ResourceType
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.messages import load_value
from schemas.paths import Path


def overridden(
    mapping: Mapping, overrides: Dict[str, Any], field_of: Callable[[str], Field | None]
) -> Mapping:
    """Return the mapping with rows replaced by a target's configuration.

    `overrides` maps a SCIM or short path to a native field name, to "" (dropped), or to a
    table of `native` and `default`. `field_of` describes a native field of the LMS, or
    returns None for one that it does not have. Raises ValueError for what makes no sense.
    """
    fields = {str(row.path): row.field for row in mapping.rows}
    for written, wanted in overrides.items():
        path = _override_path(mapping, written)
        shown = str(path)
        field = _overriding(mapping.full, written, path, wanted, fields.get(shown), field_of)
        if field is None:
            fields.pop(shown, None)
        else:
            fields[shown] = field
    renewed = mapping.with_fields(fields.values())
    _refuse_unheld_or_doubled(mapping, renewed)
    for row in renewed.rows:
        if row.field.default is not None:
            _check_default(row)
    return renewed


def overrides_of(usual: Mapping, held: Mapping) -> dict[str, Any]:
    """Return the overrides that make `held` of the usual mapping, the way back of `overridden`.

    Every attribute that can be overridden is there by its SCIM path, in the order of the rows,
    dropped ones with "".
    """
    dropped = {str(row.path): "" for row in _overridable(usual, usual.rows)}
    return dropped | {str(row.path): _entry(row.field) for row in _overridable(usual, held.rows)}


def _overridable(usual: Mapping, rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        try:
            _override_path(usual, str(row.path))
        except ValueError:
            continue
        yield row


def _entry(field: Field) -> Any:
    if field.default is None:
        return field.native
    return {"native": field.native, "default": field.default}


def _override_path(mapping: Mapping, written: str) -> Path:
    try:
        path = parse_path(written, mapping.full)
    except ScimError as error:
        raise ValueError(error.detail) from None
    leaf = path.leaf
    if not path.name or path.name in ("id", "meta", "schemas"):
        raise ValueError(f"{written} cannot be mapped to another field")
    if leaf.type == "complex" or (path.sub is None and leaf.multi_valued):
        raise ValueError(f"{written} holds more than one value: name a sub-attribute")
    others = [row for row in mapping.rows_of(path) if row.path.sub is not None]
    if any(bool(row.path.where) != bool(path.where) for row in others):
        raise ValueError(f"{written}: name it as {others[0].path} does")
    return path


def _overriding(
    full: ResourceType,
    written: str,
    path: Path,
    wanted: Any,
    held: Field | None,
    field_of: Callable[[str], Field | None],
) -> Field | None:
    """Return the new row's field, None where the attribute is dropped."""
    table = wanted if isinstance(wanted, dict) else {"native": wanted}
    if unknown := table.keys() - {"native", "default"}:
        raise ValueError(f"{written}: unknown setting {', '.join(sorted(unknown))}")
    native = table.get("native", held.native if held else None)
    if not isinstance(native, str):
        raise ValueError(f"{written} needs the native field that holds it")
    if native == "":
        return None
    if held is None or native != held.native:
        template = field_of(native)
        if template is None:
            raise ValueError(f"{written}: the LMS has no field {native!r} for it")
        kind = parse_path(template.path, full).leaf.type
        if path.leaf.type != kind:
            raise ValueError(f"{written} is of type {path.leaf.type}, {native} of type {kind}")
        held = replace(template, path=str(path))
    if (default := table.get("default")) is None:
        return held
    return replace(held, default=default, required=False)


def _refuse_unheld_or_doubled(mapping: Mapping, renewed: Mapping) -> None:
    """Refuse what leaves a demanded field without attribute, or gives one field to two."""
    holders, usual = _holders(renewed), _holders(mapping)
    for row in mapping.rows:
        if row.field.required and row.field.native not in holders:
            raise ValueError(f"{row.path} cannot be dropped: the LMS demands it")
    for native, paths in holders.items():
        if len(paths) > 1 and not set(paths) <= set(usual.get(native, ())):
            raise ValueError(f"{native} cannot hold {' and '.join(paths)}: drop one of them")


def _holders(mapping: Mapping) -> Dict[str, list[str]]:
    """Return the paths that can be written, by their native field."""
    holders: dict[str, list[str]] = {}
    for row in mapping.rows:
        if row.field.writable:
            holders.setdefault(row.field.native, []).append(str(row.path))
    return holders


def _check_default(row: Row) -> None:
    field = row.field
    if not field.writable:
        raise ValueError(f"{row.path} cannot have a default: it cannot be written")
    try:
        loaded = load_value(row.path.leaf, field.default, str(row.path), strict=True)
    except ScimError:
        raise ValueError(f"{row.path}: the default is of the wrong type") from None
    if loaded is None:
        raise ValueError(f"{row.path}: the default is empty")
    if field.canonical and field.default not in field.canonical:
        raise ValueError(f"{row.path}: the default is not one of the values that the LMS takes")
    field.write(field.default)


def limited(mapping: Mapping, include: Iterable[str]) -> Mapping:
    """Return the mapping with only the named attributes, and those that the LMS demands.

    A name stands for an attribute, with all its sub-attributes, or for one sub-attribute; names
    of other resource types are passed over.
    """
    names = (name for name in include if is_path(name, mapping.full))
    wanted = {str(parse_path(name, mapping.full)) for name in names}
    fields = [
        row.field
        for row in mapping.rows
        if row.field.required
        or row.path.attribute.required
        or row.path.name == "id"
        or {str(row.path), str(row.path.whole)} & wanted
    ]
    return mapping.with_fields(fields)


def is_path(name: str, resource_type: ResourceType) -> bool:
    """Tell whether the name is a path of the resource type."""
    try:
        parse_path(name, resource_type)
    except ScimError:
        return False
    return True
