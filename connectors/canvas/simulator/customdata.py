"""Data that programs keep at a user, by namespace and scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call
from connectors.canvas.simulator.errors import CanvasError, message
from connectors.canvas.simulator.ids import find_user
from connectors.canvas.simulator.records import User

_MISSING = object()


def get_data(call: Call, slot: str, scope: str = "") -> Answer:
    """Return what is kept under a scope."""
    user, path = _open(call, slot, scope)
    found = _seek(user.custom, path)
    if found is _MISSING:
        raise message("no data for scope")
    return Answer({"data": found})


def put_data(call: Call, slot: str, scope: str = "") -> Answer:
    """Keep data under a scope; a scope below a value is a conflict."""
    user, path = _open(call, slot, scope)
    place: Any = user.custom
    for depth, name in enumerate(path[:-1]):
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            body = {
                "message": "write conflict for custom_data hash",
                "conflict_scope": "/".join(path[1 : depth + 1]),
                "type_at_conflict": "String",
                "value_at_conflict": place,
            }
            raise CanvasError(409, body)
    place[path[-1]] = call.params.raw("data")
    return Answer({"data": place[path[-1]]})


def delete_data(call: Call, slot: str, scope: str = "") -> Answer:
    """Forget what is kept under a scope."""
    user, path = _open(call, slot, scope)
    found = _seek(user.custom, path)
    if found is _MISSING:
        raise message("no data for scope")
    _seek(user.custom, path[:-1]).pop(path[-1])
    return Answer({"data": found})


def _open(call: Call, slot: str, scope: str) -> tuple[User, list[str]]:
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permissions.MANAGE_LOGINS)
    namespace = call.params.filled("ns")
    if namespace is None:
        raise message("invalid namespace")
    return user, [namespace, *(part for part in scope.split("/") if part)]


def _seek(place: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(place, dict) or name not in place:
            return _MISSING
        place = place[name]
    return place
