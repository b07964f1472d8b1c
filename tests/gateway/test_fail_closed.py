"""Fail closed: when the log cannot be written nothing is written to an LMS, and reads go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

import gateway.database
import gateway.health
from gateway.database import Database
from schemas.user import LMS_USER
from tests.gateway.service import Scim, Service, person


def full(database: Database) -> Callable[[], None]:
    """Let the database have no room for another page; return what gives it back."""

    def limit(connection: Any, _: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    return _from_now_on(database, limit)


def read_only(database: Database) -> Callable[[], None]:
    """Let nobody write to the database; return what ends it."""
    return _from_now_on(database, lambda connection, _: connection.execute("PRAGMA query_only = 1"))


def locked(database: Database) -> Callable[[], None]:
    """Let somebody else hold the database; return what ends it."""
    database.close()
    other = Database(f"sqlite:///{database.path}")
    writing = other.write()
    writing.__enter__()

    def end() -> None:
        writing.__exit__(None, None, None)
        other.close()

    return end


def _from_now_on(database: Database, prepare: Callable[[Any, Any], Any]) -> Callable[[], None]:
    database.close()
    event.listen(database._engine, "connect", prepare)

    def end() -> None:
        event.remove(database._engine, "connect", prepare)
        database.close()

    return end


@pytest.mark.parametrize("spoil", [full, read_only, locked])
def test_no_write_without_a_record(
    service: Service,
    spoil: Callable[[Database], Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway.database, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(gateway.health, "READY_SECONDS", 0.0)
    scim = Scim(service, "moodle")
    id = scim.add("ann")
    before = len(service.events)
    service.forget()
    database: Database = service.app.extensions["matricula"]["database"]
    restore = spoil(database)
    try:
        # Room that is left in pages that are there already is room.
        filling = person("bob", **{LMS_USER: {"description": "x" * 20_000}})
        answers = [scim.post("/Users", filling)]
        if spoil is not full:
            disable = {"op": "replace", "path": "active", "value": False}
            answers += [scim.patch(f"/Users/{id}", disable), scim.delete(f"/Users/{id}")]
        for answer in answers:
            assert answer.status_code == 503, answer.text
            assert "Retry-After" in answer.headers
        called = set(service.moodle.site.count_calls())
        assert not {"core_user_create_users", "core_user_update_users"} & called
        assert scim.get(f"/Users/{id}").status_code == 200
        assert scim.get("/AuditEvents").json["totalResults"] >= before
        if spoil is not full:
            # There only new pages are lacking: what fits into the old ones can still be written.
            ready = service.client.get("/ready")
            assert ready.status_code == 503
            assert ready.json["audit"] != "ok"
    finally:
        restore()
    assert scim.get("/Users", filter='userName eq "bob"').json["totalResults"] == 0
    assert scim.add("bob")
    assert service.client.get("/ready").json["audit"] == "ok"
