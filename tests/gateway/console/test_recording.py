"""What people do in the console is in the log, or it is not done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.console.visitor import Visitor, subjects, words
from tests.gateway.service import TOKEN, Scim, Service


def use(service: Service) -> list[tuple[Any, ...]]:
    """Return what was read and exported: operation, type, login, resource and names."""
    names = ("operation", "resourceType", "login", "resourceId", "detail")
    return [
        tuple(event.get(name) for name in names)
        for event in service.events
        if event["operation"] in ("read", "export")
    ]


@pytest.mark.parametrize(
    ("path", "noted"),
    [
        ("/accounts?q=ann", ("read", "User", "ann", None, None)),
        ("/timeline?login=ann", ("read", "AuditEvent", "ann", None, "operation")),
        ("/timeline?login=ann&page=2", ("read", "AuditEvent", "ann", None, "operation")),
        ("/timeline?target=memory&id=1", ("read", "AuditEvent", "ann", "memory/1", "operation")),
        ("/timeline?target=memory&id=77", ("read", "AuditEvent", None, "memory/77", "operation")),
        ("/timeline?login=ann&actor=x", ("read", "AuditEvent", "ann", None, "actor, operation")),
        (
            "/timeline/download?login=ann&format=csv&operation=any",
            ("export", "AuditEvent", "ann", None, None),
        ),
        ("/events?operation=any", ("read", "AuditEvent", None, None, None)),
        (
            "/events?operation=any&filter=login+eq+%22secret%22",
            ("read", "AuditEvent", "secret", None, "login"),
        ),
        (
            "/events/download?format=jsonl&filter=detail+co+%22secret%22+and+operation+pr",
            ("export", "AuditEvent", None, None, "detail, operation"),
        ),
        ("/events/1", ("read", "AuditEvent", "ann", "1", None)),
        ("/events/1/proof", ("export", "AuditEvent", "ann", "1", None)),
    ],
)
def test_what_is_looked_at_is_an_event(
    service: Service, visitor: Visitor, path: str, noted: tuple[Any, ...]
) -> None:
    Scim(service, "memory").add("ann")
    (made,) = service.events
    path = path.replace("id=1", f"id={made['resourceId']}")
    noted = tuple(f"memory/{made['resourceId']}" if n == "memory/1" else n for n in noted)
    visitor.sign_in().download(path)
    assert use(service) == [noted]
    event = service.events[-1]
    assert (event["actor"], event["target"], event["outcome"]) == ("tester", "console", "success")
    assert event["clientAddress"] == "127.0.0.1" and event["configuration"] == "test"


@pytest.mark.parametrize(
    "path",
    ["/", "/accounts", "/timeline", "/targets/moodle", "/static/console.css", "/nowhere",
     "/events?filter=nonsense", "/events/99", "/timeline?login=a&from=yesterday",
     "/events/download?format=pdf"],
)  # fmt: skip
def test_what_shows_nobody_is_none(service: Service, auditor: Visitor, path: str) -> None:
    auditor.download(path)
    assert use(service) == []


@pytest.mark.parametrize(
    "path",
    ["/accounts?q=ann", "/timeline?login=ann", "/timeline/download?login=ann&format=csv",
     "/events", "/events/download?format=jsonl", "/events/1", "/events/1/proof"],
)  # fmt: skip
def test_without_a_record_nothing_is_shown(
    service: Service, auditor: Visitor, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    Scim(service, "memory").add("ann", externalId="E-1001")
    service.app.extensions["matricula"]["ledger"].sealer.finish()
    service.forget()
    break_the_log(service, monkeypatch)
    answer = auditor.download(path)
    assert answer.status_code == 503
    assert "written down first" in words(answer.text)
    assert "E-1001" not in answer.text
    assert service.calls == 0


def test_without_a_record_nobody_signs_in(
    service: Service, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_log(service, monkeypatch)
    assert visitor.post("/sign-in", token=TOKEN).status_code == 503
    assert visitor.get("/").status_code == 303


def break_the_log(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError("the disk is full")

    monkeypatch.setattr(service.app.extensions["matricula"]["audit"], "record", full)


def test_reading_is_shown_to_those_who_ask_for_it(service: Service, auditor: Visitor) -> None:
    Scim(service, "memory").add("ann")
    auditor.get("/timeline", login="ann")
    auditor.get("/timeline", login="ann")
    assert subjects(auditor.get("/timeline", login="ann")) == ["Create ann in memory"]
    assert "Read" not in "".join(subjects(auditor.get("/events")))
    seen = ["Read ann in console"] * 4
    for query in ({"operation": "read", "filter": 'login eq "ann"'},
                  {"filter": 'operation eq "read" and login eq "ann"'}):  # fmt: skip
        assert subjects(auditor.get("/events", **query)) == seen
        seen.append("Read ann in console")
    everything = subjects(auditor.get("/events", operation="any", filter='login eq "ann"'))
    assert everything == [*seen, "Create ann in memory"]
