"""The sections `[jobs.NAME]` of the configuration: a sync or an export, and when it is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.jobs.schedule import Schedule
from gateway.orders import CHOICES, ExportOrder, SyncOrder
from gateway.references import ConfigurationError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_TABLES = (".toml", ".json")

Read = Callable[[Any, Path], Any]
"""Returns what a value of the configuration means; ValueError says what it has to be."""


@dataclass(frozen=True, slots=True)
class JobSettings:
    """One job: what is done on which target, and when.

    Without a `schedule` it is done only when somebody asks for it. `apply`: a sync's plan is
    applied as soon as it is made, and does not wait until somebody has seen it. A run that fails is
    tried again until it has failed `tries` times. When one is done, the job `then` is done next.
    """

    name: str
    target: str
    order: SyncOrder | ExportOrder
    schedule: Schedule | None = None
    apply: bool = False
    tries: int = 3
    then: str = ""

    @property
    def kind(self) -> str:
        """Return sync or export."""
        return "sync" if isinstance(self.order, SyncOrder) else "export"

    def order_at(self, requested: datetime) -> SyncOrder | ExportOrder:
        """Return the order of a run; the name of an export's file may hold that moment."""
        if isinstance(self.order, SyncOrder) or self.order.out is None:
            return self.order
        zone = ZoneInfo(self.schedule.zone if self.schedule else "UTC")
        name = requested.astimezone(zone).strftime(self.order.out.name)
        return replace(self.order, out=self.order.out.with_name(name))


def _text(value: Any, folder: Path) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def _file(value: Any, folder: Path) -> Path:
    return folder / _text(value, folder)


def _texts(value: Any, folder: Path) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("must be a text or a list of texts")
    return tuple(texts)


def _map(value: Any, folder: Path) -> tuple[str, ...]:
    texts = _texts(value, folder)
    return tuple(str(folder / t) if t.lower().endswith(_TABLES) else t for t in texts)


def _flag(value: Any, folder: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _number(value: Any, folder: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("must be a whole number, 1 or more")
    return value


def _one_of(words: tuple[str, ...]) -> Read:
    def read(value: Any, folder: Path) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return read


Entries = dict[str, tuple[str, Read]]
"""By the name of an entry: that of the field, and what reads it."""

_COMMON: Entries = {
    "schedule": ("schedule", _text),
    "zone": ("zone", _text),
    "tries": ("tries", _number),
    "then": ("then", _text),
}
_SYNC: Entries = {
    "file": ("file", _file),
    "from": ("source", _text),
    "type": ("type", _text),
    "match": ("match", _texts),
    "map": ("map", _map),
    "where": ("where", _text),
    "spare": ("spare", _texts),
    **{name: (name, _one_of(CHOICES[name])) for name in ("each", "mode", "missing", "empty")},
}
_EXPORT: Entries = {
    "type": ("type", _text),
    "filter": ("filter", _text),
    "attributes": ("attributes", _texts),
    "format": ("format", _one_of(CHOICES["format"])),
    "out": ("out", _file),
    "date": ("dates", _texts),
    "delta": ("delta", _file),
    "whole": ("whole", _flag),
    "always": ("always", _texts),
    "quick": ("quick", _flag),
}


def parse_jobs(
    table: dict[str, Any], folder: Path, targets: Collection[str]
) -> dict[str, JobSettings]:
    """Return the jobs of the section `[jobs]` by name; files are below `folder`.

    The entries are those of the commands `sync` and `export`. Raises ConfigurationError.
    """
    jobs = {name: _job(name, entry, folder, targets) for name, entry in table.items()}
    files = [path for job in jobs.values() for path in _written(job.order)]
    if twice := [path.name for path in files if files.count(path) > 1]:
        raise ConfigurationError(f"jobs: two of them write {twice[0]}")
    for job in jobs.values():
        _refuse_circle(job, jobs)
    return jobs


def _refuse_circle(first: JobSettings, jobs: dict[str, JobSettings]) -> None:
    """Refuse a job that follows itself in the end, or is followed by one that there is not."""
    job, passed = first, {first.name}
    while job.then:
        if job.then not in jobs:
            raise ConfigurationError(f"jobs.{job.name}.then: there is no such job: {job.then}")
        if job.then in passed:
            raise ConfigurationError(f"jobs.{job.name}.then: {job.then} would follow itself")
        job = jobs[job.then]
        passed.add(job.name)


def _job(name: str, entry: Any, folder: Path, targets: Collection[str]) -> JobSettings:
    where = f"jobs.{name}"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{where}: a job's name has lower-case letters, digits, - and _")
    if not isinstance(entry, dict) or ("sync" in entry) == ("export" in entry):
        raise ConfigurationError(f"{where} needs either sync or export, which names its target")
    kind = "sync" if "sync" in entry else "export"
    target = entry[kind]
    if target not in targets:
        raise ConfigurationError(f"{where}.{kind}: there is no such target: {target}")
    own = _SYNC | {"apply": ("apply", _flag)} if kind == "sync" else _EXPORT
    known = _COMMON | own
    given: dict[str, Any] = {}
    for key, value in entry.items():
        if key == kind:
            continue
        if key not in known:
            raise ConfigurationError(f"unknown entry {where}.{key}")
        field, read = known[key]
        try:
            given[field] = read(value, folder)
        except ValueError as error:
            raise ConfigurationError(f"{where}.{key} {error}") from None
    common = {key: given.pop(key) for key in ("apply", "tries", "then") if key in given}
    schedule = _schedule(where, given.pop("schedule", None), given.pop("zone", None))
    order = _sync(where, given, targets) if kind == "sync" else _export(where, given)
    return JobSettings(name, target, order, schedule, **common)


def _schedule(where: str, cron: str | None, zone: str | None) -> Schedule | None:
    if cron is None:
        if zone is not None:
            raise ConfigurationError(f"{where}.zone belongs to a schedule")
        return None
    try:
        return Schedule(cron, zone or "UTC")
    except ValueError as error:
        raise ConfigurationError(f"{where}.schedule: {error}") from None


def _sync(where: str, given: dict[str, Any], targets: Collection[str]) -> SyncOrder:
    order = SyncOrder(**given)
    if (order.file is None) == (not order.source):
        raise ConfigurationError(f"{where} needs either file or from, another target")
    if order.source and order.source not in targets:
        raise ConfigurationError(f"{where}.from: there is no such target: {order.source}")
    return order


def _export(where: str, given: dict[str, Any]) -> ExportOrder:
    order = ExportOrder(**given)
    if order.out is None:
        raise ConfigurationError(f"{where} needs out, the file that is written")
    if order.delta is None and (order.always or order.quick or not order.whole):
        raise ConfigurationError(f"{where}: whole, always and quick belong to delta")
    if order.delta is not None and "%" not in order.out.name:
        raise ConfigurationError(
            f"{where}.out: what one delta tells no other one tells again, so give each a file: "
            "people-%Y%m%d-%H%M%S.jsonl"
        )
    return order


def _written(order: SyncOrder | ExportOrder) -> list[Path]:
    if isinstance(order, SyncOrder):
        return []
    return [path for path in (order.out, order.delta) if path is not None]
