"""Tokens, the budget of calls, faults, control routes and threads of the simulator."""

from __future__ import annotations

import threading
from base64 import b64encode
from typing import Any

import pytest

from connectors.blackboard.simulator import Clock, create_simulator
from tests.connectors.blackboard.site import PREFIX, START, Client, check_as, person

REFUSED = {
    (): "API request is not authenticated.",
    ("Basic YTpi",): "API request is not authenticated.",
    ("Nonsense",): "API request is not authenticated.",
    ("Bearer ",): "API request is not authenticated.",
    ("Bearer nosuch",): "Bearer token is invalid",
}


@pytest.fixture
def client() -> Client:
    return Client(create_simulator(users=3, clock=Clock(START)))


@pytest.mark.parametrize("sent", REFUSED)
def test_calls_without_a_living_token(client: Client, sent: tuple[str, ...]) -> None:
    headers = {"Authorization": sent[0]} if sent else {}
    answer = client("GET v1/users", headers=headers)
    assert (answer.status_code, answer.get_json()) == (
        401,
        {"status": 401, "message": REFUSED[sent]},
    )
    assert list(client.site.calls) == []
    assert client.site.budget.used == 0


def test_a_token_is_given_out_again_as_long_as_it_lives(client: Client) -> None:
    first = client.ask_for_token().json
    assert (len(first["access_token"]), first["access_token"].isalnum()) == (32, True)
    assert (first["token_type"], first["expires_in"]) == ("bearer", 3600)
    client.site.clock.advance(1201)
    second = client.ask_for_token().json
    assert (second["access_token"], second["expires_in"]) == (first["access_token"], 2399)
    client.site.clock.advance(2398.5)
    assert client.status("GET v1/users") == 200
    assert client.ask_for_token().json["expires_in"] == 0
    client.site.clock.advance(0.5)
    assert client.refused("GET v1/users") == (401, "Bearer token is invalid")
    third = client.ask_for_token().json
    assert third["access_token"] != first["access_token"]
    client.token = third["access_token"]
    client.site.tokens.revoke()
    assert client.status("GET v1/users") == 401


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"auth": ("x", "y")}, 401, "invalid_client"),
        ({"auth": None}, 401, "invalid_client"),
        ({"data": {}}, 400, "invalid_request"),
        ({"data": {"grant_type": "password"}}, 400, "unsupported_grant_type"),
        ({"data": {"grant_type": "authorization_code", "code": "x"}}, 400, "invalid_grant"),
    ],
)
def test_refused_requests_for_a_token(
    client: Client, changes: dict[str, Any], status: int, error: str
) -> None:
    answer = client.ask_for_token(**changes)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    check_as("OAuth2Error", answer.json)
    assert "X-Rate-Limit-Limit" not in answer.headers


def test_the_grant_may_be_in_the_query(client: Client) -> None:
    answer = client.ask_for_token(data=None, query_string={"grant_type": "client_credentials"})
    assert answer.json["access_token"] == client.token


def test_what_a_token_is_for(client: Client) -> None:
    pair = f"{client.site.client_id}:{client.site.client_secret}".encode()
    headers = {"Authorization": f"Basic {b64encode(pair).decode()}"}
    told = client.ok(f"GET v1/oauth2/tokeninfo?access_token={client.token}", headers=headers)
    assert told == {"application_id": client.site.application_id, "scope": "*"}
    answer = client("GET v1/oauth2/tokeninfo?access_token=x", headers=headers)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
    assert client.site.budget.used == 0


@pytest.mark.parametrize(("state", "status"), [("disabled", 403), ("missing", 404)])
def test_an_application_that_is_not_there(client: Client, state: str, status: int) -> None:
    client.site.settings.application = state
    assert client.status("GET v1/users") == status
    assert client.ask_for_token().status_code == 401


def test_the_version_needs_no_token(client: Client) -> None:
    told = client.ok("GET v1/system/version", headers={})
    assert told["learn"] == {"major": 3900, "minor": 123, "patch": 0, "build": "rel.1+simulated"}
    assert list(client.site.calls) == []
    client.ok("GET v1/system/version")
    assert list(client.site.calls) == [("GET", f"{PREFIX}/v1/system/version")]


def test_calls_are_counted_with_their_queries(client: Client) -> None:
    client.ok("GET v1/users?limit=1")
    client.refused("GET v1/users/userName:no%20one")
    paths = ["v1/users", "v1/users/userName:no one"]
    assert list(client.site.calls) == [("GET", f"{PREFIX}/{path}") for path in paths]
    assert list(client.site.queries) == ["limit=1", ""]


def test_the_budget_of_calls(client: Client) -> None:
    settings = client.site.settings
    settings.daily_limit = 2
    first = client("GET v1/users")
    assert first.headers["X-Rate-Limit-Limit"] == "2"
    assert first.headers["X-Rate-Limit-Remaining"] == "1"
    assert "Retry-After" not in first.headers
    client.site.clock.advance(400)
    assert client("GET v1/users/_999_1").headers["X-Rate-Limit-Remaining"] == "0"
    over = client("POST v1/users", person("zo"))
    assert (over.status_code, over.get_json()["message"]) == (429, "API rate limit exceeded")
    assert over.headers["X-Rate-Limit-Remaining"] == "0"
    assert over.headers["Retry-After"] == "86000"
    assert "X-Rate-Limit-Reset" not in over.headers
    assert client.site.users.find("userName", "zo") is None
    assert client.ask_for_token().status_code == 200
    client.site.clock.advance(86_000)
    client.token = client.ask_for_token().json["access_token"]
    assert client("GET v1/users").headers["X-Rate-Limit-Remaining"] == "1"


