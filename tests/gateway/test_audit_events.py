"""/AuditEvents over HTTP, and what each write leaves there."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.messages import SEARCH_REQUEST
from tests.gateway.service import Scim, Service, person


def test_a_write_is_told_attribute_by_attribute(moodle: Scim) -> None:
    id = moodle.add("ann", externalId="E1")
    change = {"op": "replace", "path": "externalId", "value": "E2"}
    sent = {"headers": {"X-Request-ID": "r-1", "User-Agent": "idp/1"}}
    moodle.patch(f"/Users/{id}", change, **sent)
    event = moodle.get("/AuditEvents", filter='requestId eq "r-1"').json["Resources"][0]
    assert event["changes"] == [
        {"path": "externalId", "native": "idnumber", "op": "replace", "old": "E1", "new": "E2"}
    ]
    wanted = {
        "actor": "tester",
        "client": "idp/1",
        "clientAddress": "127.0.0.1",
        "operation": "patch",
        "resourceType": "User",
        "resourceId": id,
        "login": "ann",
        "outcome": "success",
        "status": 200,
        "upstreamCalls": 2,
        "configuration": "test",
        "target": "moodle",
    }
    assert wanted.items() <= event.items()
    assert event["duration"] > 0
    assert event["meta"]["location"].endswith(f"/moodle/scim/v2/AuditEvents/{event['id']}")
    assert moodle.get(f"/AuditEvents/{event['id']}").json == event


def test_filters_order_and_pages(scim: Scim) -> None:
    ids = [scim.add(login) for login in ("ann", "bob", "cat")]
    Scim(scim.service, "moodle" if scim.name == "memory" else "memory").add("dan")

    def logins(**query: Any) -> list[str]:
        return [e["login"] for e in scim.get("/AuditEvents", **query).json.get("Resources", ())]

    assert logins() == ["ann", "bob", "cat"]
    assert logins(sortBy="login", sortOrder="descending") == ["cat", "bob", "ann"]
    assert logins(sortBy="sequence", sortOrder="descending", count=1) == ["cat"]
    assert logins(startIndex=2, count=1) == ["bob"]
    assert logins(startIndex=-3, count=1) == ["ann"]
    assert logins(filter='login eq "BOB"') == ["bob"]
    assert logins(filter=f'resourceId eq "{ids[2]}" and outcome eq "success"') == ["cat"]
    assert logins(filter='changes[path eq "userName" and new eq "ann"]') == ["ann"]
    assert logins(filter='target ne "x" and time gt "2020-01-01T00:00:00Z"', count=2) == [
        "ann",
        "bob",
    ]
    nothing = scim.get("/AuditEvents", count=0).json
    assert nothing["totalResults"] == 3
    assert "Resources" not in nothing
    body = {"schemas": [SEARCH_REQUEST], "filter": 'login eq "bob"', "attributes": ["login"]}
    found = scim.post("/AuditEvents/.search", body)
    assert found.status_code == 200
    assert [set(e) for e in found.json["Resources"]] == [{"schemas", "id", "login"}]
    assert scim.get("/AuditEvents", filter="nonsense eq 5").status_code in (200, 400)
    assert scim.get("/AuditEvents", sortBy="nonsense").status_code == 400


def test_events_of_another_target_do_not_exist(service: Service) -> None:
    memory, moodle = Scim(service, "memory"), Scim(service, "moodle")
    memory.add("ann")
    id = memory.event["id"]
    assert memory.get(f"/AuditEvents/{id}").status_code == 200
    assert moodle.get(f"/AuditEvents/{id}").status_code == 404
    assert moodle.get("/AuditEvents", filter='target eq "memory"').json["totalResults"] == 0
    assert (
        moodle.get("/AuditEvents", filter='target eq "memory" or id pr').json["totalResults"] == 0
    )


@pytest.mark.parametrize("path", ["/AuditEvents", "/AuditEvents/1"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_log_is_read_only(scim: Scim, method: str, path: str) -> None:
    answer = scim.send(method, path, {})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/Users", "create"),
        ("PUT", "/Users/5", "replace"),
        ("PATCH", "/Users/5", "patch"),
        ("POST", "/Users/5/.resetPassword", "resetPassword"),
        ("POST", "/Groups", "create"),
    ],
)
def test_a_body_that_is_no_json_is_recorded(
    scim: Scim, method: str, path: str, operation: str
) -> None:
    for more, status in (
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"<x/>", "content_type": "application/xml"}, 415),
    ):
        assert scim.send(method, path, **more).status_code == status
        assert scim.event["operation"] == operation
        assert scim.event["outcome"] == "refused"
        assert scim.event["status"] == status


def test_ignored_attributes_are_named_and_counted(moodle: Scim) -> None:
    def count() -> float:
        for line in moodle.service.client.get("/metrics").text.splitlines():
            if line.startswith('matricula_ignored_attributes_total{target="moodle"}'):
                return float(line.split()[-1])
        return 0

    before = count()
    more = {"title": "Dr", "shoeSize": 44, "roles": [{"value": "Student"}]}
    made = moodle.post("/Users", person("ann", **more))
    assert made.status_code == 201
    assert not {"title", "shoeSize", "roles"} & set(made.json)
    assert set(moodle.event["ignored"]) == {"title", "shoeSize", "roles"}
    assert count() == before + 3
    id = made.json["id"]
    moodle.patch(f"/Users/{id}", {"op": "replace", "value": {"title": "Prof", "hat": 7}})
    assert set(moodle.event["ignored"]) == {"title", "hat"}
    assert moodle.event["outcome"] == "noChange"


def test_a_conflict_is_recorded_as_refused(scim: Scim) -> None:
    scim.add("ann")
    scim.post("/Users", person("ann"))
    assert scim.event["outcome"] == "refused"
    assert scim.event["status"] == 409
    assert scim.event["login"] == "ann"


def test_reads_leave_no_event(scim: Scim) -> None:
    scim.get("/Users")
    scim.get("/Users/5")
    scim.post("/Users/.search", {})
    assert scim.service.events == []
