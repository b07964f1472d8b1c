"""Runs: a source is read, what is new is written, and the journal tells how far it has got."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol

import orjson

from connectors.planning import Plan
from gateway.cursors import CURSOR_SECONDS
from gateway.database import now
from gateway.exporting.deltas import difference, digests_of
from gateway.exporting.forms import Difference, Form
from gateway.exporting.journals import Digests, Journal
from gateway.exporting.sources import Part, Source
from gateway.progress import Progress, Watch
from gateway.query import Query
from schemas.filters import instant
from schemas.paths import Path

MARGIN = timedelta(minutes=10)
"""How far the clocks of gateway and LMS may differ, where only what is newer is asked for."""

_AT_ONCE = 200


class Output(Protocol):
    """Where an export is written to."""

    def write(self, content: bytes, /) -> object:
        """Take some bytes."""

    def sync(self) -> int:
        """Make sure that all is kept; return how many bytes that are."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What a delta shows: the `whole` of what has changed or only the changes, and some `always`.

    `quick`: only what the LMS itself says to have changed is read; of what has gone, only what was
    deleted here is seen.
    """

    whole: bool = True
    always: tuple[Path, ...] = ()
    quick: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    lines: bytes
    seen: list[tuple[str, Digests | None]]
    next: str = ""
    stamp: str = ""


def digest_of(*what: object) -> str:
    """Return what tells one query from another in a journal, which holds no values of filters."""
    return blake2b(orjson.dumps([str(part) for part in what]), digest_size=16).hexdigest()


def run(
    source: Source,
    query: Query,
    form: Form,
    journal: Journal,
    output: Output,
    delta: Delta | None = None,
    watch: Watch = lambda progress: None,
) -> Progress:
    """Write all that a query finds, or what has changed, from where the journal ends.

    After each part the output is kept, then the journal: what the journal does not know is not in
    the output once that is cut to the journal's `bytes`.
    """
    told = ("written",) if delta is None else ("created", "changed", "deleted", "unchanged")
    progress = Progress(journal.count(), counts=dict.fromkeys(told, 0))
    if progress.read:
        progress.count("written before", progress.read)
    if not journal.told("begun"):
        output.write(form.head())
        known = {"begun": now().isoformat(), "stamp": journal.told_before("stamp")}
        journal.note([], **known, bytes=str(output.sync()))
    steps = (
        _resources(source, query, form, journal, progress)
        if delta is None
        else _differences(source, query, form, journal, progress, delta)
    )
    for step in steps:
        output.write(step.lines)
        known = {"next": step.next, "time": now().isoformat(), "bytes": str(output.sync())}
        journal.note(step.seen, **known, stamp=max(journal.told("stamp"), step.stamp))
        progress.read += len(step.seen)
        watch(progress)
    return progress


def _resources(
    source: Source, query: Query, form: Form, journal: Journal, progress: Progress
) -> Iterator[_Step]:
    for part in _fresh(source, query, journal, progress):
        progress.count("written", len(part.resources))
        seen = [(str(one["id"]), None) for one in part.resources]
        yield _Step(form.lines(part.resources), list(seen), part.next, part.stamp)


def _differences(
    source: Source, query: Query, form: Form, journal: Journal, progress: Progress, delta: Delta
) -> Iterator[_Step]:
    progress.total = journal.count_before() or None
    changed = _changed(source, journal) if delta.quick else None
    if changed is not None:
        progress.total = None
    if not journal.told("walked"):
        for part in _fresh(source, query, journal, progress, changed):
            yield _compared(part, form, journal, progress, delta)
        journal.note([], walked="yes")
    for ids in journal.only_before(_AT_ONCE):
        if changed is not None:
            deleted = source.deleted(ids)
            gone = [id for id in ids if id in deleted]
            journal.take_over(set(ids) - deleted)
        else:
            # The list may have moved while it was read: none is gone that is still there.
            yield _compared(Part(source.among(query, ids)), form, journal, progress, delta)
            gone = sorted(journal.fresh(ids))
        progress.count("deleted", len(gone))
        lines = form.differences(Difference("deleted", id, {}) for id in gone)
        yield _Step(lines, [(id, None) for id in gone])


def _compared(part: Part, form: Form, journal: Journal, progress: Progress, delta: Delta) -> _Step:
    salt = bytes.fromhex(journal.told("salt"))
    seen: list[tuple[str, Digests | None]] = []
    found: list[Difference] = []
    for resource in part.resources:
        digests = digests_of(resource, salt)
        before = journal.digests_before(resource["id"])
        seen.append((resource["id"], digests))
        one = difference(resource, digests, before, whole=delta.whole, always=delta.always)
        progress.count("unchanged" if one is None else one.op)
        if one is not None:
            found.append(one)
    return _Step(form.differences(found), seen, part.next, part.stamp)


def _fresh(
    source: Source,
    query: Query,
    journal: Journal,
    progress: Progress,
    changed: Plan | None = None,
) -> Iterator[Part]:
    """Yield what the journal has not noted, from its place on while that is good."""
    start = journal.told("next") if _is_recent(journal.told("time")) else ""
    for part in source.parts(query, start, changed):
        progress.total = progress.total or part.total
        fresh = journal.fresh(one["id"] for one in part.resources)
        held = {one["id"]: one for one in part.resources if one["id"] in fresh}
        yield replace(part, resources=list(held.values()))


def _is_recent(time: str) -> bool:
    """Tell whether a place noted then is good: later on, the list may have moved too far."""
    return bool(time) and now() - datetime.fromisoformat(time) < timedelta(0, CURSOR_SECONDS)


def _changed(source: Source, journal: Journal) -> Plan | None:
    """Return the plan for all that the older journal may lack, None when that is not known.

    It reaches back beyond the newest change that the older run saw, where the LMS shows such
    moments, and beyond its beginning.
    """
    stamp, begun = (instant(journal.told_before(name)) for name in ("stamp", "begun"))
    if begun is None or (stamp is None and source.has_stamps):
        return None
    return source.collection.changed(min(stamp or begun, begun) - MARGIN)
