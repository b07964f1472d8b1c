"""Sealing: every event becomes a leaf as it is, amendments too, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from gateway.audit import AuditLog
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from gateway.ledger import sealer as module
from gateway.ledger.configuration import AuditSettings
from gateway.ledger.proving import Proof, Prover
from gateway.ledger.publishing import publisher, read
from gateway.ledger.sealer import Sealer
from gateway.ledger.verify import Report, verify
from schemas.audit_event import AUDIT_EVENT
from schemas.filters import parse_filter
from tests.campaign.loopback import served
from tests.gateway.service import audit_keys, audit_log

NAME = "audit.example.edu"
CHANGES = (
    ChangeRecord("name.givenName", "firstname", "replace", "Ann", "Anna"),
    ChangeRecord('emails[value eq "ann@home.example"].type', None, "replace", "home", "work"),
    ChangeRecord("password", "password", "replace"),
)


class Log:
    """An audit log with its ledger."""

    def __init__(self, database: Database, **more: Any) -> None:
        keys = audit_keys(database)
        self.database = database
        self.audit: AuditLog = audit_log(database)
        self.sealer = Sealer(database, keys, NAME, **more)
        self.prover = Prover(database, keys, NAME)

    def write(self, login: str, outcome: str = "success", id: str = "7") -> int:
        intent = Intent("moodle", "patch", "User", id, login, CHANGES, lookup="{}")
        sequence = self.audit.begin(intent).sequence
        if outcome != "open":
            self.audit.finish(sequence, outcome, status=200, duration=1.23456)
        return sequence

    def verified(self, *published: str) -> Report:
        return verify(list(self.prover.whole()), self.prover.verifier, published)

    def part(self, filter: str) -> Report:
        found = self.audit.stored(parse_filter(filter, AUDIT_EVENT))
        return verify(list(self.prover.part(found)), self.prover.verifier)


def test_what_is_sealed_is_verified(database: Database) -> None:
    log = Log(database)
    for number in range(3):
        log.write(f"user{number}", id=str(number))
    log.sealer.finish()
    assert log.verified() == Report(events=3, leaves=3, checkpoints=1, erased=0, findings=())
    assert log.part('login eq "USER1"') == Report(1, 1, 1, 0, ())
    assert log.prover.of(2) == Proof(leaf=1, size=3, holds=True)


def test_an_event_that_ends_later_is_sealed_again(database: Database) -> None:
    log = Log(database)
    first, second = log.write("ann", "open"), log.write("bob", "unknown")
    log.sealer.finish()
    assert log.prover.of(first) == Proof(0, 2)
    log.audit.finish(first, "success", status=200)
    assert log.prover.of(first) == Proof(None)
    log.audit.finish(second, "failed", detail="Not carried out.")
    log.write("cay")
    log.sealer.finish()
    assert log.verified() == Report(events=3, leaves=5, checkpoints=1, erased=2, findings=())
    assert log.prover.of(first) == Proof(2, 5)
    assert [leaf for leaf, _ in log.audit.feed(-1, 10)] == [2, 3, 4]
    assert [event["outcome"] for _, event in log.audit.feed(2, 10)] == ["failed", "success"]


def test_an_event_that_ends_while_it_is_sealed_waits_for_the_next_round(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(sqlite)
    sequence = log.write("ann", "open")
    record_of = module.record_of

    def ends_meanwhile(event: Any) -> dict[str, Any]:
        monkeypatch.setattr(module, "record_of", record_of)
        log.audit.finish(sequence, "success", status=200)
        return record_of(event)

    monkeypatch.setattr(module, "record_of", ends_meanwhile)
    log.sealer.finish()
    assert log.verified() == Report(events=1, leaves=1, checkpoints=1, erased=0, findings=())


def test_blocks_and_restarts(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 8)
    monkeypatch.setattr("gateway.ledger.proving.BLOCK", 8)
    monkeypatch.setattr(module, "BATCH", 5)
    notes = []
    for size in (3, 8, 9, 20, 41):
        log = Log(sqlite)
        while log.audit.last() < size:
            log.write("ann")
        log.sealer.seal()
        notes.append(log.sealer.checkpoint() or "")
    assert log.verified(*notes).findings == ()
    for sequence in range(1, 42):
        assert log.prover.of(sequence) == Proof(sequence - 1, 41)
    assert log.part("sequence gt 5").findings == ()


def test_checkpoints_are_published_and_only_when_there_is_something_new(
    sqlite: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "published"
    log = Log(sqlite, publish=publisher(AuditSettings(checkpoints=folder)))
    assert log.sealer.checkpoint() is None
    log.write("ann")
    log.sealer.finish()
    log.sealer.finish()
    log.write("ann")
    log.sealer.finish()
    assert [file.name for file in sorted(folder.iterdir())] == [
        "000000000001.checkpoint",
        "000000000002.checkpoint",
    ]
    assert log.verified(*read(folder)).findings == ()


def test_checkpoints_are_posted(sqlite: Database) -> None:
    received: list[str] = []
    receiver = Flask("receiver")

    @receiver.post("/checkpoints")
    def take() -> str:
        received.append(request.get_data(as_text=True))
        return ""

    with served(receiver) as url:
        settings = AuditSettings(webhook=f"{url}/checkpoints?of=us", allow_private_network=True)
        log = Log(sqlite, publish=publisher(settings))
        log.write("ann")
        log.sealer.step()
    assert log.verified(*received).findings == ()
    assert len(received) == 1


def test_a_step_seals_at_once_and_signs_now_and_then(sqlite: Database) -> None:
    log = Log(sqlite)
    for size in (1, 2):
        log.write("ann")
        log.sealer.step()
        assert log.prover.of(size).leaf == size - 1
    assert log.prover.of(2).size is None
    log.sealer.finish()
    assert log.prover.of(2).size == 2


def test_a_checkpoint_that_cannot_be_published_is_kept(sqlite: Database) -> None:
    def fail(size: int, note: str) -> None:
        raise OSError("no room")

    log = Log(sqlite, publish=fail)
    log.write("ann")
    log.sealer.finish()
    assert log.verified().findings == ()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE events SET outcome = 'failed' WHERE sequence = 2",
        "UPDATE events SET actor = 'nobody' WHERE sequence = 2",
        "UPDATE changes SET path = 'active' WHERE sequence = 2 AND position = 0",
        "UPDATE events SET personal = (SELECT personal FROM events WHERE sequence = 1)"
        " WHERE sequence = 2",
        "UPDATE leaves SET hash = (SELECT hash FROM leaves WHERE number = 0) WHERE number = 1",
    ],
)
def test_tampering_in_the_database_shows(sqlite: Database, tampering: str) -> None:
    log = Log(sqlite)
    for login in ("ann", "bob", "cay"):
        log.write(login, id=login)
    log.sealer.finish()
    with sqlite.write() as connection:
        connection.exec_driver_sql(tampering)
    assert log.prover.of(2).holds is False
    assert log.prover.compared([1, 2, 3])[2].holds is False
    assert log.prover.compared([1, 2, 3])[3].holds is True
    if "leaves" not in tampering:
        assert log.part("sequence eq 2").findings
        assert log.verified().findings


def test_what_is_changed_and_sealed_anew_shows(sqlite: Database) -> None:
    log = Log(sqlite)
    log.write("ann")
    log.sealer.finish()
    with sqlite.write() as connection:
        connection.exec_driver_sql("UPDATE events SET actor = 'nobody', leaf = NULL")
    assert log.prover.of(1) == Proof(None, None, holds=False)
    log.sealer.finish()
    assert log.prover.of(1).holds is False
    assert "amended after its outcome was settled" in log.verified().findings[0]


def test_a_deleted_event_shows(sqlite: Database) -> None:
    log = Log(sqlite)
    for login in ("ann", "bob", "cay"):
        log.write(login)
    log.sealer.finish()
    with sqlite.write() as connection:
        for table in ("changes", "events"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE sequence = 2")
    assert log.verified().findings


def test_sequences_have_no_gaps(database: Database) -> None:
    log = Log(database)
    log.write("ann")
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.exec_driver_sql("UPDATE events SET status = 1")
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="no outcome"):
        log.audit.record(Intent("moodle", "patch", "User"), "nonsense")
    assert log.write("bob") == 2
