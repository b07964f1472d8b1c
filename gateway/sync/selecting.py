"""Selecting: the records of a source for which a filter holds, so that each LMS gets its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.sync.columns import Columns
from gateway.sync.desired import created, operations_for
from gateway.sync.source import Record, Source
from schemas.attributes import ResourceType
from schemas.errors import ScimError
from schemas.filters import Filter
from schemas.match import compile_filter


def selected(source: Source, columns: Columns, full: ResourceType, filter: Filter) -> Source:
    """Return the records whose attributes fulfil a filter, and those that cannot be read."""
    holds = compile_filter(filter)

    def is_wanted(record: Record) -> bool:
        row = columns.row(record)
        if row.problem:
            return True
        values = [(column.path, value) for column, value in row.values]
        try:
            return holds(created(full, operations_for({}, values, clear=False)))
        except ScimError:
            # It will be refused, with the reason.
            return True

    def records() -> Iterator[Record]:
        return (record for record in source.records() if is_wanted(record))

    return replace(source, records=records)
