"""How many calls to Canvas each operation costs, where who is active stands apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.gateway.service import Scim, Service, make_service

DISABLE = {"op": "replace", "path": "active", "value": False}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a gateway in front of a Canvas with a thousand users, the token's own among them."""
    service = make_service(tmp_path_factory.mktemp("large"), users=999)
    yield service
    service.close()


@pytest.fixture
def canvas(large: Service) -> Scim:
    large.forget()
    return Scim(large, "canvas")


def calls(scim: Scim) -> list[str]:
    """Return the calls since the last look, and forget them."""
    made = [f"{m} {path.removeprefix('/api/v1/')}" for m, path in scim.service.canvas.site.calls]
    scim.service.forget()
    return made


@pytest.mark.parametrize(
    "filter", ['id eq "1003"', 'userName eq "USER3"', 'externalId eq "s1000003"']
)
def test_a_look_up_is_one_call_and_one_for_the_state(canvas: Scim, filter: str) -> None:
    assert canvas.get("/Users", filter=filter).json["totalResults"] == 1
    assert len(calls(canvas)) == 2
    canvas.get("/Users", filter=filter, attributes="userName")
    assert len(calls(canvas)) == 1


def test_a_read_is_one_call_and_one_for_the_state(canvas: Scim) -> None:
    assert canvas.get("/Users/1003").json["active"] is True
    assert calls(canvas) == ["GET users/1003", "GET users/1003/logins"]


def test_disabling_reads_writes_and_ends_the_sessions(canvas: Scim) -> None:
    assert canvas.patch("/Users/1004", DISABLE).json["active"] is False
    reads = ["GET users/1004", "GET users/1004/logins"]
    writes = ["PUT users/1004", "DELETE users/1004/sessions"]
    assert calls(canvas) == reads + writes
    assert canvas.patch("/Users/1004", DISABLE).status_code == 200
    assert calls(canvas) == reads


def test_a_delete_by_disabling_reads_once(canvas: Scim) -> None:
    assert canvas.delete("/Users/1005").status_code == 204
    assert calls(canvas) == ["GET users/1005", "PUT users/1005", "DELETE users/1005/sessions"]


def test_a_create_is_one_call(make: Callable[..., Service]) -> None:
    scim = Scim(make("canvas"), "canvas")
    scim.service.forget()
    scim.add("ann", externalId="S-1")
    assert calls(scim) == ["POST accounts/self/users"]
    scim.add("bob", active=False)
    assert len(calls(scim)) == 3


@pytest.mark.parametrize(("attributes", "states"), [("userName", 0), ("userName,active", 1)])
def test_a_thousand_by_cursor(make: Callable[..., Service], attributes: str, states: int) -> None:
    scim = Scim(make("canvas", users=999), "canvas")
    scim.service.forget()
    query: dict[str, Any] = {"count": 100, "attributes": attributes, "cursor": ""}
    seen: set[str] = set()
    while True:
        page = scim.get("/Users", **query).json
        seen |= {user["id"] for user in page["Resources"]}
        if "nextCursor" not in page:
            break
        query["cursor"] = page["nextCursor"]
    assert len(seen) == 1000
    made = calls(scim)
    assert sum(call.endswith("/logins") for call in made) == states * 1000
    assert len(made) == 10 + states * 1000


def test_a_plan_says_what_the_state_costs(canvas: Scim) -> None:
    plan = canvas.get("/Users/.explain", filter="active eq false").json
    assert "a call for each user" in plan["plan"]
    assert "one report" in plan["plan"]
    assert plan["estimateIsMinimum"] is True
    assert calls(canvas) == []


def test_who_is_disabled_among_many_is_told_by_one_report(canvas: Scim) -> None:
    found = canvas.get("/Users", filter="active eq false", attributes="userName", count=200).json
    assert found["totalResults"] >= 99
    assert len(calls(canvas)) <= 20
