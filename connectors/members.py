"""Members of groups: which ones a change of a group adds and which it removes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from connectors.mapping import Resource
from schemas.changes import Change


def changed_members(
    changes: Iterable[Change], id_of: Callable[[Resource], str]
) -> tuple[list[str], list[str]]:
    """Return the ids of the members that changes add, and of those that they remove."""
    members = [change for change in changes if change.path.name == "members"]
    added = [id_of(change.new) for change in members if change.new is not None]
    removed = [id_of(change.old) for change in members if change.new is None]
    return added, removed
