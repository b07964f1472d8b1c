"""The whole record: not only writes are events, and all of them are found over all targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import AuditLog
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from gateway.keyring import keyring
from gateway.ledger.keys import AuditKeys
from gateway.lifecycle import recorded
from gateway.settings import load
from schemas.audit_event import AUDIT_EVENT
from schemas.filters import parse_filter
from tests.gateway.service import Scim, Service, audit_keys, audit_log


def configuration(folder: Path, more: str = "") -> Path:
    path = folder / "matricula.toml"
    path.write_text(f'[targets.memory]\nconnector = "memory"\n{more}', encoding="utf-8")
    return path


def told(folder: Path) -> list[dict[str, Any]]:
    settings = load(folder / "matricula.toml")
    database = Database(settings.database)
    events = list(AuditLog(database, AuditKeys(database, keyring(settings))).stream())
    database.close()
    return events


def test_start_stop_and_what_has_changed_since(tmp_path: Path) -> None:
    path = configuration(tmp_path)
    for _ in range(2):
        with recorded(load(path)):
            pass
    path = configuration(tmp_path, "max_scan = 7\n")
    with pytest.raises(KeyError), recorded(load(path)):
        raise KeyError
    operations = [event["operation"] for event in told(tmp_path)]
    assert operations == [
        *("configure", "start", "stop"),
        *("start", "stop"),
        *("configure", "start", "stop"),
    ]
    (change,) = told(tmp_path)[5]["changes"]
    assert change["old"] == told(tmp_path)[4]["configuration"]
    assert change["new"] == told(tmp_path)[5]["configuration"] != change["old"]


def test_a_target_may_want_every_read_recorded(make: Callable[..., Service]) -> None:
    service = make(moodle_policies={"audit_reads": True})
    moodle, memory = Scim(service, "moodle"), Scim(service, "memory")
    id = moodle.add("ann")
    before = len(service.events)
    moodle.get(f"/Users/{id}")
    moodle.get("/Users", filter='userName eq "ann" and name.givenName co "x"')
    moodle.post("/Groups/.search", {"filter": "displayName pr"})
    moodle.get("/Users/nobody")
    moodle.get("/Schemas")
    memory.get("/Users")
    seen = [
        (e["operation"], e["resourceType"], e.get("resourceId"), e.get("login"), e.get("detail"))
        for e in service.events[before:]
    ]
    assert seen == [
        ("read", "User", id, None, None),
        ("read", "User", None, "ann", "name, name.givenName, userName"),
        ("read", "Group", None, None, "displayName"),
    ]


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("/users", "User"),
        ("/USERS", "User"),
        ("/Courses", "Course"),
        ("/AuditEvents", "AuditEvent"),
    ],
)
def test_a_recorded_read_names_the_type(make: Callable[..., Service], path: str, type: str) -> None:
    service = make(moodle_policies={"audit_reads": True})
    assert Scim(service, "moodle").get(path).status_code == 200
    assert service.events[-1]["resourceType"] == type


def test_a_recorded_search_of_all_types_names_none(make: Callable[..., Service]) -> None:
    service = make(moodle_policies={"audit_reads": True})
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 1}
    assert Scim(service, "moodle").post("/.search", body).status_code == 200
    assert service.events[-1]["resourceType"] == "Resource"


def test_a_read_that_cannot_be_recorded_is_refused(
    make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make(moodle_policies={"audit_reads": True})
    audit = service.app.extensions["matricula"]["audit"]
    monkeypatch.setattr(audit, "record", lambda *_, **__: 1 / 0)
    assert Scim(service, "moodle").get("/Users").status_code == 503
    assert Scim(service, "memory").get("/Users").status_code == 200


def test_all_targets_at_the_root(service: Service) -> None:
    for name in ("memory", "moodle"):
        Scim(service, name).add("ann")
    found = service.client.get(
        "/scim/v2/AuditEvents", query_string={"filter": 'login eq "ANN"'}
    ).json
    assert [event["target"] for event in found["Resources"]] == ["memory", "moodle"]
    for event in found["Resources"]:
        location = event["meta"]["location"]
        assert f"/{event['target']}/scim/v2/AuditEvents/" in location
        assert service.client.get(location).json == event
        assert service.client.get(f"/scim/v2/AuditEvents/{event['id']}").json == event
    audit = service.app.extensions["matricula"]["audit"]
    audit.record(Intent("", "start", "Gateway"), "success")
    (event,) = service.client.get(
        "/scim/v2/AuditEvents", query_string={"filter": "not (target pr)"}
    ).json["Resources"]
    assert service.client.get(event["meta"]["location"]).json == event
    assert service.client.post("/scim/v2/AuditEvents", json={}).status_code == 405
    assert service.client.get("/scim/v2/AuditEvents/99").status_code == 404


@pytest.mark.parametrize("query", [{}, {"sortOrder": "descending"}, {"sortBy": "login"}])
def test_pages_by_cursor_at_the_root_end(service: Service, query: dict[str, str]) -> None:
    for name in ("memory", "moodle"):
        for login in ("ann", "bob", "cay"):
            Scim(service, name).add(login)
    seen: list[str] = []
    cursor = ""
    for _ in range(len(service.events)):
        page = service.client.get(
            "/scim/v2/AuditEvents", query_string={"cursor": cursor, "count": 4, **query}
        ).json
        seen += [event["id"] for event in page["Resources"]]
        if "nextCursor" not in page:
            break
        cursor = page["nextCursor"]
    assert sorted(seen) == sorted(event["id"] for event in service.events)


def test_a_token_sees_the_events_of_its_targets(service: Service) -> None:
    for name in ("memory", "moodle"):
        Scim(service, name).add("ann")
    text = service.tokens.create("auditor", ["moodle"], ["audit:read"])
    headers = {"Authorization": f"Bearer {text}"}
    found = service.client.get("/scim/v2/AuditEvents", headers=headers).json
    assert {event["target"] for event in found["Resources"]} == {"moodle"}
    assert service.client.get("/scim/v2/AuditEvents/1", headers=headers).status_code == 404
    text = service.tokens.create("reader", ["moodle"], ["users:read"])
    headers = {"Authorization": f"Bearer {text}"}
    assert service.client.get("/scim/v2/AuditEvents", headers=headers).status_code == 403
    assert (
        service.client.get("/scim/v2/AuditEvents", headers={"Authorization": ""}).status_code == 401
    )


def test_what_is_hashed_or_omitted_is_never_shown(sqlite: Database) -> None:
    changes = (
        ChangeRecord("name.givenName", None, "replace", "Ann", "Anna"),
        ChangeRecord('emails[type eq "work"].value', None, "replace", "a@x.edu", "b@x.edu"),
        ChangeRecord("title", None, "replace", "Dr", "Prof"),
    )
    policies = {"name": "omit", "emails.value": "hash"}
    audit = AuditLog(sqlite, audit_keys(sqlite), policies)
    intent = Intent("moodle", "patch", "User", "7", "ann", changes)
    sequence = audit.begin(intent).sequence
    (opened,) = audit.unsettled()
    # Until it has ended, it must be possible to find out how.
    assert opened.intent.changes == changes
    audit.finish(sequence, "success")
    audit.record(intent, "success")
    for event in audit_log(sqlite).stream():
        assert event["changes"] == [
            {"path": "name.givenName", "op": "replace"},
            {"path": 'emails[type eq "work"].value', "op": "replace"},
            {"path": "title", "op": "replace", "old": "Dr", "new": "Prof"},
        ]

    def found(filter: str) -> int:
        return audit.search(parse_filter(filter, AUDIT_EVENT))[0]

    assert found('changes.new eq "b@x.edu"') == 2
    assert found('changes.new eq "Anna"') == 0
