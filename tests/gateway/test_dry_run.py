"""Dry runs: what a write would do is told, and nothing is written; so it is in shadow mode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse

from gateway.rehearsing import PLAN
from tests.gateway.service import Scim, Service, make_service, patch_op, person, team

Make = Callable[..., Service]
SECRET = "Geheim-2026!x"


def state(scim: Scim) -> Any:
    """Return all that the target holds, as SCIM shows it."""
    return [scim.get(path, count=200).json.get("Resources") for path in ("/Users", "/Groups")]


def dry(scim: Scim, method: str, path: str, body: Any = None) -> Any:
    """Return the plan of a write, having seen that it has changed nothing."""
    before = state(scim)
    response = scim.send(method, path, body, query_string={"dryRun": "true"})
    assert response.status_code == 200, response.text
    assert state(scim) == before
    plan = response.json
    assert plan["schemas"] == [PLAN]
    assert scim.event["outcome"] == "planned"
    assert scim.event["operation"] == plan["operation"]
    return plan


def said(response: TestResponse, scim: Scim) -> Any:
    """Return the changes that a write, now really made, has left in the log."""
    assert response.status_code < 300, response.text
    return scim.event.get("changes", [])


def test_the_plan_is_what_is_done_then(scim: Scim) -> None:
    new = person("ann", password=SECRET)
    planned = dry(scim, "POST", "/Users", new)
    assert (planned["operation"], planned["login"], planned["outcome"]) == (
        *("create", "ann"),
        "planned",
    )
    response = scim.post("/Users", new)
    assert planned["changes"] == said(response, scim)
    id = response.json["id"]
    for operation in (
        {"op": "replace", "path": "name.familyName", "value": "Lee"},
        {"op": "replace", "path": "active", "value": False},
    ):
        planned = dry(scim, "PATCH", f"/Users/{id}", patch_op(operation))
        assert planned["changes"] == said(scim.patch(f"/Users/{id}", operation), scim)
        assert planned["id"] == id
    planned = dry(scim, "PUT", f"/Users/{id}", person("ann", active=True))
    assert planned["changes"] == said(scim.put(f"/Users/{id}", person("ann", active=True)), scim)
    group = scim.post("/Groups", team("Readers")).json["id"]
    joining = {"op": "add", "path": "members", "value": [{"value": id}]}
    planned = dry(scim, "PATCH", f"/Groups/{group}", patch_op(joining))
    firsts = planned.get("first", [])
    assert {first["operation"] for first in firsts} <= {"create"}
    assert planned["changes"] == said(scim.patch(f"/Groups/{group}", joining), scim)
    planned = dry(scim, "DELETE", f"/Users/{id}")
    scim.delete(f"/Users/{id}")
    assert planned["changes"] == scim.event.get("changes", [])
    assert scim.get(f"/Users/{id}").status_code == 404


def test_the_native_calls_are_those_that_are_made(scim: Scim) -> None:
    id = scim.add("ann")
    change = {"op": "replace", "path": "name.givenName", "value": "Anna"}
    planned = dry(scim, "PATCH", f"/Users/{id}", patch_op(change))
    calls = planned["nativeCalls"]
    assert calls
    assert "Anna" in orjson.dumps(calls).decode() or scim.name == "memory"
    if scim.name == "memory":
        return
    scim.service.forget()
    scim.patch(f"/Users/{id}", change)
    site = scim.service.simulators[scim.name].site
    made = [call for call in map(str, site.calls) if _writes(scim.name, call)]
    assert len(calls) == len(made), (calls, made)


def _writes(lms: str, call: str) -> bool:
    return "update" in call if lms == "moodle" else any(m in call for m in ("PUT", "PATCH", "POST"))


def test_no_secret_is_in_a_plan(scim: Scim) -> None:
    answer = scim.send(
        "POST", "/Users", person("ann", password=SECRET), query_string={"dryRun": "true"}
    )
    assert SECRET not in answer.text
    site = scim.service.simulators.get(scim.name)
    token = getattr(site.site, "token", None) if site else None
    assert not isinstance(token, str) or token not in answer.text
    assert SECRET not in orjson.dumps(scim.event).decode()


def test_refusals_are_told(scim: Scim) -> None:
    scim.add("ann")
    for method, path, body, status in (
        ("POST", "/Users", {"schemas": person("x")["schemas"]}, "400"),
        ("PATCH", "/Users/nobody", patch_op({"op": "remove", "path": "title"}), "404"),
        ("DELETE", "/Users/nobody", None, "404"),
    ):
        planned = dry(scim, method, path, body)
        assert planned["outcome"] == "refused"
        assert planned["refusal"]["status"] == status
        assert planned["refusal"]["detail"]
        assert "nativeCalls" not in planned
    again = dry(scim, "PATCH", f"/Users/{scim.add('bob')}", patch_op())
    assert again["outcome"] in ("noChange", "refused")


def test_actions_and_bulk_are_planned_too(scim: Scim) -> None:
    id = scim.add("ann")
    assert dry(scim, "POST", f"/Users/{id}/.disable")["operation"] == "disable"
    scim.post(f"/Users/{id}/.disable")
    assert dry(scim, "POST", f"/Users/{id}/.disable")["outcome"] == "noChange"
    bulk = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": person("bob")},
            {"method": "DELETE", "path": f"/Users/{id}"},
        ],
    }
    before = state(scim)
    answer = scim.post("/Bulk", bulk, query_string={"dryRun": "true"})
    assert state(scim) == before
    plans = [one["response"] for one in answer.json["Operations"]]
    assert [plan["operation"] for plan in plans] == ["create", "delete"]
    assert {plan["outcome"] for plan in plans} == {"planned"}
    assert {one["status"] for one in answer.json["Operations"]} == {"200"}


def test_dry_run_is_true_or_false(scim: Scim) -> None:
    assert scim.post("/Users", person("a"), query_string={"dryRun": "maybe"}).status_code == 400
    assert scim.post("/Users", person("a"), query_string={"dryRun": "False"}).status_code == 201


def test_in_shadow_mode_everything_is_only_planned(make: Make, tmp_path: Path) -> None:
    live = make("moodle", users=3)
    folder = tmp_path / "shadow"
    folder.mkdir()
    shadow = make_service(
        folder, ("moodle",), moodle=live.moodle, moodle_policies={"mode": "shadow"}
    )
    try:
        scim = Scim(shadow, "moodle")
        before = state(scim)
        *_, one, other = (user["id"] for user in before[0])
        answers = [
            scim.post("/Users", person("ann")),
            scim.patch(f"/Users/{one}", {"op": "replace", "path": "active", "value": False}),
            scim.delete(f"/Users/{other}"),
        ]
        assert {answer.status_code for answer in answers} == {200}
        assert state(scim) == before
        kept = scim.get("/AuditEvents", filter='outcome eq "planned"').json["Resources"]
        assert [event["operation"] for event in kept] == ["create", "patch", "delete"]
        assert all("nativeCalls" in orjson.loads(event["detail"]) for event in kept)
    finally:
        shadow.close()


def test_a_paused_target_is_read_and_not_written(make: Make) -> None:
    scim = Scim(make("moodle", users=3, moodle_policies={"mode": "paused"}), "moodle")
    before = state(scim)
    *_, one, other = (user["id"] for user in before[0])
    change = {"op": "replace", "path": "active", "value": False}
    answers = [
        scim.post("/Users", person("ann")),
        scim.patch(f"/Users/{one}", change),
        scim.delete(f"/Users/{other}"),
        scim.post(f"/Users/{one}/.disable"),
    ]
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["Retry-After"] for answer in answers} == {"300"}
    assert "paused" in answers[0].json["detail"]
    assert state(scim) == before
    kept = [(event["operation"], event["outcome"]) for event in scim.service.events]
    assert kept == [(name, "failed") for name in ("create", "patch", "delete", "disable")]
    planned = scim.patch(f"/Users/{one}?dryRun=true", change)
    assert planned.status_code == 200
    assert "nativeCalls" in planned.json


@pytest.mark.parametrize("policy", ["disable", "delete"])
def test_a_planned_delete_leaves_no_tombstone(make: Make, policy: str) -> None:
    scim = Scim(make("moodle", users=2, policies={"delete": policy}), "moodle")
    id = state(scim)[0][-1]["id"]
    dry(scim, "DELETE", f"/Users/{id}")
    assert scim.get(f"/Users/{id}").status_code == 200


def test_who_is_to_be_enrolled_first_is_planned_first(make: Make) -> None:
    scim = Scim(make("blackboard"), "blackboard")
    id = scim.add("ann")
    group = scim.add_group("Readers")
    joining = {"op": "add", "path": "members", "value": [{"value": id}]}
    planned = dry(scim, "PATCH", f"/Groups/{group}", patch_op(joining))
    assert [first["resourceType"] for first in planned["first"]] == ["Membership"]
