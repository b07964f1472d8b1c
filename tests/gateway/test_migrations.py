"""Migrations: what an older version has written is there afterwards, and is encrypted."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import create_engine, text

import gateway.migrations
from gateway.audit import AuditLog
from gateway.database import Database
from gateway.ledger.keys import AuditKeys
from gateway.ledger.proving import Prover
from gateway.ledger.sealer import Sealer
from gateway.ledger.verify import verify
from gateway.tombstones import Tombstones
from schemas.audit_event import AUDIT_EVENT
from schemas.filters import parse_filter

EVENT = (
    "INSERT INTO events (sequence, time, actor, target, operation, resource_type, resource_id,"
    " login, login_folded, outcome, detail, lookup) VALUES"
    " (:sequence, 0, 'entra', 'moodle', 'patch', 'User', :id, :login, lower(:login), :outcome,"
    " :detail, '{}')"
)
CHANGE = (
    "INSERT INTO changes (sequence, position, path, op, old, new) VALUES"
    " (:sequence, 0, 'userName', 'replace', 'Ann', 'Anna')"
)
TOMBSTONE = (
    "INSERT INTO tombstones (target, resource_type, id, login, external_id, time) VALUES"
    " ('moodle', 'User', '9', 'gone', 'x-9', 0)"
)


@pytest.fixture
def older(url: str) -> str:
    """Give the URL of a database of version 0002 with events, changes and a tombstone."""
    config = Config()
    folder = Path(gateway.migrations.__file__).parent
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for sequence, id, login, outcome in (
            (1, "7", "Ann", "success"),
            (2, "7", "Anna", "unknown"),
            (3, None, None, "refused"),
        ):
            values = {"sequence": sequence, "id": id, "login": login, "outcome": outcome}
            connection.execute(text(EVENT), values | {"detail": f"Detail {sequence}."})
        connection.execute(text(CHANGE), {"sequence": 2})
        connection.execute(text(TOMBSTONE))
    engine.dispose()
    return url


def test_older_events_are_kept_and_encrypted(older: str) -> None:
    keyring = MultiFernet([Fernet(Fernet.generate_key())])
    database = Database(older)
    database.migrate(keyring)
    keys = AuditKeys(database, keyring)
    audit = AuditLog(database, keys)
    events = list(audit.stream())
    assert [event.get("login") for event in events] == ["Ann", "Anna", None]
    assert [event["detail"] for event in events] == ["Detail 1.", "Detail 2.", "Detail 3."]
    assert events[1]["changes"] == [
        {"path": "userName", "op": "replace", "old": "Ann", "new": "Anna"}
    ]
    assert events[0]["subject"] == events[1]["subject"]
    for query in ('login eq "ANN"', 'changes.new eq "anna"'):
        assert audit.search(parse_filter(query, AUDIT_EVENT))[0] == 1
    assert Tombstones(database, keys.digest).by_login("moodle", "User", "GONE") == "9"
    audit.finish(2, "success")
    sealer, prover = Sealer(database, keys, "log"), Prover(database, keys, "log")
    sealer.finish()
    assert verify(list(prover.whole()), prover.verifier).findings == ()
    if database.path:
        database.scrub(())
        assert b"Anna" not in database.path.read_bytes()
    database.close()


def test_older_events_are_not_touched_without_keys(older: str) -> None:
    database = Database(older)
    with pytest.raises(RuntimeError, match="keys"):
        database.migrate()
    with database.read() as connection:
        assert connection.scalar(text("SELECT login FROM events WHERE sequence = 1")) == "Ann"
    database.close()
