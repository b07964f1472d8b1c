"""Who observes whom: Canvas's links between users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.addresses import path_value
from connectors.canvas.client import CanvasClient
from connectors.canvas.fields import ID
from connectors.mapping import Resource
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value
from schemas.user import LMS_USER

NAMES = ("observers", "observees")
"""The attributes that hold links; those of the observers can be written."""

_AT_ONCE = 4


def fill(client: CanvasClient, users: Sequence[Resource], name: str) -> None:
    """Fill one side of the links into users, in a call for each."""

    def linked(user: Resource) -> list[Resource]:
        rows = [row for part in client.rows(f"users/{user['id']}/{name}") for row in part]
        return [{"value": str(row["id"]), "userName": row.get("login_id", "")} for row in rows]

    for user, held in zip(users, side_by_side(linked, users, _AT_ONCE), strict=True):
        user.setdefault(LMS_USER, {})[name] = held


def observers_of(client: CanvasClient, user: Resource, known: Resource) -> list[Resource]:
    """Return the observers that a user shall have, with their ids; a login name is looked up.

    `known` is the user as he was: whoever of his observers is named by another login now is
    somebody else. Raises 400 where there is no such user.
    """
    names = {item["value"]: item.get("userName") for item in held(known)}
    found = []
    for item in held(user):
        id, login = item.get("value"), item.get("userName")
        if id is None or (login and id in names and names[id] != login):
            row = client.get(f"users/{path_value(f'sis_login_id:{login}')}")
            if row is None:
                raise invalid_value(f"observers: there is no user {str(login)[:80]!r}.")
            item = {"value": str(row["id"]), "userName": row.get("login_id", "")}
        elif not ID.fullmatch(id):
            raise invalid_value(f"observers.value: {id[:40]!r} is no user's id.")
        found.append(item)
    return found


def held(user: Resource) -> list[Resource]:
    """Return the observers in a resource."""
    found: list[Resource] = user.get(LMS_USER, {}).get("observers", [])
    return found


def link(
    ticket: Ticket, client: CanvasClient, id: str, old: list[Resource], new: list[Resource]
) -> None:
    """Make and undo links so that the user has exactly the new observers."""
    before, after = ({item["value"] for item in items} for items in (old, new))
    for observer in sorted(after - before):
        try:
            client.send(ticket, "PUT", f"users/{observer}/observees/{id}")
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(f"observers: there is no user {observer}.") from None
            raise
    for observer in sorted(before - after):
        _undo(ticket, client, observer, id)


def _undo(ticket: Ticket, client: CanvasClient, observer: str, id: str) -> Any:
    try:
        return client.send(ticket, "DELETE", f"users/{observer}/observees/{id}")
    except ScimError as error:
        # No link any more is what was wanted.
        if error.status != 404:
            raise
        return None
