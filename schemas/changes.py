"""A write as a list of Changes: the old resource against the new one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from schemas.attributes import Attribute, ResourceType
from schemas.errors import invalid_value, mutability
from schemas.filters import Compare
from schemas.match import is_present
from schemas.messages import Operation
from schemas.patch import Resource, apply_patch
from schemas.paths import Path

__all__ = ["Change", "Resource", "apply_patch", "check", "diff", "replay"]


@dataclass(frozen=True, slots=True)
class Change:
    """What POST, PUT and PATCH alike become: one attribute that differs.

    `old` and `new` are None where there is no value. A value of a list that has no key of its own
    (a group's member) comes or goes as a whole: op add or remove with the value as `new` or `old`.
    A list of plain values (roles) is one value: `old` and `new` are lists.
    """

    path: Path
    op: Literal["add", "replace", "remove"]
    old: Any
    new: Any


def diff(resource_type: ResourceType, old: Resource, new: Resource) -> tuple[Change, ...]:
    """Return what differs, attribute by attribute.

    Read-only attributes are left aside; a write-only one differs whenever `new` has it.
    Values of a list are told apart by their `type` where that is unique, else by their `value`;
    of a list of plain values the first is the primary one, and the order of the others is nothing.
    """
    return tuple(_differences(resource_type, old, new))


def replay(resource_type: ResourceType, resource: Resource, changes: Iterable[Change]) -> Resource:
    """Return the resource after the changes, which may be some of those of a `diff`."""
    operations = [_operation(change) for change in changes]
    return apply_patch(resource_type, resource, operations)[0]


def _operation(change: Change) -> Operation:
    """Return the operation that makes a change; a value of a list is removed by what it is."""
    path = str(change.path)
    whole = change.path.attribute.multi_valued and not change.path.sub and not change.path.where
    whole = whole and not isinstance(change.old or change.new, list)
    if change.op != "remove":
        return Operation(change.op, path, [change.new] if whole else change.new)
    if whole:
        old = change.old.get("value") if isinstance(change.old, dict) else change.old
        path += f"[value eq {json.dumps(old, ensure_ascii=False)}]"
    return Operation("remove", path, None)


def check(
    resource_type: ResourceType,
    resource: Resource,
    *,
    before: Resource | None = None,
    patched: bool = False,
) -> None:
    """Check a whole resource: required attributes, canonical values, at most one primary.

    What is as it was in `before` is not looked at: it is not the client's doing. After a PATCH,
    what is required and gone was removed, which the standard calls a mutability error (section
    3.5.2.2). Raises 400 invalidValue or mutability.
    """
    for urn, attribute in resource_type.attributes():
        path = Path(urn, attribute.name, attribute=attribute)
        value, held = _held(resource, path), _held(before or {}, path)
        if before is not None and value == held:
            continue
        if attribute.required and not is_present(value):
            if before is None or is_present(held):
                raise _missing(str(path), patched)
            continue
        if value is None:
            continue
        if not attribute.multi_valued:
            _check_item(attribute, value, held, str(path), patched)
            continue
        known = held or []
        for item in value:
            if item not in known:
                _check_item(attribute, item, None, str(path), patched)
        if attribute.sub("primary"):
            primaries = sum(1 for item in value if item.get("primary") is True)
            if primaries > 1:
                raise invalid_value(f"{path} has {primaries} primary values; one is allowed.")


def _missing(shown: str, patched: bool) -> Exception:
    if patched:
        return mutability(f"{shown} is required and cannot be removed.")
    return invalid_value(f"{shown} is required.")


def _check_item(attribute: Attribute, item: Any, held: Any, shown: str, patched: bool) -> None:
    if attribute.type != "complex":
        _check_canonical(attribute, item, shown)
        return
    for sub in attribute.sub_attributes:
        value = item.get(sub.name)
        if held is not None and value == held.get(sub.name):
            continue
        if sub.required and not is_present(value):
            raise _missing(f"{shown}.{sub.name}", patched)
        if value is not None and sub.name != "type":
            _check_canonical(sub, value, f"{shown}.{sub.name}")


def _check_canonical(attribute: Attribute, value: Any, shown: str) -> None:
    allowed = attribute.canonical_values
    if allowed and value not in allowed:
        some = ", ".join(allowed[:20]) + (", ..." if len(allowed) > 20 else "")
        raise invalid_value(f"{shown}: {str(value)[:80]!r} is not one of {some}.")


def _differences(resource_type: ResourceType, old: Resource, new: Resource) -> Iterator[Change]:
    common = (("", a) for a in (resource_type.find("externalId"),) if a)
    for urn, attribute in (*common, *resource_type.attributes()):
        if attribute.mutability == "readOnly":
            continue
        path = Path(urn, attribute.name, attribute=attribute)
        before, after = _held(old, path), _held(new, path)
        if attribute.mutability == "writeOnly":
            before = None
        if attribute.multi_valued:
            yield from _list_differences(path, before or [], after or [])
        elif attribute.type == "complex":
            yield from _sub_differences(path, before or {}, after or {})
        else:
            yield from _difference(path, before, after)


def _held(resource: Resource, path: Path) -> Any:
    return ((resource.get(path.urn) or {}) if path.urn else resource).get(path.name)


def _difference(path: Path, before: Any, after: Any) -> Iterator[Change]:
    """Yield the change of one value; an immutable one stays when `after` leaves it out."""
    before = before if is_present(before) else None
    after = after if is_present(after) else None
    if before == after:
        return
    if path.leaf.mutability == "immutable" and before is not None:
        if after is None:
            return
        raise mutability(f"{path} is immutable.")
    yield Change(path, _op(before, after), before, after)


def _op(before: Any, after: Any) -> Literal["add", "replace", "remove"]:
    return "add" if before is None else "remove" if after is None else "replace"


def _sub_differences(path: Path, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for sub in path.attribute.sub_attributes:
        if sub.mutability == "readOnly":
            continue
        at = replace(path, sub=sub.name, sub_attribute=sub)
        old, new = before.get(sub.name), after.get(sub.name)
        if sub.name == "primary":
            # Not primary is what a value is that does not say it (RFC 7643 section 2.4).
            old, new = old or None, new or None
        yield from _difference(at, None if sub.mutability == "writeOnly" else old, new)


def _list_differences(path: Path, before: list[Any], after: list[Any]) -> Iterator[Change]:
    if path.attribute.type != "complex":
        if before[:1] != after[:1] or set(before) != set(after):
            old, new = before or None, after or None
            yield Change(path, _op(old, new), old, new)
        return
    if path.attribute.keyed:
        key = "value"
    else:
        by_type = _told_apart(before, "type") and _told_apart(after, "type")
        key = "type" if by_type else "value"
    sub = path.attribute.sub(key)
    if sub is None or not (_told_apart(before, key) and _told_apart(after, key)):
        if _written(path.attribute, before) != _written(path.attribute, after):
            old, new = before or None, after or None
            yield Change(path, _op(old, new), old, new)
        return
    old_by, new_by = ({item[key]: item for item in items} for items in (before, after))
    for name in {**old_by, **new_by}:
        was, will = old_by.get(name), new_by.get(name)
        if key == "value" and (was is None or will is None):
            yield Change(path, _op(was, will), was, will)
        elif sub.mutability == "immutable":
            _check_immutable(path, was or {}, will or {})
        else:
            where = Compare(Path("", sub.name, attribute=sub), "eq", name)
            pair = [{k: v for k, v in (item or {}).items() if k != key} for item in (was, will)]
            yield from _sub_differences(replace(path, where=where), *pair)


def _check_immutable(path: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refuse to make another thing of a member; `$ref` follows from its value."""
    for sub in path.attribute.sub_attributes:
        if sub.mutability != "immutable" or sub.name == "$ref":
            continue
        old, new = before.get(sub.name), after.get(sub.name)
        if None not in (old, new) and old != new:
            raise mutability(f"{path}.{sub.name} is immutable.")


def _written(attribute: Attribute, items: list[Any]) -> list[Any]:
    """Return what clients may write of the values, without regard to their order."""
    names = [sub.name for sub in attribute.sub_attributes if sub.mutability != "readOnly"]
    return sorted([(name, item[name]) for name in names if item.get(name)] for item in items)


def _told_apart(items: list[Any], key: str) -> bool:
    """Tell whether every value has the key and no two share it."""
    keys = [item.get(key) for item in items]
    return None not in keys and len(set(keys)) == len(keys)
