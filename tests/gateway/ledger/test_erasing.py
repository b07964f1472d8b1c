"""Erasing: values are nowhere afterwards, proofs hold, a legal hold comes first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import orjson
import pytest
from sqlalchemy.exc import OperationalError

from gateway.audit import AuditLog
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from gateway.ledger.erasing import Eraser
from gateway.ledger.proving import Proof
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import ScimError
from schemas.filters import parse_filter
from tests.gateway.ledger.test_sealing import Log
from tests.gateway.service import audit_keys

SECRETS = ("Zebulon", "zeb@example.edu", "zeb.quick", "zebulon.renamed", "x-4711")
BY = Intent("", "erase", "Subject", actor="operator")


def eraser_of(log: Log) -> Eraser:
    return Eraser(log.database, audit_keys(log.database), log.audit, log.sealer)


def fill(audit: AuditLog) -> None:
    """Write what happens to one person in two LMSs, and to another one."""
    created = (
        ChangeRecord("userName", None, "add", None, "zeb.quick"),
        ChangeRecord("name.givenName", None, "add", None, "Zebulon"),
        ChangeRecord("externalId", None, "add", None, "x-4711"),
        ChangeRecord('emails[type eq "work"].value', None, "add", None, "zeb@example.edu"),
        ChangeRecord('emails[value eq "zeb@example.edu"].primary', None, "add", None, "true"),
    )
    renamed = (ChangeRecord("userName", None, "replace", "zeb.quick", "zebulon.renamed"),)
    for target, id in (("moodle", "7"), ("canvas", "70")):
        sequence = audit.begin(
            Intent(target, "create", "User", login="zeb.quick", changes=created, lookup="Zebulon")
        ).sequence
        audit.finish(sequence, "success", status=201, resource_id=id)
    audit.record(Intent("moodle", "patch", "User", "7", "zebulon.renamed", renamed), "success")
    audit.record(
        Intent("moodle", "patch", "User", "7", "zebulon.renamed"), "refused", detail="Zebulon: no."
    )
    audit.record(Intent("moodle", "create", "User", "8", "bob"), "success")


def files_of(database: Database) -> bytes:
    assert database.path is not None
    folder, name = database.path.parent, database.path.name
    return b"".join(p.read_bytes() for p in folder.glob(f"{name}*") if p.is_file())


def test_values_are_encrypted_from_the_beginning(sqlite: Database) -> None:
    log = Log(sqlite)
    fill(log.audit)
    content = files_of(sqlite).lower()
    for secret in SECRETS:
        assert secret.lower().encode() not in content, secret


def test_an_erased_person_is_gone_and_every_proof_holds(database: Database) -> None:
    log = Log(database)
    fill(log.audit)
    log.sealer.finish()
    before = log.prover.verifier, list(log.prover.whole())[-1]
    assert eraser_of(log).erase("X-4711", BY) == [1, 2]
    log.sealer.finish()
    report = log.verified(orjson.loads(before[1])["checkpoint"])
    assert report.findings == ()
    assert report.erased == 4
    for sequence in range(1, 7):
        assert log.prover.of(sequence) == Proof(sequence - 1, 6)
    exported = b"".join(log.prover.whole()).decode() + str(list(log.audit.stream()))
    for secret in SECRETS:
        assert secret.lower() not in exported.lower(), secret
    for query in ('login eq "zeb.quick"', 'changes.new eq "Zebulon"', 'changes.old eq "zeb.quick"'):
        assert log.audit.search(parse_filter(query, AUDIT_EVENT))[0] == 0
    events = list(log.audit.stream())
    assert [event["operation"] for event in events][-1] == "erase"
    assert [change["path"] for change in events[2]["changes"]] == ["userName"]
    assert events[4]["login"] == "bob"


def test_after_an_erasure_the_keys_are_nowhere_in_the_files(sqlite: Database) -> None:
    log = Log(sqlite)
    fill(log.audit)
    with sqlite.read() as connection:
        rows = connection.exec_driver_sql("SELECT key FROM subjects").all()
        personal = connection.exec_driver_sql("SELECT personal, login FROM events").all()
        digests = connection.exec_driver_sql("SELECT old, new FROM changes").all()
    eraser_of(log).erase("zeb.quick", BY)
    content = files_of(sqlite)
    kept = {rows[-1].key, *personal[-1]}
    for value in [*(row.key for row in rows), *sum(map(tuple, [*personal, *digests]), ())]:
        if value is not None and value not in kept:
            assert value not in content


def test_a_new_event_after_an_erasure_is_under_a_new_key(sqlite: Database) -> None:
    log = Log(sqlite)
    fill(log.audit)
    eraser_of(log).erase("zeb.quick", BY)
    log.audit.record(Intent("moodle", "patch", "User", "7", "zeb.back"), "success")
    event = list(log.audit.stream())[-1]
    assert event["login"] == "zeb.back"
    assert event["subject"] not in (1, 2)


def test_a_legal_hold_comes_first(sqlite: Database) -> None:
    log = Log(sqlite)
    fill(log.audit)
    eraser = eraser_of(log)
    assert eraser.hold("zeb@example.edu", "Case 12/2026", BY) == [1, 2]
    with pytest.raises(ScimError, match="Case 12/2026") as refused:
        eraser.erase("zeb.quick", BY)
    assert refused.value.status == 409
    eraser.release("zeb.quick", BY)
    eraser.erase("zeb.quick", BY)
    told = [(e["operation"], e["outcome"]) for e in list(log.audit.stream())[-4:]]
    assert told == [
        ("hold", "success"),
        ("erase", "refused"),
        ("release", "success"),
        ("erase", "success"),
    ]


def test_a_hold_that_comes_while_an_erasure_is_prepared_still_forbids_it(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(sqlite)
    fill(log.audit)
    eraser = eraser_of(log)
    monkeypatch.setattr(log.sealer, "seal", lambda: eraser.hold("zeb.quick", "Case 7", BY))
    with pytest.raises(ScimError, match="Case 7"):
        eraser.erase("zeb.quick", BY)
    assert log.audit.subjects("zeb.quick") == [1, 2]
    assert next(log.audit.stream())["login"] == "zeb.quick"


def test_of_a_hold_and_an_erasure_at_once_only_one_is_done(database: Database) -> None:
    log = Log(database)
    eraser = eraser_of(log)
    together = Barrier(2, timeout=60)

    def ends_well(act: Callable[[], object]) -> bool:
        together.wait()
        try:
            act()
        except ScimError as error:
            assert error.status in (404, 409)
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for number in range(10):
            login = f"person.{number}"
            log.write(login, id=str(number))
            hold = partial(eraser.hold, login, "Case 12/2026", BY)
            acts = (hold, partial(eraser.erase, login, BY))
            held, erased = pool.map(ends_well, acts)
            assert held != erased
            assert (log.audit.subjects(login) == []) == erased


def test_a_hold_without_an_event_is_none(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(sqlite)
    fill(log.audit)
    eraser = eraser_of(log)

    def full(*given: object, **more: object) -> int:
        raise OperationalError("insert", {}, Exception("disk full"))

    with monkeypatch.context() as patched:
        patched.setattr("gateway.audit.add", full)
        with pytest.raises(ScimError) as refused:
            eraser.hold("zeb.quick", "Case 12/2026", BY)
    assert refused.value.status == 503
    assert eraser.erase("zeb.quick", BY) == [1, 2]


def test_nobody_is_erased_while_a_write_is_under_way(sqlite: Database) -> None:
    log = Log(sqlite)
    fill(log.audit)
    sequence = log.audit.begin(Intent("moodle", "patch", "User", "7", "zebulon.renamed")).sequence
    with pytest.raises(ScimError, match="under way"):
        eraser_of(log).erase("zeb.quick", BY)
    log.audit.finish(sequence, "success")
    eraser_of(log).erase("zeb.quick", BY)


def test_an_unknown_person(sqlite: Database) -> None:
    with pytest.raises(ScimError) as refused:
        eraser_of(Log(sqlite)).erase("nobody", BY)
    assert refused.value.status == 404


def test_what_is_in_clear_would_be_found(sqlite: Database) -> None:
    log = Log(sqlite)
    log.audit.record(Intent("moodle", "patch", "User", "needle-in-clear"), "success")
    assert b"needle-in-clear" in files_of(sqlite)
