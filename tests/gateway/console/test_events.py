"""The list of all events: its pages, and filters in SCIM's language."""

from __future__ import annotations

from gateway.console.pages import SIZE
from gateway.intents import Intent
from tests.gateway.console.visitor import Visitor, subjects, words
from tests.gateway.service import Scim, Service


def test_paging(service: Service, auditor: Visitor) -> None:
    audit = service.app.extensions["matricula"]["audit"]
    for number in range(2 * SIZE + 3):
        audit.record(Intent("memory", "patch", "User", str(number), f"u{number}"), "noChange")
    first = auditor.get("/events", operation="patch")
    assert f"{2 * SIZE + 3} events, page 1 of 3" in words(first.text)
    assert subjects(first)[0] == f"Change u{2 * SIZE + 2} in memory"
    assert 'rel="next"' in first.text and 'rel="prev"' not in first.text
    assert "/console/events?operation=patch&amp;page=2" in first.text
    last = auditor.get("/events", operation="patch", page="3")
    assert subjects(last) == [f"Change u{n} in memory" for n in (2, 1, 0)]
    assert 'rel="next"' not in last.text and 'rel="prev"' in last.text
    assert "beyond the last" in auditor.text("/events", operation="patch", page="4")


def test_a_filter_in_scims_language(ann: Scim, auditor: Visitor) -> None:
    wanted = 'changes[path eq "externalId" and new eq "E-2"]'
    assert subjects(auditor.get("/events", filter=wanted)) == ["Change ann in moodle"]
    answer = auditor.get("/events", filter="shoe eq 5")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text and 'aria-invalid="true"' in answer.text
    assert "shoe" in words(answer.text)
    answer = auditor.get("/events", **{"from": "soon"})
    assert answer.status_code == 400
    assert "is no date" in words(answer.text) and "aria-invalid" not in answer.text
