"""A sync as it was ordered: what makes its plan."""

from __future__ import annotations

from gateway.orders import SyncOrder
from gateway.services import Services
from gateway.sync.columns import Columns, path_of, read_map
from gateway.sync.deciding import Wish
from gateway.sync.forecast import Meter
from gateway.sync.planning import Planner
from gateway.sync.selecting import selected
from gateway.sync.source import Source, file_source, target_source
from schemas.filters import parse_filter

_TAKEN = ("User", "Course")
"""What can be taken from another target."""


def planner(services: Services, target: str, order: SyncOrder, meter: Meter) -> Planner:
    """Return what makes the plan of an order.

    Raises ValueError and ScimError 400 for what cannot be asked for, OSError for the file.
    """
    entry = services.targets[target]
    collection = entry.connector.collections.get(order.type)
    if collection is None:
        raise ValueError(f"{target} has no resource type {order.type}")
    full = collection.mapping.full
    columns = Columns(full, *read_map(order.map))
    wish = Wish(
        tuple(path_of(full, text) for text in order.match or full.key),
        each=order.each,
        mode=order.mode,
        missing=order.missing,
        empty=order.empty,
        spared=frozenset(order.spare),
    )
    records = _records(services, target, order)
    if order.where:
        records = selected(records, columns, full, parse_filter(order.where, full))
    return Planner(services, entry, collection, records, columns, wish, meter)


def _records(services: Services, target: str, order: SyncOrder) -> Source:
    if order.file is not None:
        return file_source(order.file)
    if order.source == target:
        raise ValueError("a target cannot be brought to itself")
    if order.source not in services.targets:
        raise ValueError(f"no such target: {order.source}")
    theirs = services.targets[order.source].connector.collections.get(order.type)
    if theirs is None or order.type not in _TAKEN:
        raise ValueError(
            f"{order.source} is no source of {order.type}: only users and courses can be taken"
        )
    mine = services.targets[target].connector.collections[order.type].mapping
    held = {str(row.path) for row in mine.rows if row.field.writable}
    return target_source(order.source, theirs, held.__contains__)
