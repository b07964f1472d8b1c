"""A write as a list of Changes: PATCH applied (RFC 7644 section 3.5.2), and old against new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from schemas.attributes import Attribute, ResourceType
from schemas.errors import invalid_path, invalid_syntax, invalid_value, mutability, no_target
from schemas.filters import And, Compare, Filter, parse_path
from schemas.match import compile_filter, is_present
from schemas.messages import Operation, load_value
from schemas.paths import Path

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What POST, PUT and PATCH alike become: one attribute that differs.

    `old` and `new` are None where there is no value. A value of a list that has no key of its own
    (a group's member) comes or goes as a whole: op add or remove with the value as `new` or `old`.
    """

    path: Path
    op: Literal["add", "replace", "remove"]
    old: Any
    new: Any


def apply_patch(
    resource_type: ResourceType,
    resource: Resource,
    operations: list[Operation],
    *,
    strict: bool = False,
) -> tuple[Resource, list[str]]:
    """Return the resource after all operations, and the names that no schema knows.

    The given resource stays as it is, so that a failing operation leaves nothing behind.
    Raises 400 invalidPath, noTarget, mutability, invalidSyntax or invalidValue.
    """
    patched: Resource = _copy(resource)
    unknown: list[str] = []
    for operation in operations:
        if operation.path is None:
            _apply_without_path(resource_type, patched, operation, unknown, strict)
            continue
        path = parse_path(operation.path, resource_type)
        if _is_read_only(path):
            raise mutability(f"{path} is read-only.")
        _apply(patched, operation.op, path, operation.value, strict)
    return patched, unknown


def diff(resource_type: ResourceType, old: Resource, new: Resource) -> tuple[Change, ...]:
    """Return what differs, attribute by attribute.

    Read-only attributes are left aside; a write-only one differs whenever `new` has it.
    Values of a list are told apart by their `type` where that is unique, else by their `value`.
    """
    return tuple(_differences(resource_type, old, new))


def check(
    resource_type: ResourceType, resource: Resource, *, before: Resource | None = None
) -> None:
    """Check a whole resource: required attributes, canonical values, at most one primary.

    `before` is the resource before a PATCH: what it had and now lacks was removed, which the
    standard calls a mutability error (section 3.5.2.2). Raises 400 invalidValue or mutability.
    """
    for urn, attribute in resource_type.attributes():
        holder = resource.get(urn, {}) if urn else resource
        value = holder.get(attribute.name)
        shown = f"{urn}:{attribute.name}" if urn else attribute.name
        if attribute.required and not is_present(value):
            had = before is not None and is_present(
                (before.get(urn, {}) if urn else before).get(attribute.name)
            )
            raise _missing(shown, had)
        if value is None:
            continue
        items = value if attribute.multi_valued else [value]
        for item in items:
            _check_item(attribute, item, shown, before is not None)
        if attribute.multi_valued and attribute.sub("primary"):
            primaries = sum(1 for item in items if item.get("primary") is True)
            if primaries > 1:
                raise invalid_value(f"{shown} has {primaries} primary values; one is allowed.")


def _missing(shown: str, had: bool) -> Exception:
    if had:
        return mutability(f"{shown} is required and cannot be removed.")
    return invalid_value(f"{shown} is required.")


def _check_item(attribute: Attribute, item: Any, shown: str, patched: bool) -> None:
    if attribute.type != "complex":
        _check_canonical(attribute, item, shown)
        return
    for sub in attribute.sub_attributes:
        value = item.get(sub.name)
        if sub.required and not is_present(value):
            raise _missing(f"{shown}.{sub.name}", patched)
        if value is not None and sub.name != "type":
            _check_canonical(sub, value, f"{shown}.{sub.name}")


def _check_canonical(attribute: Attribute, value: Any, shown: str) -> None:
    allowed = attribute.canonical_values
    if allowed and value not in allowed:
        some = ", ".join(allowed[:20]) + (", ..." if len(allowed) > 20 else "")
        raise invalid_value(f"{shown}: {str(value)[:80]!r} is not one of {some}.")


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _is_read_only(path: Path) -> bool:
    return "readOnly" in (path.attribute.mutability, path.leaf.mutability)


def _apply_without_path(
    resource_type: ResourceType,
    resource: Resource,
    operation: Operation,
    unknown: list[str],
    strict: bool,
) -> None:
    """Apply an operation whose value is an object: each key is a path of its own.

    Clients send `id` and `schemas` along, dotted names and URN-qualified ones.
    """
    if operation.op == "remove":
        raise no_target("remove needs a path.")
    if not isinstance(operation.value, dict):
        raise invalid_value(f"{operation.op} without a path needs an object as value.")
    for key, value in operation.value.items():
        if key.lower() in ("schemas", "id", "meta"):
            continue
        try:
            path = parse_path(key, resource_type)
        except Exception:
            if strict:
                raise
            unknown.append(key)
            continue
        if _is_read_only(path):
            if strict:
                raise mutability(f"{path} is read-only.")
            continue
        _apply(resource, operation.op, path, value, strict)


