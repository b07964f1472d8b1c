"""Bulk requests (RFC 7644 section 3.7)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import bulk as bulk_module
from schemas.attributes import ENTERPRISE
from schemas.bulk import BULK_REQUEST, BULK_RESPONSE
from schemas.errors import ERROR_URN
from schemas.membership import MEMBERSHIP
from tests.gateway.service import InProcess, Scim, Service, patch_op, person, team


def send(scim: Scim, *operations: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """Send a bulk request and return the results."""
    answer = scim.post("/Bulk", {"schemas": [BULK_REQUEST], "Operations": [*operations], **more})
    assert answer.status_code == 200, answer.text
    assert answer.json["schemas"] == [BULK_RESPONSE]
    results: list[dict[str, Any]] = answer.json["Operations"]
    for result in results:
        assert isinstance(result["status"], str)
        if int(result["status"]) >= 400:
            assert result["response"]["schemas"] == [ERROR_URN]
            assert result["response"]["status"] == result["status"]
        else:
            assert "response" not in result
    return results


def make_user(bulk_id: str, **more: Any) -> dict[str, Any]:
    body = person(bulk_id, **more)
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": body}


def make_group(bulk_id: str, *members: str) -> dict[str, Any]:
    body = team(bulk_id, *members)
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": body}


def rename(path: str, name: str, **more: Any) -> dict[str, Any]:
    operation = {"op": "replace", "path": "name.givenName", "value": name}
    return {"method": "PATCH", "path": path, "data": patch_op(operation), **more}


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in results]


def test_who_is_not_there_yet_is_made_and_then_enrolled(scim: Scim) -> None:
    at = scim.add_course("PHYS-1")
    wanted = {"schemas": [MEMBERSHIP.schema.urn], "userId": "bulkId:ann", "courseId": at}
    enrol = {"method": "POST", "path": "/Memberships", "bulkId": "place", "data": wanted}
    results = send(scim, enrol, make_user("ann"))
    assert statuses(results) == ["201", "201"]
    (held,) = scim.get("/Memberships", filter=f'courseId eq "{at}"').json["Resources"]
    assert held["userId"] == results[1]["location"].rpartition("/")[2]


def test_every_method_with_its_result(scim: Scim) -> None:
    ben, cleo, dora = (scim.add(login) for login in ("ben", "cleo", "dora"))
    whole = person("cleo", name={"givenName": "Cleo", "familyName": "Doe"})
    results = send(
        scim,
        make_user("ann"),
        rename(f"/Users/{ben}", "Bea"),
        {"method": "put", "path": f"users/{cleo}", "data": whole},
        {"method": "DELETE", "path": f"/Users/{dora}"},
    )
    assert statuses(results) == ["201", "200", "200", "204"]
    assert [result["method"] for result in results] == ["POST", "PATCH", "PUT", "DELETE"]
    assert results[0]["bulkId"] == "ann"
    for result in results[:3]:
        got = scim.service.client.get(result["location"])
        assert got.json["meta"]["location"] == result["location"]
        assert got.headers["ETag"] == result["version"]
    assert scim.get(f"/Users/{ben}").json["name"]["givenName"] == "Bea"
    assert scim.get(f"/Users/{dora}").status_code == 404
    assert results[3]["location"].endswith(f"/Users/{dora}")
    assert len(scim.service.events) == 3 + 4


def test_a_patch_as_the_bare_array_of_the_standards_example(scim: Scim) -> None:
    path = f"/Users/{scim.add('ann')}"
    data = [{"op": "replace", "path": "name.givenName", "value": "Bea"}]
    assert statuses(send(scim, {"method": "PATCH", "path": path, "data": data})) == ["200"]
    assert scim.get(path).json["name"]["givenName"] == "Bea"


def test_references_backward_and_forward(scim: Scim) -> None:
    first, ann, second, ben, late = send(
        scim,
        make_group("Forward", "bulkId:ann", "bulkId:ben"),
        make_user("ann"),
        make_group("Backward", "bulkId:ann"),
        make_user("ben"),
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:Backward",
            "data": [{"op": "add", "path": "members", "value": [{"value": "bulkId:ben"}]}],
        },
    )
    assert statuses([first, ann, second, ben, late]) == ["201"] * 4 + ["200"]
    ids = {ann["location"].rpartition("/")[2], ben["location"].rpartition("/")[2]}
    assert scim.members(first["location"].rpartition("/")[2]) == ids
    assert scim.members(second["location"].rpartition("/")[2]) == ids
    assert late["location"] == second["location"]


def test_a_reference_within_a_path(scim: Scim) -> None:
    ben = scim.add("ben")
    group = scim.add_group("Staff", ben)
    add = {"op": "add", "path": "members", "value": [{"value": "bulkId:ann"}]}
    remove = {"op": "remove", "path": 'members[value eq "bulkId:ann"]'}
    results = send(
        scim,
        make_user("ann"),
        {"method": "PATCH", "path": f"/Groups/{group}", "data": [add]},
        {"method": "PATCH", "path": f"/Groups/{group}", "data": [remove]},
    )
    assert statuses(results) == ["201", "200", "200"]
    assert scim.members(group) == {ben}


def test_circular_references(service: Service) -> None:
    memory = Scim(service, "memory")
    first, second, user = send(
        memory,
        make_group("First", "bulkId:Second"),
        make_group("Second", "bulkId:First", "bulkId:ann"),
        make_user("ann", **{ENTERPRISE: {"manager": {"value": "bulkId:ann"}, "department": "x"}}),
    )
    assert statuses([first, second, user]) == ["201", "201", "201"]
    ids = [result["location"].rpartition("/")[2] for result in (first, second, user)]
    assert memory.members(ids[0]) == {ids[1]}
    assert memory.members(ids[1]) == {ids[0], ids[2]}
    ann = memory.get(f"/Users/{ids[2]}")
    assert ann.json[ENTERPRISE] == {"manager": {"value": ids[2]}, "department": "x"}
    assert ann.headers["ETag"] == user["version"]
    assert memory.get(f"/Groups/{ids[0]}").headers["ETag"] == first["version"]


def test_what_hangs_on_a_circle_is_not_what_breaks_it(service: Service) -> None:
    memory = Scim(service, "memory")
    group = memory.add_group("Old")
    add = {"op": "add", "path": "members", "value": [{"value": "bulkId:First"}]}
    results = send(
        memory,
        {"method": "PATCH", "path": f"/Groups/{group}", "data": [add]},
        make_group("First", "bulkId:Second"),
        make_group("Second", "bulkId:First"),
    )
    assert statuses(results) == ["200", "201", "201"]
    assert memory.members(group) == {results[1]["location"].rpartition("/")[2]}


def test_references_that_lead_nowhere(scim: Scim) -> None:
    results = send(
        scim,
        make_group("Unknown", "bulkId:nobody"),
        make_user("ann", userName=""),
        make_group("Failed", "bulkId:ann"),
        {"method": "DELETE", "path": "/Users/bulkId:ann"},
        make_user("ben"),
    )
    assert statuses(results) == ["400", "400", "409", "409", "201"]
    assert results[0]["response"]["scimType"] == "invalidValue"
    assert "ann" in results[2]["response"]["detail"]
    assert "location" not in results[0]
    assert scim.get("/Groups", filter='displayName eq "Failed"').json["totalResults"] == 0


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"method": "GET", "path": "/Users"}, "400"),
        ({"path": "/Users", "bulkId": "x"}, "400"),
        ({"method": "POST", "bulkId": "x", "data": {}}, "400"),
        ({"method": "POST", "path": "/Users", "data": person("ann")}, "400"),
        ({"method": "POST", "path": "/Users/5", "bulkId": "x", "data": {}}, "400"),
        ({"method": "POST", "path": "/Nothing", "bulkId": "x", "data": {}}, "404"),
        ({"method": "POST", "path": "/AuditEvents", "bulkId": "x", "data": {}}, "404"),
        ({"method": "POST", "path": "/Bulk", "bulkId": "x", "data": {}}, "404"),
        ({"method": "POST", "path": "/Users", "bulkId": "x"}, "400"),
        ({"method": "POST", "path": "/Users", "bulkId": "x", "data": []}, "400"),
        ({"method": "PUT", "path": "/Users", "data": {}}, "400"),
        ({"method": "PUT", "path": "/Users/9999", "data": person("ann")}, "404"),
        ({"method": "PATCH", "path": "/Users/9999", "data": patch_op()}, "400"),
        ({"method": "DELETE", "path": "/Users/9999"}, "404"),
        ({"method": "DELETE", "path": "/Users/9999/.disable"}, "400"),
        ({"method": "DELETE", "path": "/Users/"}, "400"),
    ],
)
def test_a_bad_operation_fails_alone(scim: Scim, operation: dict[str, Any], status: str) -> None:
    results = send(scim, operation, make_user("zoe"))
    assert statuses(results) == [status, "201"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"Operations": {}},
        {"Operations": [5]},
        {"Operations": [{"method": 5}]},
        {"Operations": [], "failOnErrors": 0},
        {"Operations": [], "failOnErrors": "1"},
        {"Operations": [], "failOnErrors": True},
        {"Operations": [], "schemas": ["urn:x"]},
        {"Operations": [], "schemas": 1.5},
        {"Operations": [], "schemas": [None]},
        {"Operations": [make_user("ann"), make_user("ann")]},
    ],
)
def test_what_is_no_bulk_request_is_refused_whole(scim: Scim, body: Any) -> None:
    assert scim.post("/Bulk", body).status_code == 400
    assert scim.service.events == []


def test_nothing_to_do(scim: Scim) -> None:
    assert send(scim) == []


def test_names_in_any_letter_case(scim: Scim) -> None:
    operation = {"METHOD": "Post", "Path": "USERS", "BULKID": "x", "Data": person("ann")}
    answer = scim.post("/Bulk", {"operations": [operation]})
    assert statuses(answer.json["Operations"]) == ["201"]


def test_too_many_operations(scim: Scim) -> None:
    many = [{"method": "DELETE", "path": "/Users/9999"}] * (bulk_module.MAX_OPERATIONS + 1)
    answer = scim.post("/Bulk", {"Operations": many})
    assert answer.status_code == 413
    assert str(bulk_module.MAX_OPERATIONS) in answer.json["detail"]
    assert scim.service.events == []


def test_too_large_a_body(scim: Scim) -> None:
    operation = make_user("ann", nickName="x" * bulk_module.MAX_PAYLOAD)
    answer = scim.post("/Bulk", {"Operations": [operation]})
    assert answer.status_code == 413
    assert str(bulk_module.MAX_PAYLOAD) in answer.json["detail"]
    assert scim.service.events == []


def test_the_limits_are_announced(scim: Scim) -> None:
    assert scim.get("/ServiceProviderConfig").json["bulk"] == {
        "supported": True,
        "maxOperations": 1000,
        "maxPayloadSize": 1048576,
    }


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods(scim: Scim, method: str) -> None:
    answer = scim.send(method, "/Bulk", {} if method != "GET" else None)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_an_old_version_is_refused(scim: Scim) -> None:
    path = f"/Users/{scim.add('ann')}"
    old = scim.get(path).headers["ETag"]
    results = send(scim, rename(path, "Bea", version=old), rename(path, "Cleo", version=old))
    assert statuses(results) == ["200", "412"]
    assert scim.get(path).json["name"]["givenName"] == "Bea"


def test_it_stops_after_so_many_errors(scim: Scim) -> None:
    bad = [{"method": "DELETE", "path": f"/Users/{id}"} for id in (9997, 9998, 9999)]
    good = [make_user(f"user{number}") for number in range(6)]
    for most, ran in ((1, 2), (2, 4), (3, 6)):
        operations = [good[0], bad[0], good[1], bad[1], good[2], bad[2], good[3]]
        results = send(scim, *operations, failOnErrors=most)
        assert len(results) == ran, most
        assert [s for s in statuses(results) if s in ("404",)] == ["404"] * most
        for result in results:
            if result["status"] == "201":
                scim.service.client.delete(result["location"])


def test_operations_on_one_resource_keep_their_order(scim: Scim) -> None:
    path = f"/Users/{scim.add('ann')}"
    names = [f"Name{number}" for number in range(20)]
    results = send(scim, *(rename(path, name) for name in names))
    assert statuses(results) == ["200"] * 20
    assert scim.get(path).json["name"]["givenName"] == names[-1]
    made = [
        change["new"]
        for event in scim.service.events[1:]
        for change in event["changes"]
        if change["path"] == "name.givenName"
    ]
    assert made == names


class Slow(InProcess):
    """The road to a simulator that takes its time; it counts who is on it."""

    def __init__(self, app: Any, seconds: float) -> None:
        super().__init__(app=app)
        self.seconds = seconds
        self.lock = threading.Lock()
        self.now = self.most = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        try:
            return super().handle_request(request)
        finally:
            with self.lock:
                self.now -= 1


def test_side_by_side_within_the_targets_limit(make: Callable[..., Service]) -> None:
    first = make(users=12)
    slow = Slow(first.moodle, 0.03)
    service = make(moodle=first.moodle, moodle_options={"transport": slow, "connections": 4})
    moodle = Scim(service, "moodle")
    results = send(moodle, *(rename(f"/Users/{id}", "Bea") for id in range(5, 15)))
    assert statuses(results) == ["200"] * 10
    assert slow.most == 4


def test_each_needs_its_own_scope(scim: Scim) -> None:
    scim.service.tokens.add("only-users", "limited", ["all"], ["users:write"])
    answer = scim.send(
        "POST",
        "/Bulk",
        {"Operations": [make_user("ann"), make_group("Staff")]},
        headers={"Authorization": "Bearer only-users"},
    )
    assert statuses(answer.json["Operations"]) == ["201", "403"]
    assert sorted(event["outcome"] for event in scim.service.events) == ["refused", "success"]


def test_an_unexpected_failure_is_one_operations_own(
    scim: Scim, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann = scim.add("ann")
    collection = scim.service.app.extensions["matricula"]["targets"][scim.name].collection("Users")
    monkeypatch.setattr(collection, "delete", lambda *_: 1 / 0)
    monkeypatch.setattr(collection, "update", lambda *_: 1 / 0)
    results = send(scim, rename(f"/Users/{ann}", "Bea"), make_user("ben"))
    assert statuses(results) == ["500", "201"]
    assert "ZeroDivision" not in str(results)


def test_data_nested_without_end(scim: Scim) -> None:
    deep = "[" * 1000 + '"bulkId:ann"' + "]" * 1000
    first = f'{{"method": "POST", "path": "/Users", "bulkId": "x", "data": {{"x": {deep}}}}}'
    body = f'{{"Operations": [{first}, {json.dumps(make_user("ann"))}]}}'
    answer = scim.send("POST", "/Bulk", data=body, content_type="application/scim+json")
    assert statuses(answer.json["Operations"]) == ["400", "201"]


_ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["POST", "PATCH", "PUT", "DELETE"]),
        st.integers(0, 5),
        st.sampled_from(["Bea", "Cleo", "Dan"]),
    ),
    max_size=12,
)


def _operation(action: tuple[str, int, str], number: int, ids: list[str]) -> dict[str, Any]:
    method, which, name = action
    path = f"/Users/{ids[which]}"
    if method == "POST":
        return make_user(f"new{number}", name={"givenName": name, "familyName": "New"})
    if method == "DELETE":
        return {"method": "DELETE", "path": path}
    if method == "PATCH":
        return rename(path, name)
    body = person(f"old{which}", name={"givenName": name, "familyName": "Put"})
    return {"method": "PUT", "path": path, "data": body}


def _state(scim: Scim) -> list[tuple[str, str]]:
    users = scim.get("/Users", sortBy="userName").json.get("Resources", ())
    return [(user["userName"], user["name"]["givenName"]) for user in users]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=_ACTIONS)
def test_a_bulk_is_as_its_operations_one_after_another(
    make: Callable[..., Service], actions: list[tuple[str, int, str]]
) -> None:
    outcomes = []
    for together in (True, False):
        scim = Scim(make("memory"), "memory")
        ids = [scim.add(f"old{which}") for which in range(6)]
        operations = [_operation(action, n, ids) for n, action in enumerate(actions)]
        if together:
            results = send(scim, *operations)
        else:
            results = [send(scim, operation)[0] for operation in operations]
        outcomes.append((statuses(results), _state(scim)))
        for user in scim.get("/Users").json.get("Resources", ()):
            scim.delete(f"/Users/{user['id']}")
    assert outcomes[0] == outcomes[1]
