"""Deciding: what becomes of one record, or of one account, computed without a write."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from connectors.base import Collection
from connectors.mapping import Resource
from gateway import bodies
from gateway.guards.counting import counted
from gateway.keys import login_of
from gateway.records import records
from gateway.services import Services
from gateway.sync.columns import Row
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
from gateway.sync.plan import Kind, Line
from gateway.sync.trying import Trials
from gateway.targets import Target
from schemas.attributes import ResourceType
from schemas.changes import Change, diff
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.paths import Path

FATES: dict[str, tuple[Kind, Kind]] = {
    "sync": ("change", "create"),
    "create": ("none", "create"),
    "change": ("change", "absent"),
    "disable": ("disable", "absent"),
    "delete": ("delete", "absent"),
}
"""By what is done for each record: what becomes of who is there, and of who is not."""


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

    @property
    def key_name(self) -> str:
        """Return what accounts are matched by, as people call it."""
        return " and ".join(map(str, self.match))


class Decider:
    """What becomes of the records of one sync, and of the accounts that it finds."""

    def __init__(
        self, services: Services, target: Target, collection: Collection, wish: Wish
    ) -> None:
        self._services = services
        self._target = target
        self._collection = collection
        self._wish = wish
        self._mapping = collection.mapping
        self._trials = Trials()
        self._guarded: dict[str, int] = {}
        self._notes: list[str] = []
        self._decided: set[str] = set()
        self._there, self._gone = FATES[wish.each]
        self._spared = frozenset(login.casefold() for login in wish.spared)

    @property
    def calls(self) -> dict[str, int]:
        """Return how many native calls one write of a kind takes, of the kinds that there were."""
        return self._trials.calls

    def refuse(self) -> None:
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

    @cached_property
    def own(self) -> set[str]:
        """Return the id of the account of the target's own token, none where nobody tells.

        All calls depend on it. Raises ScimError when the LMS cannot be read.
        """
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

    def for_record(self, row: Row, accounts: list[Resource], taken: list[Resource]) -> Line:
        """Return what becomes of a record that has these accounts, or whose login is taken.

        Raises ScimError when the LMS cannot be read.
        """
        if len(accounts) > 1:
            ids = ", ".join(account["id"] for account in accounts[:5])
            said = f"several accounts have this {self._wish.key_name}: {ids}"
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

    def for_missing(self, before: Resource) -> Line | None:
        """Return what becomes of an account that no record tells of, None where nothing does.

        Raises ScimError when the LMS cannot be read.
        """
        login = login_of(self._mapping.full, before) or ""
        if login.casefold() in self._spared:
            return None
        try:
            line = self._ended(self._wish.missing, 0, before, login)
        except ScimError as problem:
            if problem.status >= 500:
                raise
            return Line("refused", 0, before["id"], login, reason=problem.detail)
        return None if line.kind == "none" else line

    def notes(self) -> list[str]:
        """Return sentences for people, also on where a guard will stop what was decided."""
        notes = list(self._notes)
        for kind, number in self._guarded.items():
            most = self._services.guard.most(self._target, kind, "a run")
            if most is not None and most < number:
                notes.append(f"The guard will stop after {most} of {number} {kind}s.")
        return notes

    def _for_account(self, row: Row, before: Resource, login: str) -> Line:
        """Return what becomes of a record's account. Raises ValueError for one that is spared."""
        if self._there == "change":
            return self._change(row, before, login)
        if self._there == "none":
            return Line("none", row.line, before["id"], login)
        if login.casefold() in self._spared:
            raise ValueError("it is spared")
        if before["id"] in self.own:
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


def _plain(row: Row) -> Resource:
    return {c.path.name: value for c, value in row.values if not c.path.sub and not c.path.urn}


def _name_of(full: ResourceType, operation: dict[str, Any]) -> str:
    return parse_path(operation["path"], full).name
