"""Identity platforms: their whole life cycles of requests, replayed on every target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.user import USER
from tests.gateway.service import TARGETS, Scim, Service

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "idp").glob("*.json"))
CLIENTS = {
    *("authentik", "entra", "google", "jumpcloud", "keycloak", "okta", "onelogin", "sailpoint"),
}


def test_there_are_sequences_of_each() -> None:
    assert {fixture.stem.partition("_")[0] for fixture in FIXTURES} == CLIENTS


@pytest.fixture(params=TARGETS)
def scim(request: pytest.FixtureRequest, service: Service) -> Scim:
    """Give each target in turn among all others: what a client does must reach none of them."""
    return Scim(service, request.param)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.stem)
def test_a_client_is_served(scim: Scim, fixture: Path) -> None:
    sequence = json.loads(fixture.read_text(encoding="utf-8"))
    kept: dict[str, str] = {}
    for step in sequence["steps"]:
        replay(scim, step, kept)
    scim.service.forget()
    before = len(scim.service.events)
    for step in sequence["again"]:
        replay(scim, step, kept)
    calls = {name for name, _ in scim.service.moodle.site.calls}
    assert not {name for name in calls if "_get_" not in name and "_search_" not in name}
    for lms in ("canvas", "brightspace", "blackboard"):
        assert {method for method, _ in scim.service.simulators[lms].site.calls} <= {"GET"}
    events = scim.service.events[before:]
    assert [event["outcome"] for event in events] == ["noChange"] * len(sequence["again"])
    for step in sequence["end"]:
        replay(scim, step, kept)
    assert all(event["outcome"] not in ("open", "unknown") for event in scim.service.events)


def replay(scim: Scim, step: dict[str, Any], kept: dict[str, str]) -> None:
    """Send one request with the ids kept so far, and check the answer."""
    filled = fill(step, kept)
    query = {"query_string": filled["query"]} if "query" in filled else {}
    answer = scim.send(filled["method"], filled["path"], filled.get("body"), **query)
    shown = (filled["step"], answer.status_code, answer.text)
    full = scim.name == "memory" and filled["status"] == 204 and filled["method"] == "PATCH"
    assert answer.status_code == (200 if full else filled["status"]), shown
    for path, expected in expectations(scim, filled).items():
        if not is_held(scim, path):
            continue
        assert value_at(answer.json, path) == expected, (path, shown)
    for name, path in filled.get("keep", {}).items():
        kept[name] = value_at(answer.json, path)


def expectations(scim: Scim, step: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer must show, by path.

    Brightspace's groups are in a set, which is in the list of all groups as well: as the first.
    """
    expected = step.get("expect", {})
    query = step.get("query", {})
    is_list = step["path"] == "/Groups" and "startIndex" in query and "filter" not in query
    if not (scim.name == "brightspace" and is_list and expected["totalResults"]):
        return dict(expected)
    total = expected["totalResults"] + 1
    shown = {path.replace("Resources.0.", "Resources.1."): v for path, v in expected.items()}
    shown["totalResults"] = total
    if "itemsPerPage" in shown:
        shown["itemsPerPage"] = min(query["count"], total - query["startIndex"] + 1)
    return shown


def is_held(scim: Scim, path: str) -> bool:
    """Tell whether the target has a place for what a user shows; other paths are always there."""
    urn, _, rest = path.rpartition("|")
    name = rest.partition(".")[0]
    known = (*USER.schema.attributes, *(a for e in USER.extensions for a in e.attributes))
    if name not in {attribute.name for attribute in known}:
        return True
    return scim.holds(f"{urn}:{name}" if urn else name)


def fill(value: Any, kept: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {fill(name, kept): fill(item, kept) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, kept) for item in value]
    if isinstance(value, str):
        for name, id in kept.items():
            value = value.replace("{" + name + "}", id)
    return value


def value_at(body: Any, path: str) -> Any:
    """Return the value at a dotted path; a URN is set off by a bar."""
    urn, _, rest = path.rpartition("|")
    value = body.get(urn) if urn else body
    for part in rest.split("."):
        value = value[int(part)] if part.isdigit() else value.get(part)
    return value
