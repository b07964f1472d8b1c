"""Credentials, scopes, versions, credits, refusals, faults and control of the simulator."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from connectors.brightspace.simulator.routes import PERMISSIONS, ROUTES
from connectors.brightspace.simulator.scopes import CORE, covers
from connectors.brightspace.simulator.signing import sign
from tests.connectors.brightspace.site import (
    LE,
    LP,
    ORG,
    START,
    Client,
    fixture,
    person,
    simulator,
)

ERRORS = fixture("errors")


@pytest.fixture
def client() -> Client:
    return Client(simulator(users=3))


@pytest.mark.parametrize(
    "sent", [None, "Basic YTpi", "Nonsense", "Bearer ", "Bearer nosuch", "Bearer a.b.c"]
)
def test_calls_without_a_living_token(client: Client, sent: str | None) -> None:
    answer = client("GET users/", headers={"Authorization": sent} if sent else {})
    assert answer.status_code == 401
    body = json.loads(answer.data)
    recorded = ERRORS["unauthorized_bad_token"]
    assert body.keys() == recorded["body"].keys()
    assert body["type"] == recorded["body"]["type"]
    assert answer.content_type == recorded["headers"]["Content-Type"]
    if sent == "Bearer a.b.c":
        assert body == recorded["body"]
    assert list(client.site.calls) == []
    assert "X-Request-Cost" not in answer.headers


def test_calls_are_noted_with_their_queries(client: Client) -> None:
    client.status("GET users/", userName="user1")
    client.status("DELETE users/999")
    calls = [("GET", f"{LP}/users/"), ("DELETE", f"{LP}/users/999")]
    assert list(client.site.calls) == calls
    assert list(client.site.queries) == ["userName=user1", ""]


@pytest.mark.parametrize(
    ("granted", "wanted", "covered"),
    [
        ("users:userdata:read", "users:userdata:read", True),
        ("x:y:z users:*:*", "users:userdata:read", True),
        ("users:userdata:*", "users:userdata:delete", True),
        ("users:userdata:read", "users:userdata:delete", False),
        ("users:userdata", "users:userdata:read", False),
        ("core:*:*", "users:userdata:read", False),
        ("core:*:*", CORE, True),
        ("", "users:userdata:read", False),
    ],
)
def test_scopes_cover(granted: str, wanted: str, covered: bool) -> None:
    assert covers(granted, wanted) is covered


def test_each_route_wants_its_scope() -> None:
    client = Client(simulator(), scope="users:userdata:read")
    assert client.status("GET users/") == 200
    answer = client("POST users/", person("ada"))
    body, recorded = json.loads(answer.data), ERRORS["forbidden_scope"]["body"]
    assert answer.status_code == 403
    assert {**body, "detail": ""} == {**recorded, "detail": ""}
    assert body["detail"] == f"{recorded['detail']} or core:*:*"
    assert client.status("GET roles/") == 403
    assert client.site.users.find("user_name", "ada") == []


def test_the_core_scope_opens_routes_but_those_born_with_another() -> None:
    client = Client(simulator(users=1), scope=CORE)
    assert client.status("GET users/") == 200
    assert client.status("GET auditing/auditees/1", base=LE) == 404
    assert client.refused("POST enrollments/batch/", []) == (
        403,
        "Required: enrollment:orgunit:create",
    )
    client.site.settings.without_core = {"lp GET users/"}
    assert client.status("GET users/") == 403
    assert client.ok("POST enrollments/batch/", []) == []


def test_routes_without_a_scope_of_their_own_want_the_core_scope() -> None:
    client = Client(simulator(users=1), scope="users:*:*")
    wanted = client.refused("GET auditing/auditees/1", base=LE)
    assert wanted == (403, "Required: core:*:*")


@pytest.mark.parametrize("scope", ["users:profile:read", "users:own_profile:read"])
def test_either_of_two_scopes_is_enough(scope: str) -> None:
    assert Client(simulator(), scope=scope).status("GET users/whoami") == 200


def test_permissions_may_be_missing(client: Client) -> None:
    client.site.settings.denied = {"Users.Delete"}
    answer = client("DELETE users/3163")
    body, recorded = json.loads(answer.data), ERRORS["forbidden_permission"]["body"]
    assert answer.status_code == 403
    assert {**body, "detail": ""} == {**recorded, "detail": ""}
    detail = f"Not authorized for [ orgUnitId: {ORG}, securityVariableName: Users.Delete ]"
    assert body["detail"] == detail
    assert 3163 in client.site.users
    assert "Retry-After" not in answer.headers
    assert "Users.LegalNames" in PERMISSIONS


def test_versions_are_told_without_a_token(client: Client) -> None:
    told = client.ok("GET /d2l/api/versions/", headers={})
    assert told == fixture("versions")
    assert client.ok("GET /d2l/api/lp/versions/", headers={}) == told[0]
    asked = fixture("versions_check")
    assert client.ok("POST /d2l/api/versions/check", asked["request"]) == asked["response"]
    wrong = [{"ProductCode": "lp", "Version": "1.9"}, {"ProductCode": "zz", "Version": "1.0"}]
    checked = client.ok("POST /d2l/api/versions/check", wrong)
    assert not checked["Supported"]
    assert [row["Supported"] for row in checked["Versions"]] == [False, False]
    assert client.ok("GET /d2l/api/lp/versions/1.49")["Supported"] is True
    assert client.ok("GET /d2l/api/lp/versions/1.9")["Supported"] is False
    for path in ("GET /d2l/api/versions", "GET /d2l/api/zz/versions/"):
        assert client.status(path) == 404
    assert client.status("POST /d2l/api/versions/", []) == 405


def test_the_latest_version_is_found_by_numbers() -> None:
    client = Client(simulator(versions={"lp": ("1.9", "1.49")}))
    assert client.ok("GET /d2l/api/lp/versions/")["LatestVersion"] == "1.49"


@pytest.mark.parametrize("base", ["lp/1.45", "lp/1.63", "lp/unstable", "le/1.49", "zz/1.0"])
def test_other_versions_are_not_there(client: Client, base: str) -> None:
    assert client.status("GET users/", base=f"/d2l/api/{base}") == 404


def test_slashes_count_and_case_does_not(client: Client) -> None:
    strict = ("users", "users/3163/", "users/3163/password/", "roles", "users/x", "users/0", "x/")
    for path in strict:
        assert client.status(f"GET {path}") == 404, path
    assert client.ok("GET USERS/", USERNAME="user1")["UserId"] == 3163
    assert client.status("GET Enrollments/orgunits/6606/Users/") == 200
    assert client.status("GET /d2l/api/LP/1.62/users/3163") == 200
    assert client.status("PATCH users/3163", {}) == 405
    assert client.status("GET /d2l/home") == 404


def test_the_organization_is_told_to_everybody(client: Client) -> None:
    assert client.ok("GET organization/info", headers={}) == fixture("organization_info")
    assert client.ok("GET organization/info") == fixture("organization_info")
    assert client.status("GET organization/info", headers={"Authorization": "Bearer x"}) == 401


def test_credits(client: Client) -> None:
    client.site.settings.credits_per_minute = 25
    first = client("GET users/")
    assert {name: value for name, value in first.headers if name.startswith("X-R")} == {
        "X-Rate-Limit-Remaining": "15",
        "X-Request-Cost": "10",
        "X-Rate-Limit-Reset": "60",
    }
    client.site.clock.advance(22.5)
    second = client("GET users/999")
    assert (second.status_code, second.headers["X-Rate-Limit-Remaining"]) == (404, "5")
    assert second.headers["X-Rate-Limit-Reset"] == "38"
    over = client("POST users/", person("ada"))
    assert (over.status_code, over.headers["Retry-After"], over.data) == (429, "38", b"")
    assert not [name for name, _ in over.headers if name.startswith("X-R")]
    assert "Content-Type" not in over.headers
    assert client.site.users.find("user_name", "ada") == []
    client.site.clock.advance(37.5)
    assert client("GET users/").headers["X-Rate-Limit-Remaining"] == "15"


def test_costs_differ_and_limits_may_be_off(client: Client) -> None:
    client.site.settings.route_costs = {"lp GET users/": 40}
    answer = client("GET users/")
    assert (answer.headers["X-Request-Cost"], client.site.credits.remaining) == ("40", 49_960)
    assert client("GET roles/").headers["X-Request-Cost"] == "10"
    client.site.settings.rate_limited = False
    client.site.settings.credits_per_minute = 0
    free = client("GET users/")
    assert free.status_code == 200
    assert not [name for name, _ in free.headers if name.startswith("X-R")]


def test_the_recorded_refusals(client: Client) -> None:
    missing = client("GET users/", userName="nobody")
    recorded = ERRORS["user_lookup_no_match"]
    assert (missing.status_code, missing.get_json()) == (404, recorded["body"])
    assert missing.content_type == recorded["headers"]["Content-Type"]
    taken = client("POST users/", person("user1"))
    assert (taken.status_code, taken.get_json()) == (400, ERRORS["bad_request_legacy"]["body"])
    broken = client.http.post(
        f"{LP}/users/", data="{", headers={"Authorization": f"Bearer {client.token}"}
    )
    assert json.loads(broken.data) == ERRORS["bad_request_problem"]["body"]
    assert broken.content_type == "application/problem+json; charset=UTF-8"
    unit = client("GET orgstructure/9")
    assert json.loads(unit.data) == ERRORS["not_found_problem"]["body"]


@pytest.mark.parametrize("form", ["problem", "legacy", "html", "empty"])
def test_refusals_take_any_form(client: Client, form: str) -> None:
    client.site.settings.error_bodies = form
    for address in ("GET users/?userName=nobody", "GET orgstructure/9"):
        answer = client(address)
        assert answer.status_code == 404
        if form == "problem":
            assert json.loads(answer.data)["title"] == "Resource Not Found"
        elif form == "legacy":
            assert answer.get_json() == ERRORS["user_lookup_no_match"]["body"]
        elif form == "html":
            assert answer.text == 'Errors: [ { Message: "Resource Not Found" } ]'
            assert answer.mimetype == "text/html"
        else:
            assert (answer.data, "Content-Type" in answer.headers) == (b"", False)


@pytest.mark.parametrize("name", ["error_bodies", "last_bookmark"])
def test_unknown_choices_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        simulator(**{name: "other"})


def signed(client: Client, path: str, **changes: str) -> dict[str, str]:
    keys = client.site.id_keys
    assert keys is not None
    base = f"GET&{path.lower()}&{START}"
    given = {
        "x_a": keys.app_id,
        "x_b": keys.user_id,
        "x_c": sign(keys.app_key, base),
        "x_d": sign(keys.user_key, base),
        "x_t": str(START),
    }
    return {**given, **changes}


def test_id_keys_sign_calls() -> None:
    client = Client(simulator(users=1, id_keys=True))
    path = f"{LP}/users/"
    right = signed(client, path)
    assert client.status("GET users/", headers={}, **right, userName="user1") == 200
    for wrong in ({"x_a": "x"}, {"x_b": "x"}, {"x_c": "x"}, {"x_d": "x"}, {"x_t": "x"}):
        answer = client("GET users/", headers={}, **{**right, **wrong})
        assert (answer.status_code, answer.text) == (403, "Invalid token")
    client.site.clock.advance(301)
    late = client("GET users/", headers={}, **right)
    assert (late.status_code, late.text[:22]) == (403, "Timestamp out of range")
    client.site.clock.set(START)
    client.ok("PUT users/177/password", {"Password": "Example-Passw0rd"})
    assert client.status("GET users/", headers={}, **right) == 403


def test_id_keys_count_only_where_they_are_on(client: Client) -> None:
    assert client.status("GET users/", headers={}, x_a="a", x_t=str(START)) == 403


def test_faults(client: Client) -> None:
    client.simulator.faults.add("status", status=429, retry_after=7, match="/users/")
    answer = client("GET users/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert client.status("GET users/") == 200


def test_control(client: Client) -> None:
    http = client.http
    client.ok("GET users/")
    assert http.get("/_simulator/calls").json == {f"GET {LP}/users/": 1}
    assert http.delete("/_simulator/calls").status_code == 204
    assert list(client.site.calls) == []
    assert http.post("/_simulator/settings", json={"page_size": 2}).status_code == 204
    assert len(client.ok("GET users/")["Items"]) == 2
    for wrong in ({"page_size": 0}, {"nosuch": 1}, {"case_sensitive": True}):
        assert http.post("/_simulator/settings", json=wrong).status_code == 400
    assert http.post("/_simulator/clock", json={"advance": 5}).status_code == 204
    assert client.site.clock.now() == START + 5
    assert http.post("/_simulator/clock", json={}).status_code == 400
    assert http.post("/_simulator/faults", json={"kind": "status"}).status_code == 204
    assert http.post("/_simulator/faults", json={"kind": "x"}).status_code == 400
    assert client.status("GET users/") == 503
    http.post("/_simulator/faults", json={"kind": "status"})
    assert http.delete("/_simulator/faults").status_code == 204
    assert client.status("GET users/") == 200
    given = http.post("/_simulator/consents", json={"scope": CORE}).json
    assert given["client_id"] == client.site.client_id
    told = client.ask(grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert told.json["scope"] == CORE
    names = [row["user_name"] for row in http.get("/_simulator/users").json]
    assert names == ["svc.scim", "user1", "user2", "user3"]
    assert [row["id"] for row in http.get("/_simulator/units").json] == [6606, 6650, 6655, 6660]
    assert len(http.get("/_simulator/enrollments").json) == 4


def test_threads_do_not_disturb_one_another(client: Client) -> None:
    made: list[Any] = []

    def work(number: int) -> None:
        http = client.simulator.test_client()
        headers = {"Authorization": f"Bearer {client.token}"}
        for turn in range(10):
            body = person(f"p{number}-{turn}")
            answer = http.post(f"{LP}/users/", json=body, headers=headers)
            made.append(answer.get_json()["UserId"])
            http.get(f"{LP}/users/", headers=headers)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(made)) == 40
    assert len(client.site.users) == 44


def test_one_of_many_exchanges_at_once_wins(client: Client) -> None:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": client.refresh_token,
        "client_id": client.site.client_id,
        "client_secret": client.site.client_secret,
    }
    told: list[int] = []

    def work() -> None:
        http = client.simulator.test_client()
        told.append(http.post("/core/connect/token", data=form).status_code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [200, *[400] * 5]


def test_addresses_are_told_apart() -> None:
    addresses = [route.address for route in ROUTES]
    assert len(set(addresses)) == len(addresses)


def test_the_last_credits_may_be_spent(client: Client) -> None:
    client.site.settings.credits_per_minute = 20
    assert [client.status("GET roles/") for _ in range(3)] == [200, 200, 429]
