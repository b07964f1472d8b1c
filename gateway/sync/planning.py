"""Planning: what becomes of each record of a source, computed without a write."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path as File
from time import perf_counter
from typing import Any
from uuid import uuid4

import orjson

from connectors.base import Collection
from connectors.http import counted as counting
from connectors.mapping import Resource
from gateway import bodies
from gateway.database import now
from gateway.guards.counting import counted
from gateway.keys import login_of
from gateway.records import records
from gateway.services import Services
from gateway.sync.accounts import Accounts
from gateway.sync.columns import Column, Columns, Row
from gateway.sync.desired import (
    Mode,
    Operations,
    changes_for,
    created,
    is_within,
    operations_for,
    reason,
    restricted,
)
from gateway.sync.forecast import Meter, forecast
from gateway.sync.matching import PAGE, Key, calls_for, key_of, look_up, walk
from gateway.sync.plan import Draft, Head, Kind, Line
from gateway.sync.references import References
from gateway.sync.source import Source
from gateway.sync.trying import Trials
from gateway.tables import moment_text
from gateway.targets import Target
from schemas.attributes import ResourceType
from schemas.changes import Change, diff
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.paths import Path

CHUNK = 200
"""How many records are looked at together."""

FATES: dict[str, tuple[Kind, Kind]] = {
    "sync": ("change", "create"),
    "create": ("none", "create"),
    "change": ("change", "absent"),
    "disable": ("disable", "absent"),
    "delete": ("delete", "absent"),
}
"""By what is done for each record: what becomes of who is there, and of who is not."""

_SETTING = ("create", "change")
"""What sets the values of a record; all else takes its key only."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sync is asked for.

    Accounts are matched by the paths in `match`. `each` is what is done for each record, one of
    FATES. `mode` lets everything through, or only what adds, or only what removes. `missing`
    accounts, which no record tells of, are kept, disabled or deleted; those with the logins
    `spared` neither for that nor for a record. An `empty` cell keeps what there is, or clears it.
    """

    match: tuple[Path, ...]
    each: str = "sync"
    mode: Mode = "exact"
    missing: str = "keep"
    empty: str = "keep"
    spared: frozenset[str] = frozenset()


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
        self._trials = Trials()
        self._guarded: dict[str, int] = {}
        self._notes: list[str] = []
        self._accounts = Accounts(target, collection, services.reader, wish.match)
        self._decided: set[str] = set()
        self._there, self._gone = FATES[wish.each]
        self._spared = frozenset(login.casefold() for login in wish.spared)

    def write(self, path: File, progress: Callable[[int], None] = lambda done: None) -> Head:
        """Write the plan into a file and return what it is.

        Raises ValueError for what cannot be asked for, ScimError when the LMS cannot be read.
        """
        started = perf_counter()
        self._refuse()
        with Draft(path) as draft:
            with counting() as counter:
                for line in self._all_lines(progress):
                    draft.add(line)
            self._note_guards()
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
            forecast=forecast(self._collection, target, totals, self._trials.calls, self._meter),
            planning=planning,
            notes=self._notes,
        )

    def _refuse(self) -> None:
        """Raise ValueError for what the target cannot do, or what contradicts itself."""
        wish, name = self._wish, self._mapping.full.endpoint
        ends = {"disable", "delete"} & {wish.each, wish.missing}
        if wish.mode == "add" and (ends or wish.empty != "keep"):
            raise ValueError(
                "with --mode add nothing is removed: neither --missing nor --empty,"
                " nor --each disable or delete"
            )
        if wish.mode == "remove" and wish.each == "create":
            raise ValueError("with --mode remove nobody is created: not with --each create")
        if wish.each in ends and wish.missing != "keep":
            raise ValueError(f"--each {wish.each} leaves all others alone: not with --missing")
        if "disable" in ends and self._mapping.switch is None:
            raise ValueError(f"{name} cannot be disabled in {self._target.name}")
        if "disable" in ends and self._target.settings.changes == "remove":
            raise ValueError(f'{self._target.name} disables nobody (changes = "remove")')
        if "delete" in ends and self._target.settings.delete == "refuse":
            raise ValueError(f'{self._target.name} refuses to delete (delete = "refuse")')

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
                yield Line("refused", row.line, reason=f"it has no {_shown(match)}")
            elif given in keys.twice:
                first = keys.twice[given]
                said = f"several records have this {_shown(match)}, first line {first}"
                yield Line("refused", row.line, reason=said)
            else:
                yield self._line(row, found.get(key, []), taken.get(id(row), []))

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

    def _line(self, row: Row, accounts: list[Resource], taken: list[Resource]) -> Line:
        if len(accounts) > 1:
            ids = ", ".join(account["id"] for account in accounts[:5])
            said = f"several accounts have this {_shown(self._wish.match)}: {ids}"
            return Line("refused", row.line, reason=said)
        login = login_of(self._mapping.full, accounts[0] if accounts else _plain(row)) or ""
        if accounts and accounts[0]["id"] in self._decided:
            said = "an earlier record is of the same account"
            return Line("refused", row.line, accounts[0]["id"], login, reason=said)
        self._decided.update(account["id"] for account in accounts)
        if taken and not accounts:
            said = f"another account has its login: {taken[0]['id']}"
            return Line("refused", row.line, login=login, reason=said)
        try:
            if accounts:
                return self._for_account(row, accounts[0], login)
            if self._gone == "absent" or self._wish.mode == "remove":
                return Line("absent", row.line, login=login)
            return self._create(row, login)
        except (ScimError, ValueError) as problem:
            if isinstance(problem, ScimError) and problem.status >= 500:
                raise
            return Line("refused", row.line, login=login, reason=reason(problem))

    def _for_account(self, row: Row, before: Resource, login: str) -> Line:
        """Return what becomes of a record's account. Raises ValueError for one that is spared."""
        if self._there == "change":
            return self._change(row, before, login)
        if self._there == "none":
            return Line("none", row.line, before["id"], login)
        if login.casefold() in self._spared:
            raise ValueError("it is spared")
        if before["id"] in self._own:
            raise ValueError("it is the account of the target's own token")
        return self._ended(self._there, row.line, before, login)

    def _create(self, row: Row, login: str) -> Line:
        full = self._mapping.full
        values = [(column.path, value) for column, value in row.values if column.path.name != "id"]
        body = created(full, operations_for({}, values, clear=False))
        fitted, _ = bodies.held(self._target, self._collection, body)
        resource = bodies.completed(self._collection, fitted)
        self._collection.require("create")
        self._trials.refuse("create", self._collection.create, deepcopy(resource))
        changes = diff(self._mapping.resource_type, {}, resource)
        plain, secrets = self._apart(values)
        return Line(
            "create",
            row.line,
            login=login,
            operations=operations_for({}, plain, clear=False),
            secrets=secrets,
            guarded=self._count(counted(self._mapping, "create", changes)),
        )

    def _change(self, row: Row, before: Resource, login: str) -> Line:
        # A password is for who is new: nobody can tell whether the account has it already.
        values = [
            (column.path, value)
            for column, value in row.values
            if column.path.name != "id" and column.path.leaf.mutability != "writeOnly"
        ]
        operations, changes, after = self._wanted(before, values)
        beside = self._mapping.beside - {path.name for path, _ in values}
        if changes and beside:
            self._collection.complete([before], beside)
            operations, changes, after = self._wanted(before, values)
        if not changes:
            return Line("none", row.line, before["id"], login)
        secret = {str(path): value for path, value in values if path.secret and value is not None}
        kept = [o for o in operations if o["path"] not in secret]
        sealed = {o["path"]: self._sealed(o["value"]) for o in operations if o["path"] in secret}
        return self._changing(row.line, before, after, login, kept, changes, sealed)

    def _wanted(
        self, before: Resource, values: list[tuple[Path, Any]]
    ) -> tuple[Operations, tuple[Change, ...], Resource]:
        """Return the operations, as few as do, and what they change within mode and policy."""
        mode, clear = self._wish.mode, self._wish.empty == "clear"
        operations = operations_for(before, values, clear=clear)
        changes, after = changes_for(self._target, self._collection, before, operations)
        policy = self._target.settings.changes
        for limit in (mode, policy if policy != "all" else "exact"):
            if limit != "exact":
                operations = restricted(before, changes, limit)  # type: ignore[arg-type]
                changes, after = changes_for(self._target, self._collection, before, operations)
                if not is_within(changes, limit):  # type: ignore[arg-type]
                    raise ValueError(f"what follows from it is not only to {limit}")
        changed = {change.path.name for change in changes}
        full = self._mapping.full
        return [o for o in operations if _name_of(full, o) in changed], changes, after

    def _changing(
        self,
        record: int,
        before: Resource,
        after: Resource,
        login: str,
        operations: Operations,
        changes: tuple[Change, ...],
        secrets: dict[str, str],
    ) -> Line:
        guarded = counted(self._mapping, "patch", changes)
        kind: Kind = "disable" if "disable" in guarded else "change"
        self._collection.require("update")
        given = deepcopy(before), deepcopy(after), changes
        self._trials.refuse(kind, self._collection.update, *given)
        self._count(guarded)
        return Line(
            kind,
            record,
            before["id"],
            login,
            operations,
            secrets,
            records(self._mapping, changes),
            guarded,
        )

    def _missing(self, keys: _Keys) -> Iterator[Line]:
        """Yield what becomes of the accounts that no record tells of."""
        if self._wish.missing == "keep":
            return
        if keys.without:
            self._notes.append(
                f"Missing accounts are kept: {keys.without} records do not tell whom they are of."
            )
            return
        known = self._known_ids(keys) | self._own
        for chunk in _chunks(self._accounts.others(known), CHUNK):
            resources = list(self._accounts.opened(chunk))
            self._complete(resources, self._wish.missing)
            for resource in resources:
                yield from self._unwanted(resource)

    @cached_property
    def _own(self) -> set[str]:
        """Return the account of the target's own token, on which all calls depend."""
        if self._mapping.full.name != "User" or not self._target.connector.lasting:
            return set()
        try:
            own = self._target.connector.own_account()
        except ScimError as error:
            if error.status >= 500 and error.status != 501:
                raise
            own = None
        if own is None:
            self._notes.append(
                "Nobody tells which account the target's own token is of: name it with --spare."
            )
        return set() if own is None else {own}

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

    def _unwanted(self, before: Resource) -> Iterator[Line]:
        login = login_of(self._mapping.full, before) or ""
        if login.casefold() in self._spared:
            return
        try:
            line = self._ended(self._wish.missing, 0, before, login)
        except ScimError as problem:
            if problem.status >= 500:
                raise
            line = Line("refused", 0, before["id"], login, reason=problem.detail)
        if line.kind != "none":
            yield line

    def _ended(self, fate: str, record: int, before: Resource, login: str) -> Line:
        """Return the line that deletes an account, or disables it unless it is disabled."""
        if fate == "delete":
            return self._delete(record, before, login)
        switch = self._mapping.switch
        assert switch is not None
        off = {"op": "replace", "path": switch.name, "value": switch.off}
        changes, after = changes_for(self._target, self._collection, before, [off])
        if not changes:
            return Line("none", record, before["id"], login)
        return self._changing(record, before, after, login, [off], changes, {})

    def _delete(self, record: int, before: Resource, login: str) -> Line:
        self._collection.require("delete")
        switch = self._mapping.switch if self._target.settings.delete == "disable" else None
        after = {**before, switch.name: switch.off} if switch else {}
        changes = diff(self._mapping.resource_type, before, after)
        if switch is None:
            self._trials.refuse("delete", self._collection.delete, before["id"])
        elif changes:
            given = deepcopy(before), deepcopy(after), changes
            self._trials.refuse("delete", self._collection.update, *given)
        guarded = self._count(counted(self._mapping, "delete", ()))
        kept = records(self._mapping, changes)
        return Line("delete", record, before["id"], login, changes=kept, guarded=guarded)

    def _apart(
        self, values: list[tuple[Path, Any]]
    ) -> tuple[list[tuple[Path, Any]], dict[str, str]]:
        """Return the values without secrets, and the secrets encrypted, by path."""
        plain = [(path, value) for path, value in values if not path.secret]
        secret = {
            str(path): self._sealed(value)
            for path, value in values
            if path.secret and value is not None
        }
        return plain, secret

    def _sealed(self, value: Any) -> str:
        return self._services.keys.encrypt(orjson.dumps(value)).decode()

    def _count(self, guarded: dict[str, int]) -> dict[str, int]:
        """Add what a guard will count to what it will have counted."""
        for kind, number in guarded.items():
            self._guarded[kind] = self._guarded.get(kind, 0) + number
        return guarded

    def _note_guards(self) -> None:
        """Tell where a guard will stop."""
        for kind, number in self._guarded.items():
            most = self._services.guard.most(self._target, kind, "a run")
            if most is not None and most < number:
                self._notes.append(f"The guard will stop after {most} of {number} {kind}s.")


def _by_path(values: Iterable[tuple[Column, Any]]) -> dict[Path, Any]:
    return {column.path: value for column, value in values}


def _without_references(row: Row, keys: Container[Path]) -> Row:
    """Return a record without the values that must be looked up, but for its keys."""
    values = tuple(pair for pair in row.values if pair[0].by is None or pair[0].path in keys)
    return replace(row, values=values)


def _plain(row: Row) -> Resource:
    return {c.path.name: value for c, value in row.values if not c.path.sub and not c.path.urn}


def _shown(match: tuple[Path, ...]) -> str:
    return " and ".join(map(str, match))


def _name_of(full: ResourceType, operation: dict[str, Any]) -> str:
    return parse_path(operation["path"], full).name


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
