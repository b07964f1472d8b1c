"""Timelines: of a person over all targets, of one account, and the values at a moment."""

from __future__ import annotations

import pytest

from gateway.database import now
from gateway.intents import Intent
from tests.gateway.console.visitor import Visitor, id_of, subjects, words
from tests.gateway.service import Scim, Service


def test_a_timeline_is_of_a_person_over_all_targets(ann: Scim, auditor: Visitor) -> None:
    answer = auditor.get("/timeline", login="Ann")
    assert subjects(answer) == [
        "Create ann in canvas",
        "Change ann.doe in moodle",
        "Disable ann in moodle",
        "Change ann in moodle",
        "Create ann in moodle",
    ]
    text = words(answer.text)
    assert "externalId idnumber E-1 E-2" in text
    assert "by tester" in text and "from 127.0.0.1 client idp/1 request r-1" in text
    assert "calls to the LMS 2" in text
    assert "bob" not in text
    id = id_of(ann)
    one = auditor.get("/timeline", target="moodle", id=id)
    assert len(subjects(one)) == 4
    assert "ann.doe in moodle" in words(one.text)


def test_secrets_show_as_changed(ann: Scim, auditor: Visitor) -> None:
    text = auditor.text("/timeline", login="ann", as_of="2100-01-01T00:00")
    assert "password changed its value is not kept" in text
    assert "Secret-Word" not in text


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({"operation": "create"}, 2),
        ({"operation": "disable", "outcome": "success"}, 1),
        ({"outcome": "refused"}, 0),
        ({"attribute": "externalId"}, 2),
        ({"attribute": "name.given"}, 2),
        ({"attribute": "active"}, 3),
        ({"actor": "tester"}, 5),
        ({"actor": "nobody"}, 0),
        ({"from": "2020-01-01", "to": "2100-01-01"}, 5),
        ({"from": "2100-01-01"}, 0),
        ({"to": "2020-01-01"}, 0),
        ({"from": "TODAY", "to": "TODAY"}, 5),
    ],
)
def test_filters(ann: Scim, auditor: Visitor, chosen: dict[str, str], count: int) -> None:
    today = now().date().isoformat()
    chosen = {name: value.replace("TODAY", today) for name, value in chosen.items()}
    found = auditor.get("/timeline", login="ann", **chosen)
    if chosen.get("attribute") != "active":
        assert len(subjects(found)) == count
    for name, value in chosen.items():
        assert f'value="{value}"' in found.text, name
    ours = [heading for heading in subjects(auditor.get("/events", **chosen)) if "bob" not in
            heading and "Authenticate" not in heading]  # fmt: skip
    assert ours == subjects(found)


def test_a_stranger_has_an_empty_timeline(auditor: Visitor) -> None:
    assert "No event fits" in auditor.text("/timeline", login="nobody")
    assert "No event fits" in auditor.text("/timeline", target="moodle", id="77")


def held(text: str) -> str:
    return text.partition("Values as of")[2].partition("newest first")[0]


def test_values_as_of_a_moment(ann: Scim, auditor: Visitor) -> None:
    events = [e for e in ann.service.events if e["target"] == "moodle"]
    created, changed, _, renamed = (event["finished"] for event in events)
    id = events[0]["resourceId"]

    def at(moment: str) -> str:
        return held(auditor.text("/timeline", target="moodle", id=id, as_of=moment))

    assert "externalId E-1 event" in at(created)
    assert "externalId E-2 event" in at(changed)
    assert "userName ann event" in at(changed)
    assert "userName ann.doe event" in at(renamed)
    assert "active false event" in at(renamed)
    assert "Not created yet." in at("2020-01-01T00:00")
    everything = auditor.text("/timeline", login="ann", as_of="2100-01-01T00:00")
    assert "canvas User" in held(everything)


def test_a_person_is_followed_over_renames(ann: Scim, auditor: Visitor) -> None:
    service = ann.service
    id = id_of(ann)
    ann.patch(f"/Users/{id}", {"op": "replace", "path": "name.givenName", "value": "Zoe"})
    for number in range(3):
        Scim(service, "memory").add(f"other{number}")
    newest = "Change ann.doe in moodle"
    for login in ("ann", "ann.doe"):
        found = subjects(auditor.get("/timeline", login=login))
        assert found[0] == newest
        assert "Create ann in moodle" in found
    text = auditor.text("/timeline", login="ann")
    assert f"e-mail address: canvas {canvas_id(service)}, moodle {id}" in text


def canvas_id(service: Service) -> str:
    event = next(e for e in service.events if e["target"] == "canvas" and e["login"] == "ann")
    return str(event["resourceId"])


@pytest.mark.parametrize("name", ["E-1", "E-2", "ann@example.edu", "ANN@example.edu"])
def test_a_person_is_found_by_external_id_or_address(
    ann: Scim, auditor: Visitor, name: str
) -> None:
    found = subjects(auditor.get("/timeline", login=name))
    assert found[-1] == "Create ann in moodle"
    assert "Change ann.doe in moodle" in found
    assert ("Create ann in canvas" in found) == ("@" in name)
    assert "Create bob in canvas" not in found


def erase(service: Service, login: str) -> None:
    parts = service.app.extensions["matricula"]
    parts["ledger"].eraser.erase(login, Intent("", "erase", "Subject", actor="officer"))


def test_a_timeline_says_that_a_person_was_erased(ann: Scim, auditor: Visitor) -> None:
    service, id = ann.service, id_of(ann)
    auditor.get("/timeline", login="ann")
    erase(service, "ann")
    moment = service.events[-1]["time"][:19].replace("T", " ")
    answer = auditor.get("/timeline", target="moodle", id=id, as_of="2100-01-01T00:00")
    text = words(answer.text)
    assert subjects(answer) == [f"{word} User {id} in moodle" for word in
                                ("Change", "Disable", "Change", "Create")]  # fmt: skip
    assert text.count(f"The personal values were erased on {moment}.") == 4
    assert f"What the log held of it was erased on {moment}." in held(text)
    assert "externalId idnumber erased" in text
    assert "E-1" not in text and "its value is not kept" not in text
    assert "No event fits" in auditor.text("/timeline", login="ann.doe")
    ann.patch(f"/Users/{id}", {"op": "replace", "path": "externalId", "value": "E-3"})
    text = auditor.text("/timeline", target="moodle", id=id, as_of="2100-01-01T00:00")
    assert "externalId E-3 event" in held(text)
    assert text.count("personal values were erased") == 4
    sealer = service.app.extensions["matricula"]["ledger"].sealer
    sealer.finish()
    text = auditor.text("/timeline", target="moodle", id=id)
    assert text.count("Sealed and signed") == 5 and "NOT as" not in text
