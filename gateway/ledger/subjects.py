"""Subjects: whom events are about. Each has a key for its personal values; erased is who has none.

A subject is one resource of one target under all the logins that it has had.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, bindparam, insert, select
from sqlalchemy.engine import Connection

from gateway.database import added
from gateway.ledger.keys import AuditKeys
from gateway.tables import events, subjects

_INSERT = insert(subjects)


def _newest(*where: Any) -> Select[Any]:
    found = select(subjects.c.subject, subjects.c.key).join(
        events, events.c.subject == subjects.c.subject
    )
    return found.where(*where).order_by(events.c.sequence.desc()).limit(1)


_SAME_TYPE = (
    events.c.target == bindparam("target"),
    events.c.resource_type == bindparam("resource_type"),
)
_BY_ID = _newest(*_SAME_TYPE, events.c.resource_id == bindparam("id"))
_BY_LOGIN = _newest(*_SAME_TYPE, events.c.login == bindparam("login"))


def subject_of(
    connection: Connection,
    keys: AuditKeys,
    target: str,
    resource_type: str,
    id: str | None,
    login: bytes | None,
) -> tuple[int | None, bytes]:
    """Return the subject of a new event and its key; one that is new, or was erased, gets a key.

    `login` is a digest: by it the subject is known before the LMS has given an id. What is about
    nobody has no subject, and the gateway's own key.
    """
    if id is None and login is None:
        return None, keys.own
    query = _BY_LOGIN if id is None else _BY_ID
    known = {"target": target, "resource_type": resource_type, "id": id, "login": login}
    found = connection.execute(query, known).first()
    if found is not None and found.key is not None:
        return found.subject, keys.unwrap(found.key)
    wrapped = keys.wrapped()
    return added(connection, _INSERT, {"key": wrapped}), keys.unwrap(wrapped)
