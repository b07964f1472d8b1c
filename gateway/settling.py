"""Settling: writes whose outcome nobody saw are judged by reading the LMS, never repeated."""

from __future__ import annotations

import logging
from typing import Any

import orjson

from connectors.base import Collection
from gateway.audit import AuditLog, Intent, NotOpen, OpenEvent
from gateway.database import Database
from gateway.records import text
from gateway.targets import Target
from gateway.tombstones import Tombstones
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.match import compile_filter

Resource = dict[str, Any]

log = logging.getLogger(__name__)


class Settler:
    """Finds out how open and unknown events ended."""

    def __init__(self, database: Database, audit: AuditLog, tombstones: Tombstones) -> None:
        self._database = database
        self._audit = audit
        self._tombstones = tombstones

    def settle_all(self, targets: dict[str, Target]) -> dict[str, int]:
        """Settle what earlier processes left open; return how many ended which way.

        Events of requests that are still at work are waited for: their process holds the lock.
        """
        counts: dict[str, int] = {}
        for event in self._audit.unsettled():
            target = targets.get(event.intent.target)
            if target is None:
                continue
            collection = target.connector.collections.get(event.intent.resource_type)
            if collection is None:
                continue
            outcome = self._settle_locked(target, collection, event)
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
        """Settle earlier events of a resource whose lock the caller holds."""
        name = collection.mapping.full.name
        for event in self._audit.unsettled(target.name, resource_type=name, id=id, login=login):
            if _can_be_judged(event):
                self._settle(target, collection, event)

    def was_done(self, target: Target, collection: Collection, intent: Intent) -> bool | None:
        """Tell by reading whether a write was carried out; None when that cannot be told."""
        try:
            outcome, _, _ = self._judged(target, collection, intent)
        except ScimError:
            return None
        return None if outcome == "unknown" else outcome == "success"

    def _settle_locked(
        self, target: Target, collection: Collection, event: OpenEvent
    ) -> str | None:
        intent = event.intent
        name = collection.mapping.full.name
        if intent.resource_id is not None:
            keys, family = [f"{target.name}/{name}/{intent.resource_id}"], "resources"
        else:
            known = orjson.loads(intent.lookup or "{}")
            names = ("userName" if "userName" in known else "displayName", "externalId")
            values = [known[key] for key in names if key in known]
            keys = [f"{target.name}/{name}/{value.casefold()}" for value in values]
            family = "values"
        try:
            with self._database.lock(keys, target.settings.options.timeout * 2, family=family):
                return self._settle(target, collection, event)
        except ScimError as error:
            log.warning("event %s stays %s: %s", event.sequence, event.outcome, error.detail)
            return None

    def _settle(self, target: Target, collection: Collection, event: OpenEvent) -> str:
        name = collection.mapping.full.name
        outcome, detail, id = self._judged(target, collection, event.intent)
        if outcome == "success" and self._is_kept(event.intent):
            login = event.intent.login
            self._tombstones.add(target.name, name, str(id), login, None)
        if outcome == "success" and event.intent.operation == "revive":
            self._tombstones.remove(target.name, name, str(id))
        try:
            self._audit.finish(event.sequence, outcome, status=None, detail=detail, resource_id=id)
        except NotOpen:
            return outcome
        log.info("event %s settled: %s", event.sequence, outcome)
        return outcome

    def _judged(
        self, target: Target, collection: Collection, intent: Intent
    ) -> tuple[str, str, str | None]:
        """Return outcome, explanation and the resource's id by what the LMS shows now."""
        if intent.resource_id is None:
            found = collection.find_again(orjson.loads(intent.lookup or "{}"))
            if found is None:
                return "failed", "Not carried out: the LMS has no such resource.", None
            collection.complete([found], collection.mapping.costly)
            if not self._agrees(collection, intent, found):
                return "failed", "Not carried out: another resource has the name.", None
            return "success", "Carried out: the LMS has the resource.", found["id"]
        current = collection.get(intent.resource_id)
        if intent.operation == "delete" and not self._is_kept(intent):
            gone = current is None
            detail = "Carried out: the resource is gone." if gone else "Not carried out."
            return ("success" if gone else "failed"), detail, intent.resource_id
        if current is None:
            return "failed", "The resource does not exist any more.", intent.resource_id
        collection.complete([current], collection.mapping.costly)
        return (*self._compared(collection, intent, current), intent.resource_id)

    def _is_kept(self, intent: Intent) -> bool:
        lookup = orjson.loads(intent.lookup or "{}")
        return intent.operation == "delete" and bool(lookup.get("kept"))

    def _agrees(self, collection: Collection, intent: Intent, found: Resource) -> bool:
        """Tell whether a found resource is the one that the create was about.

        Whether it is active says nothing: some LMSs disable only by a second call.
        """
        _, undone = self._held(collection, intent, found)
        return not set(undone) - {"active"}

    def _compared(
        self, collection: Collection, intent: Intent, current: Resource
    ) -> tuple[str, str]:
        done, undone = self._held(collection, intent, current)
        if not done and not undone:
            return "unknown", "Only secrets were to change; the LMS does not show them."
        if not undone:
            return "success", "Carried out: the LMS has the new values."
        if not done:
            return "failed", "Not carried out: the LMS has the old values."
        return "failed", f"Carried out in part, without: {', '.join(undone[:20])}."

    def _held(
        self, collection: Collection, intent: Intent, current: Resource
    ) -> tuple[list[str], list[str]]:
        """Return the paths whose change a resource shows and those whose change it does not."""
        done: list[str] = []
        undone: list[str] = []
        for change in intent.changes:
            try:
                path = parse_path(change.path or "", collection.mapping.resource_type)
            except ScimError:
                # The configuration has changed: the target does not hold it any more.
                continue
            if path.secret or path.leaf.mutability == "writeOnly":
                continue
            holds = _values(path, current)
            is_done = change.new in holds if change.new is not None else change.old not in holds
            (done if is_done else undone).append(change.path or "")
        return done, undone


def _can_be_judged(event: OpenEvent) -> bool:
    """Tell whether looking may tell more: not again where only secrets were to change."""
    secrets = all(change.old is None and change.new is None for change in event.intent.changes)
    return event.outcome == "open" or event.intent.operation == "delete" or not secrets


def _values(path: Any, resource: Resource) -> set[str | None]:
    if path.where is None:
        return {text(value) for value in path.values(resource)}
    holds = compile_filter(path.where)
    items = [item for item in path.whole.values(resource) if holds(item)]
    return {text(item.get(path.sub) if path.sub else item) for item in items}