def test_enforcement_may_lag_behind(client: Client) -> None:
    client.site.settings.daily_limit = 1
    client.site.settings.late_calls = 2
    assert [client.status("GET v1/users") for _ in range(4)] == [200, 200, 200, 429]


def test_the_older_style_of_headers(client: Client) -> None:
    client.site.settings.rate_header_style = "reset"
    client.site.settings.daily_limit = 1
    assert client("GET v1/users").headers["X-Rate-Limit-Reset"] == "86400"
    client.site.clock.advance(100)
    over = client("GET v1/users")
    assert (over.status_code, over.headers["X-Rate-Limit-Reset"]) == (429, "86300")
    assert "Retry-After" not in over.headers


@pytest.mark.parametrize("address", ["GET v1/users", "DELETE v1/users/_101_1", "PUT v1/nosuch"])
def test_every_answer_tells_of_the_budget(client: Client, address: str) -> None:
    answer = client(address)
    assert answer.headers["X-Rate-Limit-Limit"] == "10000"
    assert answer.headers["X-Rate-Limit-Remaining"] == "9999"
    assert client(address, headers={}).headers["X-Rate-Limit-Remaining"] == "9999"


@pytest.mark.parametrize(
    ("kind", "status", "commits"),
    [
        ("status", 503, False),
        ("timeout_before", 504, False),
        ("timeout_after", 201, True),
        ("html", 200, False),
        ("truncated", 201, True),
    ],
)
def test_faults(client: Client, kind: str, status: int, commits: bool) -> None:
    client.simulator.faults.add(kind, match="userName")
    headers = {"Authorization": f"Bearer {client.token}"}
    answer = client.http.post(f"{PREFIX}/v1/users", json=person("zo"), headers=headers)
    assert answer.status_code == status
    assert (client.site.users.find("userName", "zo") is not None) is commits
    assert client.simulator.faults.planned == []


def test_control_routes(client: Client) -> None:
    http = client.http
    client.ok("GET v1/users")
    assert http.get("/_simulator/calls").json == {f"GET {PREFIX}/v1/users": 1}
    assert http.delete("/_simulator/calls").status_code == 204
    assert list(client.site.calls) == []
    assert len(http.get("/_simulator/users").json) == len(client.site.users)
    assert http.get("/_simulator/courses").json == []
    assert http.get("/_simulator/memberships").json == []
    changed = {"version": [3900, 65, 0], "entitlements": [], "short_pages": True}
    assert http.post("/_simulator/settings", json=changed).status_code == 204
    assert client.site.settings.version == (3900, 65, 0)
    assert client.status("GET v1/users") == 403
    for wrong in ({"colour": 1}, {"rate_header_style": "x"}, {"own_user": "x"}):
        assert http.post("/_simulator/settings", json=wrong).status_code == 400
    assert http.post("/_simulator/clock", json={"advance": 3600}).status_code == 204
    assert client.status("GET v1/users") == 401
    assert http.post("/_simulator/clock", json={}).status_code == 400
    assert http.post("/_simulator/faults", json={"kind": "html"}).status_code == 204
    assert http.post("/_simulator/faults", json={"kind": "x"}).status_code == 400
    assert len(client.simulator.faults.planned) == 1
    assert http.delete("/_simulator/faults").status_code == 204
    assert client.simulator.faults.planned == []


@pytest.mark.parametrize(
    "settings",
    [{"unknown_properties": "x"}, {"version": (3900,)}, {"application": "gone"}],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        create_simulator(**settings)


def test_the_same_numbers_give_the_same_site() -> None:
    first, second = (create_simulator(40, 7, clock=Clock(START)).site for _ in range(2))
    for table in ("users", "courses", "memberships", "groups", "terms"):
        bodies = [row.body for row in getattr(first, table).values()]
        assert bodies == [row.body for row in getattr(second, table).values()]
        assert bodies


def test_calls_at_once_do_not_disturb_one_another() -> None:
    simulator = create_simulator()
    token = Client(simulator).token
    statuses: list[int] = []

    def work(number: int) -> None:
        client = Client(simulator, token)
        for step in range(10):
            statuses.append(client.status("POST v1/users", person(f"u{step}")))
            client.status("POST v1/users", person(f"own-{number}-{step}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] * 10 + [409] * 70
    assert len(simulator.site.users) == 2 + 10 + 80
    assert len(simulator.site.calls) == simulator.site.budget.used == 160


class WatchedLock:
    """A lock that tells whether it is held."""

    def __init__(self) -> None:
        self.inner = threading.RLock()
        self.depth = 0

    def __enter__(self) -> None:
        self.inner.acquire()
        self.depth += 1

    def __exit__(self, *error: object) -> None:
        self.depth -= 1
        self.inner.release()


def test_a_call_holds_the_lock_from_its_beginning_to_its_end(client: Client) -> None:
    lock: Any = WatchedLock()
    client.site.lock = lock
    held = []
    now = client.site.clock.now

    def look() -> float:
        held.append(lock.depth)
        return now()

    client.site.clock.now = look  # type: ignore[method-assign]
    client.ok("POST v1/users", person("zo"))
    client.ask_for_token()
    assert set(held) == {1}
    assert len(held) > 4
    assert lock.depth == 0
