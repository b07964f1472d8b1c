"""Settling: writes whose outcome nobody saw are judged by reading the LMS, never repeated."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from math import inf
from typing import Any

import orjson

from connectors.base import Collection
from gateway.audit import AuditLog, NotOpen
from gateway.database import Database, now
from gateway.intents import ChangeRecord, Intent, OpenEvent
from gateway.keys import unique_values
from gateway.records import text
from gateway.targets import Target
from gateway.tombstones import Tombstones
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.match import compile_filter

SETTLE_SECONDS = 5.0
"""How often one looks again at what could not be judged at once."""

Resource = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a write ended: outcome, explanation, the resource's id, and the changes it made.

    `made` is None when the changes are those of the intent; `complete` is false when some are not
    there.
    """

    outcome: str
    detail: str
    id: str | None = None
    made: tuple[ChangeRecord, ...] | None = None
    complete: bool = True


class Settler:
    """Finds out how open and unknown events ended.

    The call of a process that died may still be on its way: that it was not carried out is said
    only when the time is over that a call may take.
    """

    def __init__(self, database: Database, audit: AuditLog, tombstones: Tombstones) -> None:
        self._database = database
        self._audit = audit
        self._tombstones = tombstones

    def settle_all(self, targets: dict[str, Target], patience: float = inf) -> dict[str, int]:
        """Settle what earlier processes left open; return how many ended which way.

        The LMS is not asked again about what it cannot tell, such as whether a password was set.

        Events of requests that are still at work, whose process holds the lock, and those whose
        call may be on its way, are waited for up to so many seconds each, and else left open.
        """
        return self._settle_each(targets, self._audit.unsettled(), patience)

    def settle_left(self, targets: dict[str, Target]) -> bool:
        """Settle what was left open at the start of a process: a step of work in the background."""
        soonest = min((target.settings.options.timeout for target in targets.values()), default=0.0)
        left = self._audit.unsettled(outcome="open", older_than=soonest)
        self._settle_each(targets, left, 0.0)
        return False

    def _settle_each(
        self, targets: dict[str, Target], events: list[OpenEvent], patience: float
    ) -> dict[str, int]:
        counts: dict[str, int] = {}
        for event in events:
            target = targets.get(event.intent.target)
            if target is None:
                continue
            collection = target.connector.collections.get(event.intent.resource_type)
            if collection is None:
                continue
            outcome: str | None = "unknown"
            if _can_be_judged(event):
                outcome = self._settle_locked(target, collection, event, patience)
            if outcome is not None:
                counts[outcome] = counts.get(outcome, 0) + 1
        return counts

    def settle_earlier(
        self,
        target: Target,
        collection: Collection,
        *,
        id: str | None = None,
        login: str | None = None,
    ) -> None:
        """Settle earlier events of a resource whose lock the caller holds.

        Waits for a call that may be on its way, so that it does not come after the next write.
        Raises 503 where that would take longer than a call does.
        """
        name = collection.mapping.full.name
        for event in self._audit.unsettled(target.name, resource_type=name, id=id, login=login):
            if not _can_be_judged(event):
                continue
            if self._settle(target, collection, event, target.settings.options.timeout) == "open":
                detail = "It may just be made in the LMS: what began that has ended without a word."
                raise ScimError(503, detail, retry_after=collection.lingers)

    def judge(self, target: Target, collection: Collection, intent: Intent) -> Judgement | None:
        """Tell by reading whether a write was carried out; None when that cannot be told."""
        try:
            judged = self._judged(target, collection, intent)
        except ScimError:
            return None
        return None if judged.outcome == "unknown" else judged

    def _settle_locked(
        self, target: Target, collection: Collection, event: OpenEvent, patience: float
    ) -> str | None:
        intent = event.intent
        name = collection.mapping.full.name
        if intent.resource_id is not None:
            keys, family = [f"{target.name}/{name}/{intent.resource_id}"], "resources"
        else:
            known = orjson.loads(intent.lookup or "{}")
            values = unique_values(collection.mapping.full, known)
            keys = [f"{target.name}/{name}/{value.casefold()}" for value in values]
            family = "values"
        try:
            longest = min(target.settings.options.timeout * 2, patience)
            with self._database.lock(keys, longest, family=family):
                return self._settle(target, collection, event, patience)
        except ScimError as error:
            level = logging.WARNING if patience or error.status != 503 else logging.INFO
            log.log(level, "event %s stays %s: %s", event.sequence, event.outcome, error.detail)
        except Exception:
            # One odd record must not keep the gateway from starting.
            log.exception("event %s stays %s", event.sequence, event.outcome)
        return None

    def _settle(
        self, target: Target, collection: Collection, event: OpenEvent, patience: float
    ) -> str:
        """Settle an event; return how it has ended, "open" where that would take too long."""
        name = collection.mapping.full.name
        judged = self._judged(target, collection, event.intent, event.sequence)
        seconds = _on_its_way(target, collection, event) if judged.outcome == "failed" else 0.0
        if seconds > patience:
            return event.outcome
        if seconds:
            said = "%s: a write that a process left open may still arrive; up to %.0f s are waited"
            log.warning(said, target.name, seconds)
        while judged.outcome == "failed" and seconds:
            time.sleep(min(seconds, SETTLE_SECONDS))
            judged = self._judged(target, collection, event.intent, event.sequence)
            seconds = _on_its_way(target, collection, event)
        outcome, id = judged.outcome, judged.id
        if outcome == "success" and self._is_kept(event.intent):
            login = event.intent.login
            self._tombstones.add(target.name, name, str(id), login)
        if outcome == "success" and event.intent.operation == "revive":
            self._tombstones.remove(target.name, name, str(id))
        try:
            self._audit.finish(
                event.sequence,
                outcome,
                status=None,
                detail=judged.detail,
                resource_id=id,
                changes=judged.made,
            )
        except NotOpen:
            return outcome
        log.info("event %s settled: %s", event.sequence, outcome)
        return outcome

    def _judged(
        self,
        target: Target,
        collection: Collection,
        intent: Intent,
        sequence: int | None = None,
    ) -> Judgement:
        """Return how a write ended by what the LMS shows now."""
        if intent.resource_id is None:
            return self._judged_create(target, collection, intent, sequence)
        id = intent.resource_id
        current = collection.get(id)
        if intent.operation == "delete" and not self._is_kept(intent):
            if current is None:
                return Judgement("success", "Carried out: the resource is gone.", id)
            if collection.deletes_later:
                return Judgement("unknown", "Still there; the LMS may have queued it.", id)
            return Judgement("failed", "Not carried out.", id)
        if current is None:
            return Judgement("failed", "The resource does not exist any more.", id)
        collection.complete([current], collection.mapping.kept)
        return self._compared(collection, intent, current)

    def _judged_create(
        self, target: Target, collection: Collection, intent: Intent, sequence: int | None
    ) -> Judgement:
        found = collection.find_again(orjson.loads(intent.lookup or "{}"))
        if found is None:
            return Judgement("failed", "Not carried out: the LMS has no such resource.")
        if self._audit.knows(target.name, collection.mapping.full.name, found["id"], sequence):
            return Judgement("failed", "Not carried out: the resource was there before.")
        collection.complete([found], collection.mapping.kept)
        done, undone = self._held(collection, intent, found)
        full = collection.mapping.full
        missing = {parse_path(change.path or "", full).name for change in undone}
        if missing - collection.mapping.later:
            return Judgement("failed", "Not carried out: another resource has the name.")
        if not undone:
            return Judgement("success", "Carried out: the LMS has the resource.", found["id"])
        detail = f"Carried out in part, without: {_shown(undone)}."
        return Judgement("success", detail, found["id"], tuple(done), complete=False)

    def _is_kept(self, intent: Intent) -> bool:
        lookup = orjson.loads(intent.lookup or "{}")
        return intent.operation == "delete" and bool(lookup.get("kept"))

    def _compared(self, collection: Collection, intent: Intent, current: Resource) -> Judgement:
        id = intent.resource_id
        done, undone = self._held(collection, intent, current)
        if not [change for change in done if change.old is not None or change.new is not None]:
            if undone:
                return Judgement("failed", "Not carried out: the LMS has the old values.", id)
            said = "Only secrets were to change; the LMS does not show them."
            return Judgement("unknown", said, id)
        if not undone:
            return Judgement("success", "Carried out: the LMS has the new values.", id)
        detail = f"Carried out in part, without: {_shown(undone)}."
        return Judgement("failed", detail, id, tuple(done), complete=False)

    def _held(
        self, collection: Collection, intent: Intent, current: Resource
    ) -> tuple[list[ChangeRecord], list[ChangeRecord]]:
        """Return the changes that a resource shows, or never shows, and those that it lacks."""
        done: list[ChangeRecord] = []
        undone: list[ChangeRecord] = []
        for change in intent.changes:
            try:
                path = parse_path(change.path or "", collection.mapping.resource_type)
            except ScimError:
                # The configuration has changed: the target does not hold it any more.
                done.append(change)
                continue
            if path.secret or path.leaf.mutability == "writeOnly":
                done.append(change)
                continue
            holds = _values(path, current)
            is_done = change.new in holds if change.new is not None else change.old not in holds
            (done if is_done else undone).append(change)
        return done, undone


def _shown(changes: list[ChangeRecord]) -> str:
    return ", ".join(str(change.path) for change in changes[:20])


def _on_its_way(target: Target, collection: Collection, event: OpenEvent) -> float:
    """Return for how many seconds more the LMS may carry out a call of an open event."""
    if event.outcome != "open":
        return 0.0
    longest = target.settings.options.timeout
    if event.intent.operation == "create":
        longest += collection.lingers
    return min(longest, max(0.0, longest - (now() - event.time).total_seconds()))


def _can_be_judged(event: OpenEvent) -> bool:
    """Tell whether looking may tell more: not again where only secrets were to change."""
    secrets = all(change.old is None and change.new is None for change in event.intent.changes)
    return event.outcome == "open" or event.intent.operation == "delete" or not secrets


def _values(path: Any, resource: Resource) -> set[str | None]:
    if path.where is None:
        held = list(path.values(resource))
        return {text(value) for value in held} | {text(held)}
    holds = compile_filter(path.where)
    items = [item for item in path.whole.values(resource) if holds(item)]
    return {text(item.get(path.sub) if path.sub else item) for item in items}
