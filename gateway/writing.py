"""Writing: no write without a record.

    begin (intent committed) -> LMS call -> finish (outcome committed) -> answer

A write whose outcome is unknown is settled by reading, never sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from copy import copy
from functools import partial
from typing import Any

import orjson

from connectors.base import Collection
from connectors.ticket import Ticket
from gateway import bodies
from gateway.ahead import Ahead
from gateway.attempts import Attempt, Caller, attempted
from gateway.audit import AuditLog
from gateway.database import Database
from gateway.enrolling import enrol_new_members
from gateway.guards.counting import counted
from gateway.guards.guard import Guard, Stopped
from gateway.intents import Intent
from gateway.keys import changed_values, login_of, lookup_of, names_in, said_by, unique_values
from gateway.pauses import Pauses
from gateway.reading import Reader
from gateway.records import records
from gateway.rehearsing import Planned, rehearsed
from gateway.sending import Sender
from gateway.settling import Settler
from gateway.targets import Target
from gateway.tombstones import Tombstones
from gateway.versions import ANY, Condition
from schemas.changes import Change, check, diff, replay
from schemas.errors import ScimError, forbidden, uniqueness
from schemas.messages import load_patch

Resource = dict[str, Any]
Attempted = Callable[[AuditLog, Intent, Caller, int], AbstractContextManager[Attempt]]
Agree = Callable[[tuple[Change, ...]], None]
"""Told the changes that a write is about to make; raises ScimError to keep it from being made."""


PAUSE = 300.0
"""Seconds after which a client is asked to try a paused target again."""


def anything(changes: tuple[Change, ...]) -> None:
    """Agree to whatever changes."""


class Writer:
    """The writes of all targets."""

    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        tombstones: Tombstones,
        reader: Reader,
        settler: Settler,
        guard: Guard,
        pauses: Pauses,
        configuration: str,
    ) -> None:
        self._database = database
        self._audit = audit
        self._guard = guard
        self._pauses = pauses
        self._configuration = configuration
        self._attempted: Attempted = attempted
        self._tombstones = tombstones
        self._reader = reader
        self._settler = settler
        self._sender = Sender(audit, settler)
        self._ahead: Ahead | None = None

    def reading_ahead(self, target: Target, places: Iterable[tuple[Collection, str]]) -> Writer:
        """Return a writer for one request that is going to change these resources."""
        writer = copy(self)
        writer._ahead = Ahead(self._audit, target.name, places)
        return writer

    def rehearsing(self) -> Writer:
        """Return a writer that changes nothing: each of its writes raises Planned."""
        writer = copy(self)
        writer._attempted = partial(rehearsed, self._guard)
        writer._tombstones = self._tombstones.fixed()
        return writer

    def create(
        self, target: Target, collection: Collection, caller: Caller, body: Callable[[], Any]
    ) -> Resource:
        """Create a resource (RFC 7644 section 3.3) and return it; 409 when a name is taken."""
        with self._attempt("create", target, collection, caller, None, 201) as attempt:
            self._require(target, collection, caller, "create")
            resource, ignored = bodies.held(target, collection, body())
            attempt.note(ignored=ignored)
            resource = collection.mapping.with_defaults(resource)
            resource = self._with_known_members(target, attempt, {}, resource)
            check(collection.mapping.resource_type, resource)
            changes = diff(collection.mapping.resource_type, {}, resource)
            full, name = collection.mapping.full, collection.mapping.full.name
            login = login_of(full, resource)
            attempt.note(
                login=login,
                lookup=lookup_of(full, resource),
                changes=records(collection.mapping, changes),
            )
            self._refuse_tombstoned(target, changes)
            self._enrol(target, collection, attempt, caller, {}, resource)
            deleted = self._tombstones.by_login(target.name, name, login) if login else None
            if deleted is not None:
                self._lock(target, collection, attempt, deleted)
            self._lock_values(target, collection, attempt, resource)
            self._settler.settle_earlier(target, collection, id=deleted, login=login)
            if deleted is not None and (
                revived := self._revived(target, collection, attempt, caller, resource, deleted)
            ):
                return revived
            self._begin(target, collection, attempt, caller, changes)
            created = self._sender.create(target, collection, attempt, resource)
            attempt.note(resource_id=created["id"])
            return created

    def replace(
        self,
        target: Target,
        collection: Collection,
        caller: Caller,
        id: str,
        body: Callable[[], Any],
        condition: Condition = ANY,
    ) -> Resource:
        """Replace a resource (RFC 7644 section 3.5.1) and return it.

        What is left out is cleared, except what cannot be (active, password), what the LMS fills
        by itself (locale) and what costs calls of its own (members): an empty list clears those.
        """

        mapping = collection.mapping

        with self._attempt("replace", target, collection, caller, id) as attempt:
            self._require(target, collection, caller, "update")
            message, ignored = bodies.held(target, collection, body())
            attempt.note(ignored=ignored)
            named = names_in(message)

            def desired(before: Resource) -> Resource:
                return mapping.replaced(before, message, mapping.whole - named)

            wanted = mapping.kept & named
            return self._change(target, collection, attempt, caller, wanted, desired, condition)

    def patch(
        self,
        target: Target,
        collection: Collection,
        caller: Caller,
        id: str,
        body: Callable[[], Any],
        operation: str = "patch",
        instead: Callable[[Ticket, Resource], None] | None = None,
        condition: Condition = ANY,
        agree: Agree = anything,
    ) -> Resource:
        """Apply a PatchOp (RFC 7644 section 3.5.2), all or nothing, and return the resource.

        `instead` is called with ticket and resource when `body` gives None: an action of the LMS's
        own. `agree` is told what would change before anything is written, and may refuse.
        """
        with self._attempt(operation, target, collection, caller, id) as attempt:
            self._require(target, collection, caller, "update")
            message = body()
            if message is None and instead is not None:
                return self._acted(target, collection, attempt, caller, id, instead)
            operations = load_patch(message, strict=target.settings.strict)
            wanted = collection.mapping.kept & said_by(collection.mapping.full, operations)

            def desired(before: Resource) -> Resource:
                after, ignored = bodies.patched(target, collection, before, operations)
                attempt.note(ignored=ignored)
                return after

            return self._change(
                target, collection, attempt, caller, wanted, desired, condition, agree, patched=True
            )

    def delete(
        self,
        target: Target,
        collection: Collection,
        caller: Caller,
        id: str,
        condition: Condition = ANY,
        agree: Agree = anything,
    ) -> None:
        """Delete a resource by the target's policy (RFC 7644 section 3.6).

        `agree` is told what it has held, and may refuse.
        """
        with self._attempt("delete", target, collection, caller, id, 204) as attempt:
            self._require(target, collection, caller, "delete")
            if target.settings.delete == "refuse":
                raise forbidden('This target refuses to delete (delete = "refuse").')
            before = self._locked(target, collection, attempt, id, condition=condition)
            resource_type = collection.mapping.resource_type
            keeps = collection.mapping.switch if target.settings.delete == "disable" else None
            after = {**before, keeps.name: keeps.off} if keeps else {}
            login = login_of(collection.mapping.full, before)
            changes = diff(resource_type, before, after)
            attempt.note(
                login=login,
                lookup=orjson.dumps({"kept": bool(keeps)}).decode(),
                changes=records(collection.mapping, changes),
            )
            agree(changes)
            self._begin(target, collection, attempt, caller, changes)
            if not keeps:
                self._sender.delete(target, collection, attempt, id)
                if not collection.deletes_later:
                    return
            elif changes:
                self._sender.update(target, collection, attempt, before, after, changes)
            name = collection.mapping.full.name
            self._tombstones.add(target.name, name, id, login)

    def _attempt(
        self,
        operation: str,
        target: Target,
        collection: Collection,
        caller: Caller,
        id: str | None,
        status: int = 200,
    ) -> AbstractContextManager[Attempt]:
        """Return what records a write, whatever comes of it."""
        name, configuration = collection.mapping.full.name, self._configuration
        intent = caller.intent(target.name, operation, name, id, configuration=configuration)
        return self._attempted(self._audit, intent, caller, status)

    def _require(self, target: Target, collection: Collection, caller: Caller, method: str) -> None:
        """Raise 403 for who may not write, 501 for what the LMS cannot, 503 while it is paused."""
        caller.require(_scope(collection))
        collection.require(method)
        is_real = self._attempted is attempted
        is_paused = target.settings.mode == "paused" or self._pauses.since(target.name) is not None
        if is_real and is_paused:
            detail = f"{target.name} is paused: nothing is written to it for the time being."
            raise ScimError(503, detail, retry_after=PAUSE)

    def _acted(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        caller: Caller,
        id: str,
        call: Callable[[Ticket, Resource], None],
    ) -> Resource:
        """Carry out an action that is no change of attributes."""
        resource = self._locked(target, collection, attempt, id)
        attempt.note(login=login_of(collection.mapping.full, resource))
        self._begin(target, collection, attempt, caller, ())
        call(attempt.ticket, resource)
        return resource

    def _change(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        caller: Caller,
        wanted: frozenset[str],
        desired: Callable[[Resource], Resource],
        condition: Condition,
        agree: Agree = anything,
        *,
        patched: bool = False,
    ) -> Resource:
        """Read, compute what differs, and send only that."""
        mapping = collection.mapping
        id = str(attempt.intent.resource_id)
        wanted |= mapping.beside
        before = self._locked(target, collection, attempt, id, wanted, condition)
        full = mapping.full
        attempt.note(login=login_of(full, before))
        after = mapping.carry_over(before, desired(before))
        after = self._with_known_members(target, attempt, before, after)
        check(mapping.resource_type, after, before=before, patched=patched)
        changes = diff(mapping.resource_type, before, after)
        allowed = tuple(c for c in changes if _is_allowed(target.settings.changes, c))
        if allowed != changes:
            after = mapping.carry_over(before, replay(full, before, allowed))
            left = tuple(str(c.path) for c in changes if c not in allowed)
            attempt.note(ignored=tuple(dict.fromkeys(attempt.intent.ignored + left)))
            changes = allowed
        attempt.note(
            changes=records(mapping, changes),
            login=login_of(full, after),
            lookup=lookup_of(full, after),
        )
        agree(changes)
        if not changes:
            attempt.outcome = "noChange"
            return before
        self._refuse_tombstoned(target, changes)
        self._enrol(target, collection, attempt, caller, before, after)
        self._lock_values(target, collection, attempt, changed_values(full, changes))
        self._begin(target, collection, attempt, caller, changes)
        return self._sender.update(target, collection, attempt, before, after, changes)

    def _begin(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        caller: Caller,
        changes: tuple[Change, ...],
    ) -> None:
        """Commit the intent, unless the guard stops what it would do. Raises 429."""
        kinds = counted(collection.mapping, attempt.intent.operation, changes)
        admit = self._guard.admission(target, kinds, caller.run) if kinds else None
        try:
            attempt.begin(admit)
        except Stopped as stopped:
            self._guard.stop(stopped)
            raise

    def _locked(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        id: str,
        wanted: frozenset[str] = frozenset(),
        condition: Condition = ANY,
    ) -> Resource:
        """Lock a resource and return it; 412 when it is not the version that was meant.

        What earlier writes to it have left open is settled first.
        """
        self._lock(target, collection, attempt, id)
        known = self._ahead.take(collection, id) if self._ahead else None
        if known is None:
            self._settler.settle_earlier(target, collection, id=id)
        if condition.is_set:
            wanted |= collection.mapping.whole
        resource = self._reader.find(target, collection, id, wanted, known)
        if condition.is_set:
            condition.check(self._reader.version(target, collection, resource) or "")
        return resource

    def _revived(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        caller: Caller,
        resource: Resource,
        id: str,
    ) -> Resource | None:
        """Bring back an account that was only disabled, when its login is created again."""
        full, switch = collection.mapping.full, collection.mapping.switch
        login = login_of(full, resource) or ""
        name = collection.mapping.full.name
        if not self._tombstones.has(target.name, name, id):
            return None
        before = collection.get(id)
        if before is None:
            self._tombstones.remove(target.name, name, id)
            return None
        if collection.deletes_later and target.settings.delete != "disable":
            raise uniqueness("The LMS has not yet finished to delete what had that name.")
        if (login_of(full, before) or "").casefold() != login.casefold():
            # Renamed in the LMS meanwhile: it is not this account that is wanted back.
            return None
        mapping = collection.mapping
        wanted = ({switch.name: switch.on} if switch else {}) | resource
        after = mapping.carry_over(before, mapping.follow(before, wanted, wanted))
        changes = diff(mapping.resource_type, before, after)
        attempt.note(
            operation="revive", resource_id=id, changes=records(mapping, changes), login=login
        )
        self._begin(target, collection, attempt, caller, changes)
        updated = after
        if changes:
            updated = self._sender.update(target, collection, attempt, before, after, changes)
        self._tombstones.remove(target.name, name, id)
        return updated

    def _with_known_members(
        self, target: Target, attempt: Attempt, before: Resource, after: Resource
    ) -> Resource:
        """Leave new members out that do not exist, where that is the target's policy."""
        held = {member.get("value") for member in before.get("members", ())}
        new = {m.get("value") for m in after.get("members", ())} - held
        if not new or target.settings.unknown_members != "ignore":
            return after
        unknown = new - self._reader.existing(target, new)
        if unknown:
            left_out = tuple(f'members[value eq "{id}"]' for id in sorted(map(str, unknown)))
            attempt.note(ignored=attempt.intent.ignored + left_out)
            members = [m for m in after["members"] if m.get("value") not in unknown]
            after = {**after, "members": members}
        return after

    def _enrol(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        caller: Caller,
        before: Resource,
        after: Resource,
    ) -> None:
        """Let new members of a group into its course, where that is the target's policy.

        A write of its own, so no lock on values may be held yet: it takes such locks itself.
        """
        memberships = target.connector.collections.get("Membership")
        is_group = collection.mapping.full.name == "Group"
        if is_group and memberships is not None and target.settings.enrol_members:
            create = self.create

            def let_in(body: Callable[[], Resource]) -> None:
                try:
                    create(target, memberships, caller, body)
                except Planned as planned:
                    attempt.first.append(planned.plan)

            enrol_new_members(memberships, let_in, before, after)

    def _refuse_tombstoned(self, target: Target, changes: Iterable[Change]) -> None:
        """Refuse to make a deleted account a member; it is still there in the LMS."""
        added = [
            change.new["value"]
            for change in changes
            if change.path.name == "members" and isinstance(change.new, dict)
        ]
        if added and (gone := self._tombstones.among(target.name, "User", added)):
            shown = ", ".join(sorted(gone)[:20])
            raise ScimError(400, f"members: no such user: {shown}.", "invalidValue")

    def _lock(self, target: Target, collection: Collection, attempt: Attempt, id: str) -> None:
        """Let nobody else change the resource until the attempt has ended."""
        key = f"{target.name}/{collection.mapping.full.name}/{id}"
        attempt.locks.enter_context(self._database.lock([key], target.settings.options.timeout))

    def _lock_values(
        self, target: Target, collection: Collection, attempt: Attempt, resource: Resource
    ) -> None:
        """Let nobody else take the same login, address or external id until then."""
        name = f"{target.name}/{collection.mapping.full.name}"
        keys = [
            f"{name}/{value.casefold()}"
            for value in unique_values(collection.mapping.full, resource)
        ]
        timeout = target.settings.options.timeout
        attempt.locks.enter_context(self._database.lock(keys, timeout, family="values"))


def _scope(collection: Collection) -> str:
    return f"{collection.mapping.full.endpoint.lower()}:write"


def _is_allowed(policy: str, change: Change) -> bool:
    """Tell whether a target that only adds, or only removes, lets the change through."""
    return policy == "all" or (change.op == "remove") == (policy == "remove")
