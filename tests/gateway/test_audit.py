"""The audit log: intents before outcomes, each exactly once, whoever writes at the same time."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.audit import NotOpen
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from schemas.audit_event import AUDIT_EVENT
from schemas.filters import parse_filter
from tests.gateway.service import KEY, audit_log

CHANGES = (
    ChangeRecord("name.givenName", "firstname", "replace", "Ann", "Anna"),
    ChangeRecord("password", "password", "replace"),
)
INTENT = Intent(
    target="moodle",
    operation="patch",
    resource_type="User",
    resource_id="7",
    login="Ann@Example.edu",
    changes=CHANGES,
    ignored=("nickName", "title"),
    actor="entra",
    client_address="192.0.2.1",
    client="curl/8",
    request_id="r-1",
    configuration="c0ffee",
    lookup='{"userName": "Ann@Example.edu"}',
)

WRITER = """
import sys
from cryptography.fernet import Fernet, MultiFernet
from gateway.audit import AuditLog
from gateway.database import Database
from gateway.intents import Intent
from gateway.ledger.keys import AuditKeys
database = Database(sys.argv[1])
database.migrate()
log = AuditLog(database, AuditKeys(database, MultiFernet([Fernet(sys.argv[3])])))
for number in range(25):
    ticket = log.begin(Intent("t", "create", "User", request_id=f"{sys.argv[2]}-{number}"))
    log.finish(ticket.sequence, "success", status=201)
database.close()
"""


def test_begin_and_finish(database: Database) -> None:
    log = audit_log(database)
    sequence = log.begin(INTENT).sequence
    opened = log.get(str(sequence))
    assert opened is not None
    assert opened["outcome"] == "open"
    assert "finished" not in opened
    assert opened["meta"]["created"] == opened["meta"]["lastModified"] == opened["time"]
    log.finish(sequence, "success", status=200, upstream_calls=2, duration=12.5)
    assert log.get(str(sequence)) == opened | {
        "outcome": "success",
        "finished": (finished := log.search()[1][0]["finished"]),
        "status": 200,
        "upstreamCalls": 2,
        "duration": 12.5,
        "meta": opened["meta"] | {"lastModified": finished},
    }
    assert opened == {
        "schemas": [AUDIT_EVENT.schema.urn],
        "id": str(sequence),
        "sequence": sequence,
        "time": opened["time"],
        "actor": "entra",
        "clientAddress": "192.0.2.1",
        "client": "curl/8",
        "requestId": "r-1",
        "target": "moodle",
        "operation": "patch",
        "resourceType": "User",
        "resourceId": "7",
        "subject": opened["subject"],
        "login": "Ann@Example.edu",
        "outcome": "open",
        "configuration": "c0ffee",
        "ignored": ["nickName", "title"],
        "changes": [
            {
                "path": "name.givenName",
                "native": "firstname",
                "op": "replace",
                "old": "Ann",
                "new": "Anna",
            },
            {"path": "password", "native": "password", "op": "replace"},
        ],
        "meta": opened["meta"],
    }


def test_every_shown_attribute_is_declared(sqlite: Database) -> None:
    log = audit_log(sqlite)
    log.record(INTENT, "failed", status=502, detail="No.", upstream_calls=1, duration=1.5)
    shown = set(log.search()[1][0]) - {"schemas", "id", "meta"}
    assert shown == {attribute.name for attribute in AUDIT_EVENT.schema.attributes}


def test_finish_fills_in_what_a_create_learned(database: Database) -> None:
    log = audit_log(database)
    sequence = log.begin(Intent("canvas", "create", "User", login="ann", changes=CHANGES)).sequence
    done = (ChangeRecord("userName", "login_id", "add", None, "Ann"),)
    log.finish(sequence, "success", status=201, resource_id="99", changes=done)
    (event,) = log.search(parse_filter('resourceId eq "99" and login eq "ANN"', AUDIT_EVENT))[1]
    assert event["login"] == "ann"
    assert event["changes"] == [
        {"path": "userName", "native": "login_id", "op": "add", "new": "Ann"}
    ]


def test_an_event_is_finished_once(database: Database) -> None:
    log = audit_log(database)
    sequence = log.begin(INTENT).sequence
    log.finish(sequence, "unknown", status=504)
    log.finish(sequence, "failed", status=504, changes=())
    with pytest.raises(NotOpen):
        log.finish(sequence, "success", status=200, changes=CHANGES)
    with pytest.raises(NotOpen):
        log.finish(10_000, "success", status=200)
    with pytest.raises(ValueError, match="open"):
        log.finish(log.begin(INTENT), "open", status=200)
    event = log.get(str(sequence))
    assert event is not None
    assert event["outcome"] == "failed"
    assert "changes" not in event


def test_unsettled_gives_back_the_intent(database: Database) -> None:
    log = audit_log(database)
    opened = log.begin(INTENT).sequence
    unknown = log.record(INTENT, "unknown", status=504)
    log.record(INTENT, "noChange", status=200)
    other = log.begin(Intent("canvas", "create", "User")).sequence
    assert [event.sequence for event in log.unsettled()] == [opened, unknown, other]
    first, second = log.unsettled("moodle")
    assert first.intent == second.intent == INTENT
    assert (first.outcome, second.outcome) == ("open", "unknown")
    assert log.unsettled(older_than=60) == []
    assert [event.sequence for event in log.unsettled(outcome="open")] == [opened, other]
    assert [event.sequence for event in log.unsettled("moodle", outcome="unknown")] == [unknown]


def test_pages(database: Database) -> None:
    log = audit_log(database)
    for number in range(7):
        log.record(Intent("t", "patch", "User", str(number)), "success", status=200)
    assert log.search(count=0) == (7, [])
    assert log.search(start=8) == (7, [])
    assert [e["resourceId"] for e in log.search(start=6, count=5)[1]] == ["5", "6"]
    assert [e["resourceId"] for e in log.search(count=2, descending=True)[1]] == ["6", "5"]
    assert [e["resourceId"] for e in log.search(start=-3, count=1)[1]] == ["0"]


def test_stream_crosses_pages(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.audit._PAGE", 3)
    log = audit_log(sqlite)
    for number in range(7):
        log.record(Intent("t", "patch", "User", str(number % 2)), "success", status=200)
    assert [event["sequence"] for event in log.stream()] == [1, 2, 3, 4, 5, 6, 7]
    odd = log.stream(parse_filter('resourceId eq "1"', AUDIT_EVENT))
    assert [event["sequence"] for event in odd] == [2, 4, 6]


@pytest.mark.parametrize("id", ["0", "01", "-1", "1.0", "x", "", "١", "9" * 40, "1\0"])
def test_ids_that_do_not_exist(database: Database, id: str) -> None:
    log = audit_log(database)
    log.begin(INTENT)
    assert log.get(id) is None


def test_writers_do_not_disturb_each_other(database: Database, url: str) -> None:
    log = audit_log(database)

    def write(thread: int) -> None:
        for number in range(25):
            sequence = log.begin(
                Intent("t", "create", "User", request_id=f"{thread}-{number}")
            ).sequence
            log.search(count=1)
            log.finish(sequence, "success", status=201)

    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, name, KEY])
        for name in ("first", "second")
    ]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    total, events = log.search(count=1000)
    assert total == len({event["requestId"] for event in events}) == 250
    assert {event["outcome"] for event in events} == {"success"}
