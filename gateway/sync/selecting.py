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

    def judged(record: Record) -> Record | None:
        """Return a record that is wanted; one that cannot be judged is to be refused."""
        row = columns.row(record)
        ids = {c.path.name: value for c, value in row.values if c.path.name == "id"}
        values = [(c.path, value) for c, value in row.values if c.path.name != "id"]
        try:
            body = created(full, operations_for({}, values, clear=False)) | ids
        except ScimError as problem:
            return replace(record, problem=row.problem or problem.detail)
        return replace(record, problem=row.problem) if row.problem or holds(body) else None

    def records() -> Iterator[Record]:
        return (wanted for record in source.records() if (wanted := judged(record)))

    return replace(source, records=records)