def _apply(resource: Resource, op: str, path: Path, value: Any, strict: bool) -> None:
    if not path.name:
        _apply_extension(resource, op, path, value, strict)
        return
    holder = resource.setdefault(path.urn, {}) if path.urn else resource
    selects = path.where is not None or path.sub or not path.attribute.multi_valued
    if op == "remove" and (selects or not isinstance(value, list | dict)):
        loaded = None
    else:
        target = path.leaf if path.sub or not path.where else _single(path.attribute)
        loaded = load_value(target, value, str(path), strict=strict)
    if path.attribute.multi_valued:
        _apply_to_list(holder, op, path, loaded, strict)
    elif path.sub:
        inner = holder.setdefault(path.name, {})
        _assign(inner, path, path.sub_attribute, loaded)
        if not inner:
            del holder[path.name]
    elif path.attribute.type == "complex" and loaded is not None:
        _merge(holder.setdefault(path.name, {}), loaded, value)
    else:
        _assign(holder, path, path.attribute, loaded)
    if path.urn and not holder:
        del resource[path.urn]


@lru_cache(maxsize=64)
def _single(attribute: Attribute) -> Attribute:
    """Return the attribute as one value of its list."""
    return Attribute(attribute.name, attribute.type, sub_attributes=attribute.sub_attributes)


def _apply_extension(resource: Resource, op: str, path: Path, value: Any, strict: bool) -> None:
    if op == "remove":
        resource.pop(path.urn, None)
        return
    if not isinstance(value, dict):
        raise invalid_value(f"{path.urn} must be an object.")
    for key, item in value.items():
        attribute = path.attribute.sub(key)
        if attribute is None:
            raise invalid_path(f"{key!r} is not an attribute of {path.urn}.")
        _apply(resource, op, Path(path.urn, attribute.name, attribute=attribute), item, strict)


def _assign(holder: dict[str, Any], path: Path, attribute: Attribute | None, value: Any) -> None:
    assert attribute is not None
    before = holder.get(attribute.name)
    if attribute.mutability == "immutable" and before is not None and before != value:
        raise mutability(f"{path} is immutable.")
    if value is None:
        holder.pop(attribute.name, None)
    else:
        holder[attribute.name] = value


def _merge(held: dict[str, Any], loaded: dict[str, Any], written: Any) -> None:
    """Take over the given sub-attributes, keep the others; a null one is removed."""
    held.update(loaded)
    if isinstance(written, dict):
        for key, value in written.items():
            if value is None or value == "":
                for name in [name for name in held if name.lower() == key.lower()]:
                    del held[name]


def _apply_to_list(holder: dict[str, Any], op: str, path: Path, value: Any, strict: bool) -> None:
    items: list[Any] = holder.get(path.name) or []
    if path.where is not None:
        items = _apply_to_matches(items, op, path, value, strict)
    elif path.sub:
        items = _apply_to_each(items, op, path, value)
    elif op == "remove":
        items = _without(items, value, strict) if value else []
    elif op == "replace":
        items = value or []
        _keep_one_primary(items, items)
    else:
        items = _with(items, value or [])
    if items:
        holder[path.name] = items
    elif path.name in holder:
        holder[path.name] = []


def _with(items: list[Any], added: list[Any]) -> list[Any]:
    """Append what is not there yet; a new primary value takes the place of the old one."""
    known = {_key(item) for item in items}
    fresh: list[Any] = []
    for item in added:
        key = _key(item)
        if key not in known or not any(_covers(held, item) for held in items + fresh):
            known.add(key)
            fresh.append(item)
    items = items + fresh
    _keep_one_primary(items, fresh)
    return items


def _key(item: Any) -> Any:
    return item.get("value") if isinstance(item, dict) else item


def _covers(held: Any, item: Any) -> bool:
    """Tell whether a held value has everything that the other one says."""
    if not isinstance(held, dict) or not isinstance(item, dict):
        return bool(held == item)
    return all(held.get(name) == value or name == "$ref" for name, value in item.items())


def _without(items: list[Any], removed: list[Any], strict: bool) -> list[Any]:
    if strict:
        raise invalid_syntax("remove takes no value: select the values by a filter in the path.")
    keys = {_key(item) for item in removed}
    return [item for item in items if _key(item) not in keys]


def _keep_one_primary(items: list[Any], touched: list[Any]) -> None:
    primary = [item for item in touched if isinstance(item, dict) and item.get("primary") is True]
    if not primary:
        return
    if len(primary) > 1:
        raise invalid_value("At most one value can be primary.")
    for item in items:
        if item is not primary[0] and item.get("primary") is True:
            item["primary"] = False


