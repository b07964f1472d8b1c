"""An export as it was ordered: checked as a whole, then written where it shall be."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import IO

from gateway.database import now
from gateway.dates import DateFormat
from gateway.exporting import files
from gateway.exporting.files import Identity
from gateway.exporting.forms import Dates, Form, JsonLines, Table, columns_of
from gateway.exporting.journals import Journal
from gateway.exporting.runs import Delta, Output, digest_of, run
from gateway.exporting.sources import Source
from gateway.orders import ExportOrder
from gateway.progress import Progress, Watch
from gateway.query import Query
from gateway.services import Services
from schemas.attributes import ResourceType
from schemas.filters import parse_filter, parse_path
from schemas.paths import Path
from schemas.projection import DEFAULT, Projection


@dataclass(frozen=True, slots=True)
class Export:
    """What an order comes to: what is read from where, and in which form it is written."""

    order: ExportOrder
    source: Source
    query: Query
    form: Form
    delta: Delta | None

    def write(self, stdout: IO[bytes], watch: Watch) -> Progress:
        """Write the file, then the state; one that is complete takes the place of the one before.

        An order without a file goes to `stdout`. Goes on where an earlier run was stopped. Raises
        JournalError, OSError, and ScimError when the LMS fails.
        """
        out, state = self.order.out, self.order.delta
        with ExitStack() as stack:
            place = files.part_of(state) if state else files.journal_of(out) if out else None
            if place is None:
                journal = stack.enter_context(closing(Journal()))
            else:
                is_new = self.order.restart or out is None or not files.part_of(out).exists()
                opened = files.opened_journal(place, self._identity(), older=state, restart=is_new)
                journal = stack.enter_context(opened)
            kept = stack.enter_context(files.opened(out, journal)) if out else None
            output: Output = kept or files.Flow(stdout)
            progress = run(self.source, self.query, self.form, journal, output, self.delta, watch)
            if kept is not None:
                kept.finish()
            if state is not None:
                journal.become(state)
        if place is not None and state is None:
            files.forget(place)
        return progress

    def _identity(self) -> Identity:
        """Return what tells this export from others, without the values that a filter holds."""
        order, form, query = self.order, self.form, self.query
        names = [column.path for column in form.columns] if isinstance(form, Table) else []
        included = sorted({str(path) for path in query.projection.included})
        what = self.source.collection.mapping.full.name, query.filter, included
        shape = (
            self.source.base,
            order.out,
            names,
            order.format,
            order.dates,
            order.whole,
            order.always,
            order.quick,
        )
        return Identity(digest_of(self.source.target.name, *what), digest_of(*shape))


def prepared(services: Services, target: str, order: ExportOrder) -> Export:
    """Return the export of an order. Raises ScimError 400 or ValueError for a mistake in it."""
    source = _source(services, target, order.type)
    mapping = source.collection.mapping
    full = mapping.full
    always = tuple(parse_path(name, full) for name in order.always)
    projection = DEFAULT
    if order.attributes:
        named = tuple(parse_path(name.strip(), full) for name in order.attributes)
        projection = Projection(included=(*named, *always), restricted=True)
    query = Query(parse_filter(order.filter, full) if order.filter else None, projection=projection)
    dates = _dates(order.dates, full)
    form: Form = JsonLines(dates)
    if order.format == "csv":
        form = Table(columns_of(mapping, projection), dates, is_delta=order.delta is not None)
    if order.delta is None:
        if order.always or order.quick or not order.whole:
            raise ValueError("--changed-only, --always and --quick belong to --delta STATE.")
        return Export(order, source, query, form, None)
    if order.quick:
        _refuse_slow(source, query)
    return Export(order, source, query, form, Delta(order.whole, always, order.quick))


def _source(services: Services, name: str, type_: str) -> Source:
    """Return the collection of a type, by the type's name or its endpoint's."""
    target = services.targets[name]
    known = {
        said.lower(): one
        for one in target.connector.collections.values()
        for said in (one.mapping.full.name, one.mapping.full.endpoint)
    }
    collection = known.get(type_.lower())
    if collection is None:
        types = ", ".join(target.connector.collections)
        raise ValueError(f"{name} has no resource type {type_}. It has: {types}.")
    return Source(services.reader, target, collection, services.base(name), services.audit)


def _dates(given: tuple[str, ...], full: ResourceType) -> Dates:
    dates: dict[Path, DateFormat] = {}
    for text in given:
        name, equals, form = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r} is not ATTRIBUTE=FORMAT.")
        try:
            dates[parse_path(name.strip(), full)] = DateFormat.parse(form)
        except ValueError as error:
            raise ValueError(f"--date {name}: {error}.") from None
    return dates


def _refuse_slow(source: Source, query: Query) -> None:
    if query.filter is not None:
        raise ValueError("--quick goes without --filter: what left it would not be seen.")
    if source.collection.changed(now()) is None:
        name, what = source.target.name, source.collection.mapping.full.endpoint
        raise ValueError(
            f"{name} cannot be asked which {what} have changed: leave out --quick, or see "
            "docs/export.md."
        )
