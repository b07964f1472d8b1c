"""Sending: the LMS call of a write, and a look at the LMS when nobody knows what has come of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.base import Collection
from gateway.attempts import Attempt
from gateway.audit import AuditLog
from gateway.keys import names_in
from gateway.settling import Settler
from gateway.targets import Target
from schemas.changes import Change, diff
from schemas.errors import ScimError, uniqueness

Resource = dict[str, Any]


class Sender:
    """The calls of writes whose intents are committed; each is made once, whatever happens."""

    def __init__(self, audit: AuditLog, settler: Settler) -> None:
        self._audit = audit
        self._settler = settler

    def create(
        self, target: Target, collection: Collection, attempt: Attempt, resource: Resource
    ) -> Resource:
        """Create and return a resource, or the one that a failed call has made after all."""
        calls = attempt.counter.calls
        try:
            return collection.mapping.as_read(collection.create(attempt.ticket, resource))
        except ScimError as error:
            if not _may_be_done(error, attempt.counter.calls - calls):
                raise
            try:
                return self._found_again(target, collection, attempt, resource, error)
            except ScimError as failure:
                lost = failure is not error and failure.status >= 500
                failure.unknown = failure.unknown or lost
                raise failure from None

    def update(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        before: Resource,
        after: Resource,
        changes: tuple[Change, ...],
    ) -> Resource:
        """Change a resource and return it as it is now."""
        updated: list[Resource] = []
        self._settled(
            target,
            collection,
            attempt,
            lambda: updated.append(collection.update(attempt.ticket, before, after, changes)),
        )
        return collection.mapping.as_read(updated[0] if updated else after)

    def delete(self, target: Target, collection: Collection, attempt: Attempt, id: str) -> None:
        """Delete a resource for good."""
        self._settled(target, collection, attempt, lambda: collection.delete(attempt.ticket, id))

    def _settled(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        call: Callable[[], object],
    ) -> None:
        """Make the call; when nobody knows whether it was carried out, look."""
        calls = attempt.counter.calls
        try:
            call()
        except ScimError as error:
            if not _may_be_done(error, attempt.counter.calls - calls):
                raise
            judged = self._settler.judge(target, collection, attempt.intent)
            if judged is not None and judged.outcome == "success":
                return
            # After a time-out the LMS may still be at it: that nothing is there yet proves nothing.
            error.unknown = judged is None or (error.unknown and error.status == 504)
            if judged is not None and not judged.complete:
                attempt.made = judged.made
                error.detail = f"{error.detail} {judged.detail}"
            raise

    def _found_again(
        self,
        target: Target,
        collection: Collection,
        attempt: Attempt,
        resource: Resource,
        error: ScimError,
    ) -> Resource:
        """Return the resource that a create has made after all, complete; else raise the error.

        What only the LMS says of it is its default. A later call of the create may be missing:
        the one that disables, or the one that adds the members.
        """
        mapping = collection.mapping
        found = collection.find_again(resource)
        if found is None:
            raise error
        if self._audit.knows(target.name, mapping.full.name, found["id"]):
            raise uniqueness("The name is already in use.")
        collection.complete([found], mapping.kept & names_in(resource))
        after = mapping.carry_over(found, {**found, **resource})
        differs = tuple(
            change
            for change in diff(mapping.resource_type, found, after)
            if change.new is not None and not change.path.secret
        )
        if any(change.path.name not in mapping.later for change in differs):
            raise uniqueness("The name is already in use.")
        return collection.update(attempt.ticket, found, after, differs) if differs else found


def _may_be_done(error: ScimError, calls: int) -> bool:
    """Tell whether a failed write may have been carried out: of several calls the first ones."""
    return error.unknown or (error.status >= 500 and calls > 1)
