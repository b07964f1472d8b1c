"""What an account is to be: the operations of a PATCH, and the changes that they lead to.

The changes are computed as `Writer.patch` does, so that plan and write cannot differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

from connectors.base import Collection
from connectors.mapping import Resource
from gateway import bodies
from gateway.sync.columns import stated
from gateway.targets import Target
from schemas.attributes import ResourceType
from schemas.changes import Change, apply_patch, check, diff
from schemas.errors import ScimError
from schemas.match import compile_filter
from schemas.messages import PATCH_OP, load_patch
from schemas.paths import Path

Mode = Literal["exact", "add", "remove"]
Operations = list[dict[str, Any]]
Values = Iterable[tuple[Path, Any]]


def message(operations: Operations) -> dict[str, Any]:
    """Return the PatchOp of operations (RFC 7644 section 3.5.2)."""
    return {"schemas": [PATCH_OP], "Operations": operations}


def operations_for(before: Resource, values: Values, *, clear: bool) -> Operations:
    """Return the operations that give a resource the values at the paths.

    What it has already needs none. None clears what there is, or with `clear` false says nothing. A
    value of a list that is not there yet is added as a whole, as the standard wants it.
    """
    operations: Operations = []
    added: dict[tuple[Path, str], dict[str, Any]] = {}
    for path, value in values:
        held = list(_held(before, path))
        if value is None:
            if clear and held:
                operations.append({"op": "remove", "path": str(path)})
        elif held == (value if isinstance(value, list) else [value]):
            continue
        elif path.where is None or any(True for _ in _selected(before, path)):
            operations.append({"op": "replace", "path": str(path), "value": value})
        else:
            item = added.setdefault((path.whole, str(path.where)), stated(path))
            item |= {path.sub: value} if path.sub else value
    for (whole, _), item in added.items():
        operations.append({"op": "add", "path": str(whole), "value": [item]})
    return operations


def created(full: ResourceType, operations: Operations) -> Resource:
    """Return the message of the create that operations on nothing lead to. Raises ScimError 400."""
    resource: Resource = {}
    if operations:
        resource, _ = apply_patch(full, {}, load_patch(message(operations)))
    urns = [full.schema.urn, *(e.urn for e in full.extensions if e.urn in resource)]
    return {"schemas": urns, **resource}


def changes_for(
    target: Target, collection: Collection, before: Resource, operations: Operations
) -> tuple[tuple[Change, ...], Resource]:
    """Return what a PATCH would change, and what it would lead to. Raises what refuses it."""
    if not operations:
        return (), before
    mapping = collection.mapping
    loaded = load_patch(message(operations), strict=target.settings.strict)
    patched, _ = bodies.patched(target, collection, before, loaded)
    after = mapping.carry_over(before, patched)
    check(mapping.resource_type, after, before=before, patched=True)
    return diff(mapping.resource_type, before, after), after


def restricted(before: Resource, changes: Iterable[Change], mode: Mode) -> Operations:
    """Return the operations for those changes that a mode lets through.

    `add` takes nothing away, neither a value nor one of several; `remove` puts nothing there.
    """
    values: list[tuple[Path, Any]] = []
    operations: Operations = []
    for change in changes:
        if isinstance(change.old or change.new, list):
            left = _united(change, mode)
            if left != change.old:
                values.append((change.path, left))
        elif (change.op == "remove") != (mode == "remove"):
            continue
        elif change.path.attribute.multi_valued and not change.path.sub and not change.path.where:
            operations.append(_of_one_value(change))
        else:
            values.append((change.path, change.new))
    return operations_for(before, values, clear=True) + operations


def is_within(changes: Iterable[Change], mode: Mode) -> bool:
    """Tell whether changes keep to a mode."""
    return mode == "exact" or all(
        _united(change, mode) == change.new
        if isinstance(change.old or change.new, list)
        else (change.op == "remove") == (mode == "remove")
        for change in changes
    )


def _united(change: Change, mode: Mode) -> list[Any] | None:
    """Return a list of plain values with what is added, or without what is removed."""
    old, new = change.old or [], change.new or []
    if mode == "add":
        return [*old, *(value for value in new if value not in old)]
    return [value for value in old if value in new] or None


def _of_one_value(change: Change) -> dict[str, Any]:
    """Return the operation for a value of a list that comes or goes as a whole."""
    path = str(change.path)
    if change.op != "remove":
        return {"op": "add", "path": path, "value": [change.new]}
    key = json.dumps(change.old["value"], ensure_ascii=False)
    return {"op": "remove", "path": f"{path}[value eq {key}]"}


def _selected(resource: Resource, path: Path) -> Iterable[Any]:
    """Yield the values of a list that the filter of a path selects."""
    assert path.where is not None
    holds = _predicate(path.where)
    for item in path.whole.values(resource):
        if holds(item if isinstance(item, dict) else {"value": item}):
            yield item


_predicate = lru_cache(maxsize=64)(compile_filter)


def _held(resource: Resource, path: Path) -> Iterable[Any]:
    """Yield the values that a resource has at a path, of a list those that its filter selects."""
    if path.where is None:
        return path.values(resource)
    items = _selected(resource, path)
    values = (item.get(path.sub) if path.sub else item for item in items)
    return (value for value in values if value is not None)


def reason(problem: ScimError | ValueError) -> str:
    """Return why a record is refused."""
    return problem.detail if isinstance(problem, ScimError) else str(problem)