def _apply_to_matches(items: list[Any], op: str, path: Path, value: Any, strict: bool) -> list[Any]:
    assert path.where is not None
    wanted = compile_filter(path.where)
    is_complex = path.attribute.type == "complex"
    matches = [item for item in items if wanted(item if is_complex else {path.name: item})]
    if not matches:
        if op == "add" and not strict and (stated := _stated(path.where)) is not None:
            matches = [stated]
            items = [*items, stated]
        elif op == "remove" and not strict:
            return items
        else:
            raise no_target(f"{path} matches no value.")
    if op == "remove" and not path.sub:
        return [item for item in items if not any(item is match for match in matches)]
    for match in matches:
        if path.sub:
            _assign(match, path, path.sub_attribute, value)
        elif isinstance(value, dict):
            match.update(value)
    _keep_one_primary(items, matches if path.sub in (None, "primary") else [])
    return [item for item in items if not isinstance(item, dict) or _says_something(item)]


def _says_something(item: dict[str, Any]) -> bool:
    return any(name not in ("type", "primary", "$ref", "display") for name in item)


def _stated(where: Filter) -> dict[str, Any] | None:
    """Return the value that an equality filter describes, or None: `type eq "work"`."""
    terms = where.terms if isinstance(where, And) else (where,)
    stated: dict[str, Any] = {}
    for term in terms:
        if not isinstance(term, Compare) or term.op != "eq":
            return None
        stated[term.path.name] = term.value
    return stated


def _apply_to_each(items: list[Any], op: str, path: Path, value: Any) -> list[Any]:
    assert path.sub is not None
    if not items and op != "remove" and value is not None:
        return [{path.sub: value}]
    for item in items:
        _assign(item, path, path.sub_attribute, value)
    return [item for item in items if _says_something(item)]


def _differences(resource_type: ResourceType, old: Resource, new: Resource) -> Iterator[Change]:
    common = (("", a) for a in (resource_type.find("externalId"),) if a)
    for urn, attribute in (*common, *resource_type.attributes()):
        if attribute.mutability == "readOnly":
            continue
        before = ((old.get(urn) or {}) if urn else old).get(attribute.name)
        after = ((new.get(urn) or {}) if urn else new).get(attribute.name)
        path = Path(urn, attribute.name, attribute=attribute)
        if attribute.mutability == "writeOnly":
            before = None
        if attribute.multi_valued:
            yield from _list_differences(path, before or [], after or [])
        elif attribute.type == "complex":
            yield from _sub_differences(path, before or {}, after or {})
        else:
            yield from _difference(path, before, after)


def _difference(path: Path, before: Any, after: Any) -> Iterator[Change]:
    before = before if is_present(before) else None
    after = after if is_present(after) else None
    if before == after:
        return
    if path.leaf.mutability == "immutable" and before is not None:
        raise mutability(f"{path} is immutable.")
    op: Literal["add", "replace", "remove"] = (
        "add" if before is None else "remove" if after is None else "replace"
    )
    yield Change(path, op, before, after)


def _sub_differences(path: Path, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for sub in path.attribute.sub_attributes:
        if sub.mutability == "readOnly":
            continue
        at = Path(
            path.urn,
            path.name,
            sub.name,
            path.where,
            attribute=path.attribute,
            sub_attribute=sub,
        )
        hidden = sub.mutability == "writeOnly"
        yield from _difference(at, None if hidden else before.get(sub.name), after.get(sub.name))


def _list_differences(path: Path, before: list[Any], after: list[Any]) -> Iterator[Change]:
    attribute = path.attribute
    if attribute.type != "complex":
        yield from (Change(path, "remove", item, None) for item in before if item not in after)
        yield from (Change(path, "add", None, item) for item in after if item not in before)
        return
    key = "type" if _told_apart(before, "type") and _told_apart(after, "type") else "value"
    sub = attribute.sub(key)
    if sub is None or not (_told_apart(before, key) and _told_apart(after, key)):
        if before != after:
            op: Literal["replace", "add"] = "replace" if before else "add"
            yield Change(path, op, before or None, after or None)
        return
    old, new = ({item[key]: item for item in items} for items in (before, after))
    for name in [*old, *(name for name in new if name not in old)]:
        if key == "value" and (name not in old or name not in new):
            gone, come = old.get(name), new.get(name)
            yield Change(path, "remove" if come is None else "add", gone, come)
            continue
        where = Compare(Path("", sub.name, attribute=sub), "eq", name)
        at = Path(path.urn, path.name, None, where, attribute=attribute)
        pair = [{k: v for k, v in items.get(name, {}).items() if k != key} for items in (old, new)]
        changeable = [s for s in attribute.sub_attributes if s.mutability != "immutable"]
        if key == "type" or changeable:
            yield from _sub_differences(at, *pair)


def _told_apart(items: list[Any], key: str) -> bool:
    """Tell whether every value has the key and no two share it."""
    keys = [item.get(key) for item in items]
    return None not in keys and len(set(keys)) == len(keys)
