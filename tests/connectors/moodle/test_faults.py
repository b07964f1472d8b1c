"""Faults of LMS simulators, in process and over a loopback port."""

from __future__ import annotations

import httpx
import pytest

from connectors.moodle.simulator import Simulator, create_simulator
from tests.connectors.moodle.client import REST, Client, flatten, new_user


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=12, cohorts=2)


def send(simulator: Simulator, username: str) -> httpx.Response:
    fields = {"wstoken": simulator.site.token, "wsfunction": "core_user_create_users"}
    fields |= {"moodlewsrestformat": "json"} | flatten({"users": [new_user(username)]})
    transport = httpx.WSGITransport(app=simulator)
    with httpx.Client(transport=transport, base_url="http://moodle.example") as client:
        return client.post(REST, data=fields)


@pytest.mark.parametrize(
    ("kind", "status", "commits"),
    [
        ("status", 503, False),
        ("timeout_before", 504, False),
        ("timeout_after", 200, True),
        ("html", 200, False),
        ("truncated", 200, True),
    ],
)
def test_a_fault_with_an_answer(
    simulator: Simulator, kind: str, status: int, commits: bool
) -> None:
    simulator.faults.add(kind)
    answer = send(simulator, "x")
    assert answer.status_code == status
    assert (simulator.site.find_user("x") is not None) is commits
    if kind == "truncated":
        assert int(answer.headers["content-length"]) > len(answer.content) > 0
    assert send(simulator, "y").json()[0]["username"] == "y"


@pytest.mark.parametrize(("kind", "commits"), [("drop_before", False), ("drop_after", True)])
def test_a_dropped_connection(simulator: Simulator, kind: str, commits: bool) -> None:
    simulator.faults.add(kind, match="core_user_create_users")
    with pytest.raises(ConnectionResetError):
        send(simulator, "x")
    assert (simulator.site.find_user("x") is not None) is commits


def test_a_fault_is_used_as_often_as_said_and_only_where_it_matches(simulator: Simulator) -> None:
    simulator.faults.add("status", match="wsfunction=core_user_create_users", times=2)
    assert send(simulator, "x").status_code == 503
    assert Client(simulator)("core_webservice_get_site_info")["userid"] == 3
    assert send(simulator, "x").status_code == 503
    assert simulator.faults.planned == []
    assert send(simulator, "x").status_code == 200


def test_faults_leave_the_control_routes_alone(simulator: Simulator) -> None:
    simulator.faults.add("drop_before", times=9)
    http = simulator.test_client()
    assert http.get("/_simulator/calls").status_code == 200
    assert http.delete("/_simulator/faults").status_code == 204
    assert simulator.faults.planned == []


def test_an_unknown_kind_is_refused(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="drop_before"):
        simulator.faults.add("nosuch")


@pytest.mark.parametrize(
    ("kind", "error", "commits"),
    [
        ("drop_before", httpx.RemoteProtocolError, False),
        ("drop_after", httpx.RemoteProtocolError, True),
        ("truncated", httpx.RemoteProtocolError, True),
        ("timeout_after", httpx.ReadTimeout, True),
        ("timeout_before", httpx.ReadTimeout, False),
    ],
)
def test_over_a_port_the_client_sees_no_usable_answer(
    simulator: Simulator, address: str, kind: str, error: type[Exception], commits: bool
) -> None:
    delay = 0.6 if kind.startswith("timeout") else 0
    simulator.faults.add(kind, match="core_user_create_users", delay=delay)
    fields = {"wstoken": simulator.site.token, "wsfunction": "core_user_create_users"}
    fields |= {"moodlewsrestformat": "json"} | flatten({"users": [new_user("x")]})
    with httpx.Client(base_url=address, timeout=0.4) as client, pytest.raises(error):
        client.post(REST, data=fields)
    assert (simulator.site.find_user("x") is not None) is commits
