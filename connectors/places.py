"""Where a row's value stands in a resource: put there, read, taken away.

The place in a list is a slot: the value whose `type` (or what else the row's path says) fits.
"""

from __future__ import annotations

from typing import Any

from connectors.fields import Row
from schemas.match import is_present
from schemas.messages import is_void
from schemas.paths import Path

Resource = dict[str, Any]


def place(
    resource: Resource, path: Path, constants: dict[str, Any], only: bool, value: Any
) -> None:
    """Put a value at its path; `only` marks the one value of a list as the primary one."""
    holder = resource.setdefault(path.urn, {}) if path.urn else resource
    if path.sub is None:
        holder[path.name] = value
    elif not path.attribute.multi_valued:
        holder.setdefault(path.name, {})[path.sub] = value
    else:
        item = _slot(holder.setdefault(path.name, []), constants)
        item[path.sub] = value
        if only:
            item["primary"] = True


def value_at(resource: Resource, row: Row) -> Any:
    """Return the value at a row's place, None when it is unassigned."""
    path = row.path
    holder = (resource.get(path.urn) or {}) if path.urn else resource
    value = holder.get(path.name)
    if path.sub is None or value is None:
        return value if is_present(value) else None
    items = value if isinstance(value, list) else [value]
    for item in items:
        if is_in_slot(item, row.constants):
            held = item.get(path.sub)
            return held if is_present(held) else None
    return None


def drop(resource: Resource, row: Row) -> None:
    """Take the value at a row's place away, and the holder that has nothing left to say."""
    path = row.path
    holder = resource.get(path.urn) if path.urn else resource
    held = (holder or {}).get(path.name)
    if held is None or holder is None:
        return
    if path.sub is None:
        del holder[path.name]
    else:
        for item in held if isinstance(held, list) else [held]:
            if is_in_slot(item, row.constants):
                item.pop(path.sub, None)
        if isinstance(held, list):
            holder[path.name] = [item for item in held if not is_void(item)]
        if not holder[path.name]:
            del holder[path.name]
    if path.urn and not holder:
        del resource[path.urn]


def is_in_slot(item: dict[str, Any], constants: dict[str, Any]) -> bool:
    """Tell whether a value is of the wanted type, in whatever letter case that is written."""
    return all(
        str(item.get(name, "")).casefold() == str(wanted).casefold()
        for name, wanted in constants.items()
    )


def _slot(items: list[dict[str, Any]], constants: dict[str, Any]) -> dict[str, Any]:
    for item in items:
        if is_in_slot(item, constants):
            return item
    items.append(dict(constants))
    return items[-1]
