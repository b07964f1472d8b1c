"""Planning: records are matched with accounts, and what is to become of each is written down."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path as File
from time import perf_counter
from typing import Any
from uuid import uuid4

from connectors.base import Collection
from connectors.http import counted as counting
from connectors.mapping import Resource
from gateway.database import now
from gateway.services import Services
from gateway.sync.accounts import Accounts
from gateway.sync.columns import Column, Columns, Row
from gateway.sync.deciding import FATES, Decider, Wish
from gateway.sync.forecast import Meter, forecast
from gateway.sync.matching import PAGE, Key, calls_for, key_of, look_up, walk
from gateway.sync.plan import Draft, Head, Line
from gateway.sync.references import References
from gateway.sync.source import Source
from gateway.tables import moment_text
from gateway.targets import Target
from schemas.paths import Path

CHUNK = 200
"""How many records are looked at together."""

_SETTING = ("create", "change")
"""What sets the values of a record; all else takes its key only."""


@dataclass(slots=True)
class _Keys:
    """What one reading of the source tells of its keys."""

    lines: dict[Key, int] = field(default_factory=dict)
    twice: dict[Key, int] = field(default_factory=dict)
    scopes: dict[Any, Row] = field(default_factory=dict)
    without: int = 0
    number: int = 0
    names: dict[str, None] = field(default_factory=dict)


class Planner:
    """The plan of one sync on its way into a file."""

    def __init__(
        self,
        services: Services,
        target: Target,
        collection: Collection,
        source: Source,
        columns: Columns,
        wish: Wish,
        meter: Meter,
    ) -> None:
        self._services = services
        self._target = target
        self._collection = collection
        self._source = source
        self._columns = columns
        self._wish = wish
        self._meter = meter
        self._mapping = collection.mapping
        self._references = References(target, services.reader)
        self._notes: list[str] = []
        self._accounts = Accounts(target, collection, services.reader, wish.match)
        self._decider = Decider(services, target, collection, wish)
        self._there, self._gone = FATES[wish.each]

    def write(self, path: File, progress: Callable[[int], None] = lambda done: None) -> Head:
        """Write the plan into a file and return what it is.

        Raises ValueError for what cannot be asked for, ScimError when the LMS cannot be read.
        """
        started = perf_counter()
        self._decider.refuse()
        with Draft(path) as draft:
            with counting() as counter:
                for line in self._all_lines(progress):
                    draft.add(line)
            self._notes += self._decider.notes()
            seconds = round(perf_counter() - started, 1)
            head = self._head(draft.totals, {"calls": counter.calls, "seconds": seconds})
            draft.finish(head)
        return head

    def _all_lines(self, progress: Callable[[int], None]) -> Iterator[Line]:
        keys = self._read_keys()
        self._note_columns(keys)
        self._prepare(keys)
        done = 0
        for rows in _chunks(self._rows(), CHUNK):
            yield from self._lines(rows, keys)
            done += len(rows)
            progress(done)
        yield from self._missing(keys)

    def _head(self, totals: dict[str, int], planning: dict[str, float]) -> Head:
        wish, target = self._wish, self._target
        return Head(
            target=target.name,
            type=self._mapping.full.name,
            source=self._source.name,
            each=wish.each,
            mode=wish.mode,
            match=[str(path) for path in wish.match],
            missing=wish.missing,
            empty=wish.empty,
            configuration=self._services.settings.version,
            time=moment_text(now()),
            id=uuid4().hex,
            totals=totals,
            forecast=forecast(self._collection, target, totals, self._decider.calls, self._meter),
            planning=planning,
            notes=self._notes,
        )

    def _rows(self) -> Iterator[Row]:
        return map(self._columns.row, self._source.records())

    def _read_keys(self) -> _Keys:
        """Read the source for its keys: which there are, which twice, and in which courses."""
        keys, match = _Keys(), self._wish.match
        for record in self._source.records():
            keys.number += 1
            keys.names |= dict.fromkeys(record.values)
            row = self._columns.row(record)
            key = key_of(match, _by_path(row.values))
            if key is None:
                keys.without += 1
            elif key in keys.lines:
                keys.twice[key] = keys.lines[key]
            else:
                keys.lines[key] = record.line
                if len(match) > 1:
                    keys.scopes.setdefault(key[-1], row)
        return keys

    def _note_columns(self, keys: _Keys) -> None:
        """Tell of columns that come to nothing. Raises ValueError for those that are missing."""
        if self._source.columns is None and not keys.number:
            return
        names = keys.names if self._source.columns is None else self._source.columns
        unused = [name for name in self._columns.check(names, self._wish.match) if name]
        if unused:
            self._notes.append(f"Columns that are not used: {', '.join(unused)}.")
        columns = [column for name in names if (column := self._columns.of(name))]
        columns += [column for column, _ in self._columns.constants]
        unheld = [str(column.path) for column in columns if not self._is_held(column.path)]
        if unheld:
            self._notes.append(f"{self._target.name} has no place for: {', '.join(unheld)}.")

    def _is_held(self, path: Path) -> bool:
        rows = self._mapping.rows_of(path)
        return path.name == "id" or any(row.path.sub in (None, path.sub) for row in rows)

    def _prepare(self, keys: _Keys) -> None:
        """Read all accounts, or those of the courses that there are, where that is cheaper."""
        match = self._wish.match
        if len(match) > 1:
            rows = [
                Row(row.line, tuple(pair for pair in row.values if pair[0].path == match[-1]))
                for row in keys.scopes.values()
            ]
            resolved = self._resolved(rows)
            scopes = {value for row in resolved for _, value in row.values}
            found = look_up(self._collection, match[-1], scopes) if scopes else ()
            self._accounts.hold([[r for r in found if not scopes.isdisjoint(match[-1].values(r))]])
        elif self._wish.missing != "keep" or self._walks(keys.number):
            number = self._accounts.hold(walk(self._collection))
            if self._mapping.full.name == "User":
                self._services.guard.learn(self._target.name, number)

    def _walks(self, number: int) -> bool:
        """Tell whether reading everything is cheaper than looking for so many keys."""
        cost = calls_for(self._mapping, self._wish.match[0], number)
        if cost == float("inf"):
            return True
        is_user = self._mapping.full.name == "User"
        everything = self._services.guard.known(self._target.name) if is_user else None
        if everything is None:
            return number > PAGE
        calls = everything / PAGE if self._collection.can_page else 1
        return calls + everything / PAGE < cost

    def _lines(self, rows: list[Row], keys: _Keys) -> Iterator[Line]:
        """Yield what becomes of some records."""
        match = self._wish.match
        bare = [_without_references(row, match) for row in rows]
        named = [key_of(match, _by_path(row.values)) for row in self._resolved(bare)]
        found = self._accounts.found([key for key in named if key], match)
        fates = [self._there if key and found[key] else self._gone for key in named]
        resolved = self._resolved(
            rows[at] if fate in _SETTING else bare[at] for at, fate in enumerate(fates)
        )
        wanted = {id(row): key for row, key in zip(resolved, named, strict=True)}
        taken = self._found_logins(resolved, wanted, found)
        written = frozenset(c.path.name for row in resolved for c, _ in row.values)
        every = [account for accounts in found.values() for account in accounts]
        self._complete(every, self._there, written)
        for raw, row in zip(rows, resolved, strict=True):
            key, given = wanted[id(row)], key_of(match, _by_path(raw.values))
            if row.problem:
                yield Line("refused", row.line, reason=row.problem)
            elif key is None:
                yield Line("refused", row.line, reason=f"it has no {self._wish.key_name}")
            elif given in keys.twice:
                first = keys.twice[given]
                said = f"several records have this {self._wish.key_name}, first line {first}"
                yield Line("refused", row.line, reason=said)
            else:
                accounts = found.get(key, [])
                yield self._decider.for_record(row, accounts, taken.get(id(row), []))

    def _resolved(self, rows: Iterable[Row]) -> list[Row]:
        """Return records with the ids of what they refer to, looked up in as few calls."""
        rows = list(rows)
        self._references.learn(rows)
        return [self._references.resolved(row) for row in rows]

    def _complete(
        self, accounts: list[Resource], fate: str, written: frozenset[str] = frozenset()
    ) -> None:
        """Read what else it takes to tell what becomes of accounts."""
        switch = self._mapping.switch
        disabled = frozenset({switch.name} if switch else ())
        wanted = {"change": written, "disable": disabled}.get(fate, frozenset())
        self._collection.complete(accounts, self._mapping.kept & wanted)

    def _found_logins(
        self, rows: list[Row], wanted: dict[int, Key | None], found: dict[Key, list[Resource]]
    ) -> dict[int, list[Resource]]:
        """Return the accounts that have the logins of records for which there is none."""
        paths = self._accounts.login
        if not paths or self._gone != "create":
            return {}
        logins: dict[int, Key] = {}
        for row in rows:
            key = wanted[id(row)]
            login = key_of(paths, _by_path(row.values))
            if key is not None and login is not None and not found.get(key):
                logins[id(row)] = login
        held = self._accounts.found(list(logins.values()), paths)
        return {row: held[login] for row, login in logins.items()}

    def _missing(self, keys: _Keys) -> Iterator[Line]:
        """Yield what becomes of the accounts that no record tells of."""
        if self._wish.missing == "keep":
            return
        if keys.without:
            self._notes.append(
                f"Missing accounts are kept: {keys.without} records do not tell whom they are of."
            )
            return
        known = self._known_ids(keys) | self._decider.own
        for chunk in _chunks(self._accounts.others(known), CHUNK):
            resources = list(self._accounts.opened(chunk))
            self._complete(resources, self._wish.missing)
            for resource in resources:
                line = self._decider.for_missing(resource)
                if line is not None:
                    yield line

    def _known_ids(self, keys: _Keys) -> set[str]:
        """Return the accounts that records tell of, also those that are refused."""
        match = self._wish.match
        if len(match) == 1:
            return {id for key in keys.lines for id in self._accounts.ids(key)}
        known: set[str] = set()
        for rows in _chunks(self._rows(), CHUNK):
            for row in self._resolved(_without_references(row, match) for row in rows):
                key = key_of(match, _by_path(row.values))
                known.update(self._accounts.ids(key) if key else ())
        return known


def _by_path(values: Iterable[tuple[Column, Any]]) -> dict[Path, Any]:
    return {column.path: value for column, value in values}


def _without_references(row: Row, keys: Container[Path]) -> Row:
    """Return a record without the values that must be looked up, but for its keys."""
    values = tuple(pair for pair in row.values if pair[0].by is None or pair[0].path in keys)
    return replace(row, values=values)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
